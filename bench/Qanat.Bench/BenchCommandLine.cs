using System.CommandLine;
using Qanat.Bench.Gm;
using Qanat.Bench.Micro;
using Qanat.Bench.Report;

namespace Qanat.Bench;

/// <summary><c>Qanat.Bench AREA [--quick] [--json FILE] [--only GROUP]...</c>, <c>results</c> and <c>micro</c>.</summary>
public static class BenchCommandLine
{
    public static Task<int> RunAsync(string[] arguments)
    {
        RootCommand root = new("Side-by-side measurements of Qanat and its peers. Peers: bench/peers.sh.");
        root.Subcommands.Add(Tunnel(arguments));
        root.Subcommands.Add(Cpu(arguments, "gm", "SM2, SM3 and SM4 against libgcrypt, OpenSSL, BouncyCastle and .NET's AesGcm, on one pinned core.", CpuArea.GmTopics));
        root.Subcommands.Add(Cpu(arguments, "tls", "Handshakes and records of TLCP and TLS 1.3-SM against BouncyCastle and SslStream, on one pinned core.", CpuArea.TlsTopics));
        Command results = new("results", "Make bench/RESULTS.md anew from bench/results/*.json.");
        results.SetAction(_ => Console.Out.WriteLine(new ResultsBook(ResultsBook.FindBenchFolder()).Regenerate()));
        root.Subcommands.Add(results);
        Command micro = new("micro", "BenchmarkDotNet on the wire kernels: masking, header codecs.");
        micro.SetAction(_ => MicroRunner.Run());
        root.Subcommands.Add(micro);
        root.Subcommands.Add(Hold());
        return root.Parse(arguments).InvokeAsync();
    }

    private static Command Tunnel(string[] arguments)
    {
        Option<bool> quick = new("--quick") { Description = "3 short rounds, at most 90 s; nothing is kept." };
        Option<FileInfo?> json = new("--json") { Description = "Also write the report to this file." };
        Option<string[]> only = new("--only") { Description = "Only this group of metrics; may be given more than once." };
        only.AcceptOnlyFromAmong([.. TunnelArea.Groups.Select(group => group.Name).Distinct()]);
        Command command = new("tunnel", "The double-layer tunnel against OpenSSH, strelaysrv, HTTPS, Nerdbank.Streams and dev-tunnels-ssh.") { quick, json, only };
        command.SetAction((parsed, _) => RunAreaAsync(arguments, parsed.GetValue(json), parsed.GetValue(only) ?? [],
            (chosen, line, folder) => new TunnelArea(parsed.GetValue(quick), chosen).RunAsync(line, folder)));
        return command;
    }

    private static Command Cpu(string[] arguments, string area, string description, IReadOnlyList<(string Name, Func<IGmTopic> Make)> topics)
    {
        Option<bool> quick = new("--quick") { Description = "5 short rounds; nothing is kept." };
        Option<FileInfo?> json = new("--json") { Description = "Also write the report to this file." };
        Option<string[]> only = new("--only") { Description = "Only this topic; may be given more than once." };
        only.AcceptOnlyFromAmong([.. topics.Select(topic => topic.Name)]);
        Command command = new(area, description) { quick, json, only };
        command.SetAction((parsed, _) => RunAreaAsync(arguments, parsed.GetValue(json), parsed.GetValue(only) ?? [],
            (chosen, line, folder) => new CpuArea(area, topics, parsed.GetValue(quick), chosen).RunAsync(line, folder)));
        return command;
    }

    /// <summary>Runs an area and prints its table; a whole run that is not quick is kept.</summary>
    private static async Task<int> RunAreaAsync(string[] arguments, FileInfo? json, string[] chosen, Func<string[], string, string, Task<AreaReport>> run)
    {
        string folder = ResultsBook.FindBenchFolder();
        string line = $"dotnet run -c Release --project bench/Qanat.Bench -- {string.Join(' ', arguments)}";
        AreaReport report = await run(chosen, line, folder);
        ConsoleTable.Print(report);
        if (json is { } file)
        {
            ResultsBook.Write(report, file.FullName);
        }
        if (!report.Quick && chosen.Length == 0)
        {
            ResultsBook book = new(folder);
            Console.Error.WriteLine($"kept as {book.Keep(report)}; {book.Regenerate()} made anew");
        }
        return 0;
    }

    /// <summary>For profilers: starts ours with generator and backend, and repeats one load until standard input closes.</summary>
    private static Command Hold()
    {
        Option<int> hubs = new("--hubs") { DefaultValueFactory = _ => 1, Description = "1 or 2." };
        Option<int> delay = new("--delay") { Description = "Round trip in milliseconds; 0 is loopback." };
        Option<string> load = new("--load") { DefaultValueFactory = _ => "bulk", Description = "bulk, http or none." };
        load.AcceptOnlyFromAmong("bulk", "http", "none");
        Command command = new("hold", "Start ours and keep it loaded, for profilers; prints process ids and the cost of each second.") { hubs, delay, load };
        command.SetAction((parsed, _) => HoldRunner.RunAsync(parsed.GetValue(hubs), parsed.GetValue(delay), parsed.GetValue(load)!));
        return command;
    }
}
