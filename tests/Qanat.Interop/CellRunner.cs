using System.Net;
using System.Net.Sockets;
using Qanat.Interop.Peers;
using Qanat.Tls;

namespace Qanat.Interop;

/// <summary>
/// Runs one cell: handshake, 64 KiB each way, close. Our end has its default options; set are only what every program must set (trust, the server's name, certificates), and the one
/// suite that the cell is about. A client that does not succeed tries again, as often as there are forms to learn.
/// </summary>
internal sealed class CellRunner(InteropPki pki, string folder)
{
    private const int MaxAttempts = 5;
    private static readonly TimeSpan s_attemptLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_connectPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Runs it.</summary>
    public async Task<CellResult> RunAsync(Cell cell, IPeer peer)
    {
        string own = Path.Combine(folder, cell.Name.Replace('/', '_'));
        Directory.CreateDirectory(own);
        OurEnd ours = new(cell, pki);
        List<Attempt> attempts = [];
        string command = "", close = "", log = "";
        int limit = cell.IsOursServer ? 1 : MaxAttempts;
        do
        {
            using CancellationTokenSource timeout = new(s_attemptLimit);
            string? error = null;
            string? dialect = null;
            bool isPlain = ours.IsTls13Plain;
            try
            {
                (command, close, SmTlcpDialect? spoken) = await TryAsync(cell, peer, ours, own, text => log = text, timeout.Token);
                dialect = Describe(cell, spoken, isPlain);
            }
            catch (Exception e) when (e is SmTlsException or IOException or SocketException or CellException or OperationCanceledException)
            {
                error = e is OperationCanceledException ? "no progress within 30 s" : e is SmTlsException tls ? $"{tls.Error}: {e.Message}" : e.Message;
            }
            attempts.Add(new Attempt(error, dialect));
        }
        while (attempts[^1].Error is not null && attempts.Count < limit);
        return new CellResult(cell, null, attempts, command, close, log);
    }

    private async Task<(string Command, string Close, SmTlcpDialect? Dialect)> TryAsync(Cell cell, IPeer peer, OurEnd ours, string own, Action<string> log, CancellationToken cancellationToken)
    {
        using TcpListener? listener = cell.IsOursServer ? new TcpListener(IPAddress.Loopback, 0) : null;
        listener?.Start();
        int port = listener is null ? FreePort() : ((IPEndPoint)listener.LocalEndpoint).Port;
        PeerRun run = peer.Start(cell, port, pki, own), first = run;
        try
        {
            if (cell.Kind == CellKind.Resumed)
            {
                await FirstOfTwoAsync(cell, peer, ours, run, listener, port, cancellationToken);
                if (IsStartedAgain(cell, peer))
                {
                    // At another port: the first one may still be in use by a connection that has ended.
                    port = listener is null ? FreePort() : port;
                    run = peer.Start(cell, port, pki, own);
                }
            }
            await using SmSslStream stream = await ours.HandshakeAsync(await ConnectAsync(listener, port, cancellationToken), cancellationToken);
            ours.Check(stream);
            string close = await Exchange.RunAsync(stream, run, cancellationToken);
            return (run.Command, close, stream.NegotiatedDialect);
        }
        finally
        {
            log(run.Command + "\n" + run.Log);
            await run.DisposeAsync();
            if (run != first)
            {
                await first.DisposeAsync();
            }
        }
    }

    /// <summary>The servers of Tongsuo and gotlcp serve one connection after the other, and gotlcp's client makes both by itself; the others end with their connection.</summary>
    private static bool IsStartedAgain(Cell cell, IPeer peer) => peer is not GotlcpPeer && (peer is not TongsuoPeer || cell.IsOursServer);

    /// <summary>The connection whose session is resumed.</summary>
    private static async Task FirstOfTwoAsync(Cell cell, IPeer peer, OurEnd ours, PeerRun run, TcpListener? listener, int port, CancellationToken cancellationToken)
    {
        await using SmSslStream stream = await ours.HandshakeAsync(await ConnectAsync(listener, port, cancellationToken), cancellationToken);
        if (peer is GotlcpPeer && cell.IsOursServer)
        {
            await Exchange.ReadToEndAsync(stream, cancellationToken);
            await stream.ShutdownAsync(cancellationToken);
            return;
        }
        // Tickets come with or before the first data.
        await Exchange.RunAsync(stream, run, cancellationToken);
        if (run is PeerProcess process && IsStartedAgain(cell, peer))
        {
            await process.WaitForExitAsync(cancellationToken);
        }
    }

    private static async Task<NetworkStream> ConnectAsync(TcpListener? listener, int port, CancellationToken cancellationToken)
    {
        if (listener is not null)
        {
            return new NetworkStream(await listener.AcceptSocketAsync(cancellationToken), ownsSocket: true);
        }
        while (true)
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // The peer's program is not listening yet; it says so in no way that all of them share.
                socket.Dispose();
                await Task.Delay(s_connectPause, cancellationToken);
            }
        }
    }

    /// <summary>The forms that are not the standard's, in words; "standard" when there are none.</summary>
    private static string Describe(Cell cell, SmTlcpDialect? dialect, bool isPlain)
    {
        List<string> forms = [];
        if (dialect is null)
        {
            return isPlain ? "plain: no middlebox compatibility" : "standard";
        }
        if (dialect.IsHelloMinimal && !cell.IsOursServer)
        {
            forms.Add("minimal hello");
        }
        if (dialect.ClientKeyExchange == Tls.Messages.ClientKeyExchangeDialect.WithoutLength)
        {
            forms.Add("key exchange without length");
        }
        if (cell.ClientShowsCertificates && dialect.CertificateVerify == TlcpCertificateVerifyDialect.RawTranscript)
        {
            forms.Add("raw transcript signed");
        }
        if (cell.ClientShowsCertificates && dialect.ClientCertificates == TlcpClientCertificatesDialect.One)
        {
            forms.Add("one client certificate");
        }
        return forms.Count == 0 ? "standard" : string.Join(", ", forms);
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
