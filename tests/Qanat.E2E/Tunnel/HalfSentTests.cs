using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Qanat.E2E.Harness;

namespace Qanat.E2E.Tunnel;

/// <summary>Case 9: requests that are begun and never finished, many thousands of them, from one organisation's platforms.</summary>
public sealed class HalfSentTests(ITestOutputHelper output)
{
    private const string Head = "POST http://web.target.qanat/hold HTTP/1.1\r\nHost: web.target.qanat\r\nContent-Length: 1000\r\n\r\n";

    // The service itself says "go on" to this one, so it has surely come through.
    private static readonly byte[] s_expecting = Encoding.ASCII.GetBytes(Head.Replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", StringComparison.Ordinal));

    private static readonly byte[][] s_begun =
    [
        s_expecting,
        Encoding.ASCII.GetBytes(Head[..40]),
        Encoding.ASCII.GetBytes(Head),
        Encoding.ASCII.GetBytes(Head + "the first bytes of a body"),
        Encoding.ASCII.GetBytes("CONNECT web.target.qanat:80 HTTP/1.1\r\nHost: web.target.qanat\r\n\r\nPOST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"),
    ];

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Half_sent_requests_leave_nothing_behind_and_hold_up_no_other_participant()
    {
        int count = FullRun.IsOn ? 100_000 : 20_000;
        int reached = 0;
        await using TestNetwork network = new();
        await using Backend backend = await Backend.StartAsync(app =>
        {
            app.MapGet("/x", () => Results.Text("done"));
            app.MapPost("/hold", async context =>
            {
                Interlocked.Increment(ref reached);
                await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            });
        });
        await network.AddHubsAsync("hub-a");
        await network.StartHubsAsync();
        TestHub hub = network.Hubs["hub-a"];
        TestNode target = await network.AddNodeAsync("target", [hub], [$"web=http://127.0.0.1:{backend.Port},*"]);
        TestNode abused = await network.AddNodeAsync("abused", [hub]);
        TestNode other = await network.AddNodeAsync("other", [hub]);
        using ProxyClient fromAbused = new(abused.ProxyPort), fromOther = new(other.ProxyPort);
        Assert.Equal("done", await fromAbused.GetAsync("http://web.target.qanat/x"));
        Assert.Equal("done", await fromOther.GetAsync("http://web.target.qanat/x"));
        TestServer[] servers = [hub, target, abused];
        int[] socketsBefore = [.. servers.Select(server => server.Process.OpenSockets())];

        Task abuse = BeginManyAsync(abused.ProxyPort, count);
        int served = 0;
        do
        {
            Assert.Equal("done", await fromOther.GetAsync("http://web.target.qanat/x"));
            served++;
        }
        while (!abuse.IsCompleted);
        await abuse;
        output.WriteLine($"{count:N0} requests begun, {reached:N0} of them reached the service; the other participant had {served:N0} answers meanwhile");
        Assert.True(reached > count / 100, $"Only {reached} requests reached the service, so this run proves little.");

        await fromAbused.WaitForAsync("http://web.target.qanat/x", "done");
        await TunnelStatus.WaitForIdleAsync(target, abused);
        for (int i = 0; i < servers.Length; i++)
        {
            await WaitForSocketsAsync(servers[i], socketsBefore[i] + 64, network);
        }
    }

    private static async Task BeginManyAsync(int proxyPort, int count)
    {
        int left = count;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            byte[] buffer = new byte[4096];
            for (int i; (i = Interlocked.Decrement(ref left)) >= 0;)
            {
                await BeginAsync(proxyPort, s_begun[i % s_begun.Length], halfCloses: i / s_begun.Length % 2 == 0, buffer);
            }
        })));
    }

    // Clients vanish with a reset: at once, when the service has answered, or after they have ended what they send and seen what comes of it.
    private static async Task BeginAsync(int proxyPort, byte[] begun, bool halfCloses, byte[] buffer)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, proxyPort);
            await socket.SendAsync(begun);
            if (begun == s_expecting)
            {
                await socket.ReceiveAsync(buffer);
            }
            else if (halfCloses)
            {
                socket.Shutdown(SocketShutdown.Send);
                while (await socket.ReceiveAsync(buffer) > 0)
                {
                    // Whatever the answer is, only its end counts.
                }
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.NotConnected)
        {
            // Refused in the only way left for a request without an end.
        }
    }

    private static async Task WaitForSocketsAsync(TestServer server, int most, TestNetwork network)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(120));
        while (server.Process.OpenSockets() > most)
        {
            if (limit.IsCancellationRequested)
            {
                Assert.Fail($"{server.Name} still has {server.Process.OpenSockets()} sockets, more than {most}.\n{network.Logs()}");
            }
            await Task.Delay(50);
        }
    }
}
