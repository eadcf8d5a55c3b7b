using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Qanat.Cli.Gm;
using Qanat.Cli.Output;
using Qanat.Tls;
using Qanat.Tls.AspNetCore;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm s_client</c>: connects to a server of TLCP or TLS 1.3 with SM suites and says what was agreed on.</summary>
internal static class GmClientVerb
{
    private const int MaxResumptions = 1000;

    public static Command Create(QanatCommand cli)
    {
        Option<string> connect = new("--connect") { Description = "The server.", HelpName = "HOST:PORT", Required = true };
        Option<string> protocol = new("--protocol") { Description = "tlcp or tls13.", DefaultValueFactory = _ => "tls13" };
        protocol.AcceptOnlyFromAmong("tlcp", "tls13");
        Option<string?> serverName = new("--servername") { Description = "The name to ask for and to find in the certificates; default: HOST.", HelpName = "NAME" };
        Option<bool> noVerify = new("--no-verify") { Description = "Go on whatever the certificates are. For diagnosis only." };
        Option<int> resume = new("--resume") { Description = "Connect so many more times, resuming the session.", HelpName = "COUNT" };
        Option<string?> get = new("--get") { Description = "Send an HTTP/1.1 request for PATH and print the answer, in place of standard input.", HelpName = "PATH" };
        GmTlsOptions tls = new();
        Command command = new("s_client", "Connect to a server of TLCP or TLS 1.3 with SM suites: standard input goes there, its answer to standard output.")
        {
            connect, protocol, serverName, noVerify, resume, get,
        };
        tls.AddTo(command);
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            (string host, int port) = GmTlsOptions.ParseAddress("--connect", parsed.GetRequiredValue(connect), "");
            using SmKeyLog? keyLog = tls.OpenKeyLog(parsed, output.Error);
            using SmSslCredential? credential = tls.ReadCredential(parsed);
            using SmTlcpSessionCache sessions = new();
            using SmTicketStore tickets = new();
            SmSslClientAuthenticationOptions options = new()
            {
                Protocol = parsed.GetRequiredValue(protocol) == "tlcp" ? SmProtocol.Tlcp : SmProtocol.Tls13,
                TargetHost = parsed.GetValue(serverName) ?? host,
                ClientCredential = credential,
                TlcpSessions = sessions,
                Tickets = tickets,
                RemoteCertificateValidationCallback = parsed.GetValue(noVerify) ? _ => true : null,
            };
            tls.Apply(parsed, options, keyLog);
            int resumptions = parsed.GetValue(resume);
            if (resumptions is < 0 or > MaxResumptions)
            {
                throw new CliException("usage", $"--resume is 0 to {MaxResumptions}", ExitCode.Usage);
            }
            DnsEndPoint server = new(host, port);
            List<GmTlsReport> reports = [];
            for (int i = 0; i <= resumptions; i++)
            {
                // Sessions are counted on the earlier connections, what is to be sent goes over the last one.
                bool isLast = i == resumptions;
                reports.Add(await RunAsync(server, options, isLast ? parsed.GetValue(get) : null, isLast && !output.IsJson, cli, output, cancellationToken));
            }
            if (output.IsJson)
            {
                output.Write(new { ok = true, connections = reports }, _ => { });
            }
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<GmTlsReport> RunAsync(
        DnsEndPoint server, SmSslClientAuthenticationOptions options, string? get, bool relaysInput, QanatCommand cli, CliOutput output, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        await using SmSslStream stream = await ConnectAsync(server, options, cancellationToken);
        GmTlsReport report = GmTlsReport.Of(stream, Stopwatch.GetElapsedTime(started));
        if (!output.IsJson)
        {
            foreach (string line in report.Lines())
            {
                await output.Error.WriteLineAsync(line);
            }
        }
        if (get is not null)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"GET {get} HTTP/1.1\r\nHost: {server.Host}:{server.Port}\r\nConnection: close\r\n\r\n"), cancellationToken);
            await using Stream sink = output.IsJson ? Stream.Null : output.OpenRaw();
            await GmTlsRelay.ReceiveAsync(stream, sink, cancellationToken);
        }
        else if (relaysInput)
        {
            await using Stream input = cli.OpenInput(), sink = output.OpenRaw();
            await GmTlsRelay.RunAsync(stream, input, sink, cli.IsInteractive, cancellationToken);
        }
        else
        {
            // Said first, so that a server which waits for data ends; what it says before that, tickets above all, is read.
            await stream.ShutdownAsync(cancellationToken);
            await GmTlsRelay.ReceiveAsync(stream, Stream.Null, cancellationToken);
        }
        return report;
    }

    private static async Task<SmSslStream> ConnectAsync(DnsEndPoint server, SmSslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await SmTlsDialer.ConnectAsync(server, options, cancellationToken);
        }
        catch (SocketException e)
        {
            throw new CliException("connect-failed", $"{server.Host}:{server.Port}: {e.Message}", inner: e);
        }
    }
}
