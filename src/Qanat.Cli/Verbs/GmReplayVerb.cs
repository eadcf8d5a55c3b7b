using System.CommandLine;
using System.Globalization;
using Qanat.Tls;
using Qanat.Tls.Replay;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm replay</c>: decodes a recorded TLCP or TLS 1.3-SM connection and says what is wrong with it.</summary>
internal static class GmReplayVerb
{
    public static Command Create(QanatCommand cli)
    {
        Argument<DirectoryInfo> folder = new("FOLDER") { Description = "Recorded connection: c2s.bin, s2c.bin, segments.json; keylog.txt, secrets.json and meta.json when there are." };
        Option<DirectoryInfo> pki = new("--pki") { Description = "Folder of PEM files: self-issued certificates are trusted, private keys help to decrypt.", HelpName = "DIR", Required = true };
        Option<string?> at = new("--at") { Description = "Judge certificates at this time (ISO 8601); default: when it was recorded, by meta.json, or now.", HelpName = "TIME" };
        Command command = new("replay", "Decrypt and verify a recorded TLCP or TLS 1.3-SM connection. Exit code 1 when something is wrong with it.") { folder, pki, at };
        cli.Handle(command, (parsed, output, _) =>
        {
            ReplayResult result = Run(parsed.GetRequiredValue(folder), parsed.GetRequiredValue(pki), parsed.GetValue(at));
            var report = new
            {
                ok = result.Ok,
                protocol = result.Protocol switch { SmProtocol.Tlcp => "TLCP", SmProtocol.Tls13 => "TLS 1.3", _ => null },
                suite = result.Suite == SmCipherSuite.None ? null : result.Suite.Name(),
                records = result.Records,
                finishedOk = result.FinishedOk,
                signaturesOk = result.SignaturesOk,
                clientAuthenticated = result.ClientAuthenticated,
                dialect = result.Dialect,
                alert = result.Alert?.Name,
                bytesFromClient = result.ClientData.Length,
                bytesFromServer = result.ServerData.Length,
                error = result.ErrorText,
            };
            output.Write(report, console => Show(console, result));
            return Task.FromResult(result.Ok ? ExitCode.Done : ExitCode.Failed);
        });
        return command;
    }

    private static ReplayResult Run(DirectoryInfo folder, DirectoryInfo pki, string? at)
    {
        try
        {
            RecordedConnection recording = RecordedConnection.Load(name =>
            {
                string path = Path.Combine(folder.FullName, name);
                return File.Exists(path) ? File.ReadAllBytes(path) : null;
            });
            using ReplayPki keys = ReplayPki.FromPem(pki.EnumerateFiles().Where(f => f.Extension is ".pem" or ".crt" or ".cer" or ".key")
                .Select(f => (f.Name, File.ReadAllText(f.FullName))));
            return TranscriptReplay.Run(recording, keys, Time(at) ?? recording.RecordedAt ?? TimeProvider.System.GetUtcNow());
        }
        catch (SmTlsException e)
        {
            throw new CliException("recording-unreadable", e.Message, ExitCode.Usage, e);
        }
    }

    private static DateTimeOffset? Time(string? text)
    {
        if (text is null)
        {
            return null;
        }
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : throw new CliException("usage", "--at is a time such as 2026-11-22T18:00:00Z", ExitCode.Usage);
    }

    private static void Show(IAnsiConsole console, ReplayResult result)
    {
        Grid grid = new Grid().AddColumn().AddColumn();
        void Row(string name, string? value) => grid.AddRow(new Text(name, new Style(Color.Grey)), new Text(value ?? "-"));
        Row("protocol", result.Protocol switch { SmProtocol.Tlcp => "TLCP", SmProtocol.Tls13 => "TLS 1.3", _ => null });
        Row("suite", result.Suite == SmCipherSuite.None ? null : result.Suite.Name());
        Row("records", result.Records.ToString(CultureInfo.InvariantCulture));
        Row("finished", result.FinishedOk ? "both verified" : "not both verified");
        Row("signatures", result.SignaturesOk ? "all verified" : "not all verified");
        Row("client", result.ClientAuthenticated ? "authenticated" : "not authenticated");
        Row("hello extensions", string.Join(", ", result.Dialect.ClientHelloExtensions));
        Row("key exchange", result.Dialect.ClientKeyExchange ?? result.Dialect.Group);
        Row("certificate verify", result.Dialect.CertificateVerify);
        Row("client certificates", result.Dialect.ClientCertificates);
        Row("resumption", result.Dialect.Resumption);
        Row("application data", $"{result.ClientData.Length} bytes from the client, {result.ServerData.Length} from the server");
        console.Write(grid);
        console.WriteLine(result.ErrorText ?? "ok: every record opened, everything verified");
    }
}
