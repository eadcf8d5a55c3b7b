using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>A small HTTP forward proxy on loopback: CONNECT only, with optional Basic credentials. Can also freeze: it then swallows every byte, as a pulled cable does.</summary>
internal sealed class ForwardProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string? _credentials;
    private readonly List<TcpClient> _clients = [];
    private volatile bool _isFrozen;

    public ForwardProxy(string? user = null, string? password = null)
    {
        _credentials = user is null ? null : Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public ConcurrentQueue<string> Requests { get; } = new();

    public void Freeze() => _isFrozen = true;

    public void Dispose()
    {
        _listener.Dispose();
        lock (_clients)
        {
            _clients.ForEach(c => c.Dispose());
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        TcpClient target = new();
        lock (_clients)
        {
            _clients.Add(client);
            _clients.Add(target);
        }
        try
        {
            NetworkStream stream = client.GetStream();
            StringBuilder head = new();
            byte[] one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                await stream.ReadExactlyAsync(one);
                head.Append((char)one[0]);
            }
            Requests.Enqueue(head.ToString());
            if (_credentials is not null && !head.ToString().Contains($"Proxy-Authorization: Basic {_credentials}\r\n", StringComparison.Ordinal))
            {
                await stream.WriteAsync("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n"u8.ToArray());
                client.Dispose();
                return;
            }
            string[] authority = head.ToString().Split(' ')[1].Split(':');
            await target.ConnectAsync(authority[0], int.Parse(authority[1]));
            await stream.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray());
            await Task.WhenAll(PumpAsync(stream, target.GetStream()), PumpAsync(target.GetStream(), stream));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // A pulled cable tells neither end that the other is gone.
            if (!_isFrozen)
            {
                client.Dispose();
                target.Dispose();
            }
        }
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to)
    {
        byte[] buffer = new byte[16384];
        int read;
        while ((read = await from.ReadAsync(buffer)) > 0)
        {
            if (!_isFrozen)
            {
                await to.WriteAsync(buffer.AsMemory(0, read));
            }
        }
        if (_isFrozen)
        {
            return;
        }
        to.Socket.Shutdown(SocketShutdown.Send);
    }
}
