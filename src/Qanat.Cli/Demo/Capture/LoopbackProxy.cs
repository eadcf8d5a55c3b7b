using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Qanat.Cli.Demo.Capture;

/// <summary>Sees the bytes of one connection before they are passed on, in order; nothing is passed on before it is done.</summary>
/// <param name="fromClient">Which way they go.</param>
/// <param name="bytes">Empty at the end of the stream.</param>
internal delegate ValueTask ConnectionWatch(bool fromClient, ReadOnlyMemory<byte> bytes);

/// <summary>A TCP proxy on loopback that passes everything on, half-closes and resets included, for those who watch or disturb.</summary>
internal sealed class LoopbackProxy : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly int _targetPort;
    private readonly Func<ConnectionWatch> _watch;
    private readonly ConcurrentDictionary<Socket, Socket> _pairs = new();
    private readonly Task _accepting;

    /// <param name="port">Where to listen; 0 takes any free port.</param>
    /// <param name="targetPort">Where connections are passed on to.</param>
    /// <param name="watch">Called once for each connection.</param>
    public LoopbackProxy(int port, int targetPort, Func<ConnectionWatch> watch)
    {
        (_listener, _targetPort, _watch) = (new TcpListener(IPAddress.Loopback, port), targetPort, watch);
        _listener.Start(512);
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where clients of the target connect instead.</summary>
    public int Port { get; }

    /// <summary>Live connections through the proxy.</summary>
    public int Connections => _pairs.Count;

    /// <summary>Resets every connection now; new ones are accepted.</summary>
    /// <returns>How many there were.</returns>
    public int Cut()
    {
        KeyValuePair<Socket, Socket>[] pairs = [.. _pairs];
        foreach ((Socket client, Socket server) in pairs)
        {
            client.Close(0);
            server.Close(0);
        }
        return pairs.Length;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
        Cut();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = RelayAsync(await _listener.AcceptSocketAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using Socket server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _pairs[client] = server;
        try
        {
            ConnectionWatch watch = _watch();
            await server.ConnectAsync(IPAddress.Loopback, _targetPort);
            Task up = PumpAsync(client, server, watch, fromClient: true);
            Task down = PumpAsync(server, client, watch, fromClient: false);
            // A reset of one direction (a killed hub) ends both: the other end must see it at once.
            await await Task.WhenAny(up, down);
            await Task.WhenAll(up, down);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The target is down or one side is gone; the other sees a reset, as without us.
            server.Close(0);
        }
        finally
        {
            _pairs.TryRemove(client, out _);
            client.Close(0);
        }
    }

    private static async Task PumpAsync(Socket from, Socket to, ConnectionWatch watch, bool fromClient)
    {
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            int read = await from.ReceiveAsync(buffer);
            await watch(fromClient, buffer.AsMemory(0, read));
            if (read == 0)
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }
            for (int sent = 0; sent < read;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
            }
        }
    }
}
