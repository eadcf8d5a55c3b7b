using System.CommandLine;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Psi.Client;
using Psi.Data;
using Psi.Protocol;
using Psi.Server;

namespace Psi;

/// <summary>The command line: <c>server</c>, <c>run</c>, <c>truth</c>, <c>split</c>. Exit codes: 0 done, 1 failed, 2 wrong input.</summary>
internal static class PsiCommand
{
    internal const int Failed = 1;
    internal const int WrongInput = 2;

    internal static async Task<int> InvokeAsync(string[] args)
    {
        ParseResult parsed = Build().Parse(args);
        int code = await parsed.InvokeAsync();
        return parsed.Errors.Count > 0 ? WrongInput : code;
    }

    private static RootCommand Build() =>
        new("Private set intersection and intersection-sum between two organisations, over plain HTTP.") { Server(), Run(), MakeTruth(), Split() };

    private static Command Server()
    {
        TableOptions table = new();
        Option<string> listen = new("--listen") { Description = "Address to listen on; port 0 takes a free one.", DefaultValueFactory = _ => "127.0.0.1:0" };
        Command command = new("server", "Serves the own table. The first line on standard output says where, in JSON.") { listen };
        table.AddTo(command);
        command.SetAction((parsed, cancel) => GuardAsync(async () =>
        {
            if (!IPEndPoint.TryParse(parsed.GetValue(listen)!, out IPEndPoint? address))
            {
                throw new InvalidDataException($"--listen {parsed.GetValue(listen)}: write ADDRESS:PORT, such as 127.0.0.1:8080.");
            }
            Records records = table.Read(parsed);
            await using WebApplication app = PsiServer.Build(records, address);
            await app.StartAsync(cancel);
            Print(new Listening(app.Urls.First(), records.Count, Environment.ProcessId), PsiJson.Default.Listening);
            await app.WaitForShutdownAsync(cancel);
            return 0;
        }));
        return command;
    }

    private static Command Run()
    {
        TableOptions table = new();
        Option<string> server = new("--server") { Description = "The serving party, such as http://psi.hospital-b.qanat/.", Required = true };
        Option<int> batch = new("--batch") { Description = "Ids in one request.", DefaultValueFactory = _ => 200 };
        Option<int> parallel = new("--parallel") { Description = "Requests in flight.", DefaultValueFactory = _ => 8 };
        Option<bool> close = new("--connection-close") { Description = "A new connection for every request." };
        Option<int> retries = new("--retries") { Description = "Tries after a request failed.", DefaultValueFactory = _ => 3 };
        Option<int> timeout = new("--timeout-seconds") { Description = "Bound of one request.", DefaultValueFactory = _ => 60 };
        Option<bool> progress = new("--progress") { Description = "Lines of JSON on standard error as the run goes on." };
        Option<bool> json = new("--json") { Description = "The result as JSON." };
        Command command = new("run", "Runs the protocol with a server.") { server, batch, parallel, close, retries, timeout, progress, json };
        table.AddTo(command);
        command.SetAction((parsed, cancel) => GuardAsync(async () =>
        {
            RunOptions options = new()
            {
                Server = CheckServer(parsed.GetValue(server)!),
                Batch = CheckRange("--batch", parsed.GetValue(batch), 1, Batches.MaxSize),
                Parallel = CheckRange("--parallel", parsed.GetValue(parallel), 1, 256),
                Retries = CheckRange("--retries", parsed.GetValue(retries), 0, 100),
                Timeout = TimeSpan.FromSeconds(CheckRange("--timeout-seconds", parsed.GetValue(timeout), 1, 3600)),
                ConnectionClose = parsed.GetValue(close),
                OnProgress = parsed.GetValue(progress) ? p => Console.Error.WriteLine(JsonSerializer.Serialize(p, PsiJson.Default.Progress)) : null,
            };
            RunResult result = await new PsiClient(table.Read(parsed), options).RunAsync(cancel);
            if (parsed.GetValue(json))
            {
                Print(result, PsiJson.Default.RunResult);
            }
            else
            {
                Console.WriteLine(result.Ok
                    ? $"{result.Size} of {result.Ids} ids are also among the server's {result.ServerIds}; their sum is {result.Sum}."
                    : $"Failed: {result.Error}");
                Console.WriteLine($"{result.Requests} requests, {result.FailedRequests} failed, {result.BytesSent + result.BytesReceived} bytes, {result.Seconds} s.");
            }
            return result.Ok ? 0 : Failed;
        }));
        return command;
    }

    private static Command MakeTruth()
    {
        Option<FileInfo> a = new("--a") { Description = "A's table." };
        Option<FileInfo> b = new("--b") { Description = "B's table." };
        GenerateOptions generate = new();
        Option<bool> json = new("--json") { Description = "The result as JSON." };
        Command command = new("truth", "Computes the answer in the clear from both tables, to check a run.") { a, b, json };
        generate.AddTo(command);
        command.SetAction((parsed, _) => GuardAsync(() =>
        {
            Truth truth = (parsed.GetValue(a), parsed.GetValue(b)) switch
            {
                (FileInfo fileOfA, FileInfo fileOfB) => Truth.Of(Records.Load(fileOfA.FullName), Records.Load(fileOfB.FullName)),
                (null, null) when generate.Given(parsed) => Truth.Of(generate.Read(parsed, Party.A), generate.Read(parsed, Party.B)),
                _ => throw new InvalidDataException("Give --a FILE and --b FILE, or --generate N."),
            };
            if (parsed.GetValue(json))
            {
                Print(truth, PsiJson.Default.Truth);
            }
            else
            {
                Console.WriteLine($"{truth.Size} ids in both ({truth.IdsA} and {truth.IdsB}); sum of A's numbers {truth.SumA}, of B's {truth.SumB}.");
            }
            return Task.FromResult(0);
        }));
        return command;
    }

    private static Command Split()
    {
        Argument<FileInfo> source = new("FILE") { Description = "A table of 'id,value' lines." };
        Option<Party> party = new("--party") { Description = "Whose part.", Required = true };
        Command command = new("split", "Writes one party's part of a public table to standard output, by a fixed rule.") { source, party };
        command.SetAction((parsed, _) => GuardAsync(() =>
        {
            Records records = Records.Load(parsed.GetValue(source)!.FullName);
            Console.WriteLine("id,value");
            for (int i = 0; i < records.Count; i++)
            {
                if (Records.Holds(parsed.GetValue(party), records.Ids[i]))
                {
                    Console.WriteLine($"{records.Ids[i]},{records.Values[i]}");
                }
            }
            return Task.FromResult(0);
        }));
        return command;
    }

    private static async Task<int> GuardAsync(Func<Task<int>> action)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return WrongInput;
        }
    }

    private static Uri CheckServer(string server) =>
        Uri.TryCreate(server.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
            ? address
            : throw new InvalidDataException($"--server {server}: write an http:// address.");

    private static int CheckRange(string option, int value, int least, int most) =>
        value >= least && value <= most ? value : throw new InvalidDataException($"{option} {value}: from {least} to {most}.");

    private static void Print<T>(T value, JsonTypeInfo<T> type) => Console.WriteLine(JsonSerializer.Serialize(value, type));
}
