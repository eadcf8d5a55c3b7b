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
            SmTlcpDialect? dialect = null;
            try
            {
                (command, close, dialect) = await TryAsync(cell, peer, ours, own, text => log = text, timeout.Token);
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
        PeerRun run = peer.Start(cell, port, pki, own);
        try
        {
            if (cell.Kind == CellKind.Resumed)
            {
                run = await FirstOfTwoAsync(cell, peer, ours, run, listener, port, own, cancellationToken);
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
        }
    }

    /// <summary>
    /// The connection whose session is resumed. A peer that is started for each connection is started again; gotlcp's client makes both by itself.
    /// </summary>
    private async Task<PeerRun> FirstOfTwoAsync(Cell cell, IPeer peer, OurEnd ours, PeerRun run, TcpListener? listener, int port, string own, CancellationToken cancellationToken)
    {
        await using (SmSslStream first = await ours.HandshakeAsync(await ConnectAsync(listener, port, cancellationToken), cancellationToken))
        {
            if (peer is GotlcpPeer && cell.IsOursServer)
            {
                await Exchange.ReadToEndAsync(first, cancellationToken);
                await first.ShutdownAsync(cancellationToken);
                return run;
            }
            // Tickets come with or before the first data.
            await Exchange.RunAsync(first, run, cancellationToken);
        }
        if (peer is GotlcpPeer or TongsuoPeer && !cell.IsOursServer)
        {
            return run;
        }
        if (run is PeerProcess process)
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        await run.DisposeAsync();
        return peer.Start(cell, port, pki, own);
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

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
