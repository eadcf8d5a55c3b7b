using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Node.Diagnostics;
using Qanat.Node.Forwards;
using Qanat.Node.Options;
using Qanat.Node.Tests.Fakes;

namespace Qanat.Node.Tests;

public sealed class ForwardTests
{
    [Fact]
    public async Task A_forward_carries_bytes_and_a_reload_drops_no_stream()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["db"] = new() { Target = $"tcp://{listener.LocalEndpoint}", Allow = ["alice"] });
        await using var forwards = new ForwardSet(pair.Connector, new NodeMetrics(null), NullLogger.Instance);
        forwards.Apply([new ForwardOptions { Listen = "127.0.0.1:0", To = "qanat://bob/db" }]);
        using RawClient client = await ConnectAsync(forwards);
        await client.SendAsync("ping");
        using var server = new RawClient(await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal("ping", Encoding.ASCII.GetString(await server.ReadExactlyAsync(4)));

        forwards.Apply([]);
        await server.SendAsync("pong");
        Assert.Equal("pong", Encoding.ASCII.GetString(await client.ReadExactlyAsync(4)));
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await server.ReadToEndAsync());
        Assert.Equal(1, forwards.RetiredCount);
        server.Dispose();
        Assert.Equal("", await client.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (forwards.RetiredCount > 0)
        {
            await Task.Delay(5, limit.Token);
        }
    }

    [Fact]
    public async Task A_stop_takes_nothing_new_and_lets_what_runs_end()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["db"] = new() { Target = $"tcp://{listener.LocalEndpoint}", Allow = ["alice"] });
        await using var forwards = new ForwardSet(pair.Connector, new NodeMetrics(null), NullLogger.Instance);
        // A port that nobody else takes when it is closed.
        forwards.Apply([new ForwardOptions { Listen = $"127.0.0.1:{TestPorts.Take()}", To = "qanat://bob/db" }]);
        IPEndPoint address = forwards.EndPoints.Values.Single();
        using RawClient client = await ConnectAsync(forwards);
        await client.SendAsync("ping");
        using var server = new RawClient(await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal("ping", Encoding.ASCII.GetString(await server.ReadExactlyAsync(4)));

        Task draining = forwards.DrainAsync(TestContext.Current.CancellationToken);
        using var late = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(address));
        await server.SendAsync("pong");
        Assert.Equal("pong", Encoding.ASCII.GetString(await client.ReadExactlyAsync(4)));
        Assert.False(draining.IsCompleted);
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await server.ReadToEndAsync());
        server.Dispose();
        Assert.Equal("", await client.ReadToEndAsync());
        await draining.WaitAsync(TimeSpan.FromSeconds(60));
        using var none = new CancellationTokenSource();
        await none.CancelAsync();
        await forwards.DrainAsync(none.Token);
    }

    [Fact]
    public async Task A_refused_forward_resets_its_client()
    {
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["db"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["carol"] });
        await using var forwards = new ForwardSet(pair.Connector, new NodeMetrics(null), NullLogger.Instance);
        forwards.Apply([new ForwardOptions { Listen = "127.0.0.1:0", To = "qanat://bob/db" }]);
        using RawClient client = await ConnectAsync(forwards);
        await Assert.ThrowsAsync<SocketException>(client.ReadToEndAsync);
    }

    [Fact]
    public async Task Rapid_opens_and_resets_leave_nothing_behind()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        for (int i = 0; i < 100_000; i++)
        {
            var opened = (FakeConnection)await pair.A.ConnectAsync(new("bob", "echo"), default);
            if (i % 2 == 0)
            {
                await opened.Transport.Output.WriteAsync("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"u8.ToArray());
            }
            opened.Reset(Qanat.Wire.MuxResetReason.Cancelled);
        }
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (pair.Catalog.Find("echo")!.Connections.Value > 0 || pair.Catalog.Find("echo")!.Backend.OpenConnections > 20)
        {
            await Task.Delay(10, limit.Token);
        }
        using HttpClient client = pair.CreateClient();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("http://echo.bob.qanat/")).StatusCode);
    }

    private static async Task<RawClient> ConnectAsync(ForwardSet forwards)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(forwards.EndPoints.Values.Single());
        return new RawClient(socket);
    }
}
