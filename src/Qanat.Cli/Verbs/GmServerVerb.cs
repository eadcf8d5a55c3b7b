using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Qanat.Cli.Gm;
using Qanat.Cli.Output;
using Qanat.Tls;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm s_server</c>: a server of TLCP and TLS 1.3 with SM suites, to try clients against.</summary>
internal static class GmServerVerb
{
    private const int MaxConnections = 64;
    private const int MaxRequestBytes = 16 * 1024;

    public static Command Create(QanatCommand cli)
    {
        Option<string> accept = new("--accept") { Description = "Where to listen; HOST is 127.0.0.1 unless it is given, port 0 is any free one.", HelpName = "[HOST:]PORT", Required = true };
        Option<string> protocol = new("--protocol") { Description = "tlcp, tls13 or both.", DefaultValueFactory = _ => "both" };
        protocol.AcceptOnlyFromAmong("tlcp", "tls13", "both");
        Option<string> verify = new("--verify") { Description = "Client certificates: none, request or require.", DefaultValueFactory = _ => "none" };
        verify.AcceptOnlyFromAmong("none", "request", "require");
        Option<bool> www = new("--www") { Description = "Answer each HTTP request with what was agreed on; many clients at once." };
        Option<int> count = new("--count") { Description = "End after so many connections; 0: never.", HelpName = "COUNT" };
        GmTlsOptions tls = new();
        Command command = new("s_server", "Serve TLCP and TLS 1.3 with SM suites, one client after the other: standard input goes to it, what it sends to standard output.")
        {
            accept, protocol, verify, www, count,
        };
        tls.AddTo(command);
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            (string host, int port) = GmTlsOptions.ParseAddress("--accept", parsed.GetRequiredValue(accept), "127.0.0.1");
            using SmKeyLog? keyLog = tls.OpenKeyLog(parsed, output.Error);
            using SmSslCredential credential = tls.ReadCredential(parsed) ?? throw new CliException("usage", "a server needs --cert and --key", ExitCode.Usage);
            using SmTlcpSessionCache sessions = new();
            using SmTicketKeys ticketKeys = new();
            SmSslServerAuthenticationOptions options = new()
            {
                Credential = credential,
                EnabledProtocols = Protocols(parsed.GetRequiredValue(protocol), credential),
                ClientCertificateMode = Enum.Parse<SmClientCertificateMode>(parsed.GetRequiredValue(verify), ignoreCase: true),
                TlcpSessions = sessions,
                TicketKeys = ticketKeys,
            };
            tls.Apply(parsed, options, keyLog);
            options.Validate();
            using Socket listener = Listen(host, port);
            await output.Error.WriteLineAsync($"listening on {listener.LocalEndPoint}");
            using Server server = new(listener, options, parsed.GetValue(www), cli, output);
            await server.RunAsync(parsed.GetValue(count), cancellationToken);
            return ExitCode.Done;
        });
        return command;
    }

    private static List<SmProtocol> Protocols(string text, SmSslCredential credential) => text switch
    {
        "tlcp" => [SmProtocol.Tlcp],
        "tls13" => [SmProtocol.Tls13],
        _ => credential.IsPair ? [SmProtocol.Tlcp, SmProtocol.Tls13] : [SmProtocol.Tls13],
    };

    private static Socket Listen(string host, int port)
    {
        try
        {
            IPAddress address = IPAddress.TryParse(host, out IPAddress? literal) ? literal : Dns.GetHostAddresses(host)[0];
            Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen();
            return socket;
        }
        catch (SocketException e)
        {
            throw new CliException("listen-failed", $"{host}:{port}: {e.Message}", inner: e);
        }
    }

    private sealed class Server(Socket listener, SmSslServerAuthenticationOptions options, bool isWww, QanatCommand cli, CliOutput output) : IDisposable
    {
        // With --www clients are served at once; with standard input and output one after the other.
        private readonly SemaphoreSlim _free = new(isWww ? MaxConnections : 1);
        private readonly Lock _writing = new();

        public async Task RunAsync(int count, CancellationToken cancellationToken)
        {
            List<Task> running = [];
            try
            {
                for (int i = 0; count == 0 || i < count; i++)
                {
                    await _free.WaitAsync(cancellationToken);
                    Socket socket = await listener.AcceptAsync(cancellationToken);
                    running.RemoveAll(task => task.IsCompletedSuccessfully);
                    running.Add(ServeAsync(socket, cancellationToken));
                }
                await Task.WhenAll(running);
            }
            finally
            {
                await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        public void Dispose() => _free.Dispose();

        private async Task ServeAsync(Socket socket, CancellationToken cancellationToken)
        {
            string from = $"{socket.RemoteEndPoint}";
            try
            {
                long started = Stopwatch.GetTimestamp();
                await using SmSslStream stream = new(new NetworkStream(socket, ownsSocket: true));
                await stream.AuthenticateAsServerAsync(options, cancellationToken);
                GmTlsReport report = GmTlsReport.Of(stream, Stopwatch.GetElapsedTime(started));
                Tell(from, report);
                if (isWww)
                {
                    await AnswerAsync(stream, report, cancellationToken);
                }
                else
                {
                    await using Stream input = output.IsJson ? Stream.Null : cli.OpenInput(), sink = output.IsJson ? Stream.Null : output.OpenRaw();
                    await GmTlsRelay.RunAsync(stream, input, sink, cli.IsInteractive, cancellationToken);
                }
            }
            catch (IOException e)
            {
                Tell(from, e);
            }
            finally
            {
                _free.Release();
            }
        }

        private static async Task AnswerAsync(SmSslStream stream, GmTlsReport report, CancellationToken cancellationToken)
        {
            byte[] request = new byte[MaxRequestBytes];
            int length = 0;
            while (!request.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
            {
                int got = length < request.Length ? await stream.ReadAsync(request.AsMemory(length), cancellationToken) : 0;
                if (got == 0)
                {
                    return;
                }
                length += got;
            }
            byte[] body = Encoding.UTF8.GetBytes(string.Join('\n', report.Lines()) + "\n");
            byte[] header = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n");
            await stream.WriteAsync((byte[])[.. header, .. body], cancellationToken);
            await stream.ShutdownAsync(cancellationToken);
        }

        private void Tell(string from, GmTlsReport report)
        {
            lock (_writing)
            {
                if (output.IsJson)
                {
                    output.Write(report, _ => { });
                }
                else
                {
                    output.Error.WriteLine($"{from}: {string.Join("; ", report.Lines())}");
                }
            }
        }

        private void Tell(string from, IOException e)
        {
            lock (_writing)
            {
                string code = e is SmTlsException tls ? tls.Code : "io";
                output.Error.WriteLine($"{from}: error {code}: {e.Message}");
                if (output.IsJson)
                {
                    output.Write(new { ok = false, errors = new[] { new CliError(code, e.Message) } }, _ => { });
                }
            }
        }
    }
}
