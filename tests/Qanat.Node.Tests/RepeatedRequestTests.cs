using System.Net;
using System.Net.Sockets;
using Qanat.Node.Tests.Fakes;
using Qanat.Wire;

namespace Qanat.Node.Tests;

/// <summary>RFC 9110 section 9.2.2: a proxy does not repeat a request that may not be repeated, however its connection ended.</summary>
public sealed class RepeatedRequestTests
{
    [Theory]
    [InlineData("Content-Length: 0\r\n", "")]
    [InlineData("", "")]
    [InlineData("Content-Length: 4\r\n", "body")]
    public async Task A_post_whose_service_breaks_the_connection_is_not_sent_again(string length, string body)
    {
        await using var service = new CountingService(answers: 1);
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["echo"] = new() { Target = $"http://127.0.0.1:{service.Port}", Allow = ["*"] });
        string request = $"POST http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\n{length}\r\n{body}";
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync(request);
        Assert.StartsWith("HTTP/1.1 200", await client.ReadUntilAsync("\r\n\r\n"));
        await client.SendAsync(request);
        Assert.StartsWith("HTTP/1.1 502", await client.ReadUntilAsync("\r\n\r\n"));
        Assert.Equal(2, service.Requests);
    }

    [Theory]
    [InlineData("Content-Length: 0\r\n", "")]
    [InlineData("", "")]
    [InlineData("Content-Length: 4\r\n", "body")]
    public async Task A_post_whose_tunnel_connection_breaks_is_not_sent_again(string length, string body)
    {
        await using var service = new CountingService(answers: 1, hangs: true);
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["echo"] = new() { Target = $"http://127.0.0.1:{service.Port}", Allow = ["*"] });
        string request = $"POST http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\n{length}\r\n{body}";
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync(request);
        Assert.StartsWith("HTTP/1.1 200", await client.ReadUntilAsync("\r\n\r\n"));
        await client.SendAsync(request);
        await service.SeenAsync(2);
        pair.B.Accepted.Single().Reset(MuxResetReason.ServiceReset);
        Assert.StartsWith("HTTP/1.1 502", await client.ReadUntilAsync("\r\n\r\n"));
        Assert.Equal(2, service.Requests);
    }

    /// <summary>An HTTP server that answers its first requests and then, seeing another, closes the connection or says nothing.</summary>
    private sealed class CountingService : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly List<Socket> _sockets = [];
        private readonly SemaphoreSlim _seen = new(0);
        private readonly int _answers;
        private readonly bool _hangs;
        private readonly Task _accepting;
        private int _requests;

        public CountingService(int answers, bool hangs = false)
        {
            (_answers, _hangs) = (answers, hangs);
            _listener.Start();
            _accepting = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public int Requests => Volatile.Read(ref _requests);

        public async Task SeenAsync(int requests)
        {
            while (Requests < requests)
            {
                Assert.True(await _seen.WaitAsync(TimeSpan.FromSeconds(60)));
            }
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    Socket socket = await _listener.AcceptSocketAsync();
                    _sockets.Add(socket);
                    _ = ServeAsync(new RawClient(socket));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed.
            }
        }

        private async Task ServeAsync(RawClient connection)
        {
            try
            {
                while (true)
                {
                    string head = await connection.ReadUntilAsync("\r\n\r\n");
                    if (head.Contains("Content-Length: 4", StringComparison.OrdinalIgnoreCase))
                    {
                        await connection.ReadUntilAsync("body");
                    }
                    int seen = Interlocked.Increment(ref _requests);
                    _seen.Release();
                    if (seen > _answers)
                    {
                        if (!_hangs)
                        {
                            connection.Dispose();
                        }
                        return;
                    }
                    await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                }
            }
            catch (Exception e) when (e is EndOfStreamException or SocketException or ObjectDisposedException)
            {
                // The node has closed it.
            }
        }

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _accepting;
            _sockets.ForEach(socket => socket.Dispose());
            _seen.Dispose();
        }
    }
}
