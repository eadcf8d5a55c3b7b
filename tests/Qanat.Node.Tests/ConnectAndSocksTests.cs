using System.Net.Sockets;
using System.Text;
using Qanat.Node.Tests.Fakes;

namespace Qanat.Node.Tests;

public sealed class ConnectAndSocksTests
{
    /// <summary>So long the proxy waits for a refusal before it says yes: these refusals come, however busy the machine is.</summary>
    private const int MostPatient = 60_000;

    [Fact]
    public async Task Connect_carries_http_to_an_http_service()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: echo.bob.qanat:80\r\n\r\n");
        string established = await client.ReadUntilAsync("\r\n\r\n");
        Assert.True(established.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), established.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) ? "" : established + await client.ReadToEndAsync());
        await client.SendAsync("GET /x HTTP/1.1\r\nHost: echo.bob.qanat\r\n\r\n");
        Assert.Contains("X-Target: /x\r\n", await client.ReadUntilAsync("\r\n\r\n"));
    }

    [Theory]
    [InlineData("example.org:80", "example.org:80", 403, "not-a-qanat-name")]
    [InlineData("127.0.0.1:7081", "127.0.0.1:7081", 403, "not-a-qanat-name")]
    [InlineData("[::1]:7081", "[::1]:7081", 403, "not-a-qanat-name")]
    [InlineData("closed.bob.qanat:80", "closed.bob.qanat:80", 403, "denied")]
    [InlineData("CLOSED.bob.qanat.:80", "closed.bob.qanat.:80", 403, "denied")]
    [InlineData("closed.bob.qanat:80", "echo.bob.qanat:80", 400, "malformed-request")]
    [InlineData("none.bob.qanat:80", "none.bob.qanat:80", 502, "unknown-service")]
    [InlineData("dead.bob.qanat:80", "dead.bob.qanat:80", 502, "service-refused")]
    [InlineData("echo.nobody.qanat:80", "echo.nobody.qanat:80", 502, "unknown-participant")]
    public async Task Connect_refusals_have_a_status_and_a_code(string authority, string host, int status, string code)
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["echo"] = new() { Target = $"http://127.0.0.1:{backend.Port}", Allow = ["*"] };
            o.Services["closed"] = new() { Target = $"http://127.0.0.1:{backend.Port}" };
            o.Services["dead"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["*"] };
            o.Proxy.RefusalWaitMilliseconds = MostPatient;
        });
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync($"CONNECT {authority} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        string answer = await client.ReadToEndAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.Contains($"\"code\":\"{code}\"", answer);
    }

    [Theory]
    [InlineData("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: echo.bob.qanat:80\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: echo.bob.qanat:80\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: echo.bob.qanat:80\r\n folded: x\r\n\r\n")]
    [InlineData("CONNECT echo.bob.qanat:80\r\n\r\n")]
    public async Task Malformed_connect_requests_are_refused(string request)
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync(request);
        Assert.StartsWith("HTTP/1.1 400 ", await client.ReadToEndAsync());
        Assert.Empty(pair.B.Accepted);
    }

    [Fact]
    public async Task Connect_after_another_request_gets_a_clear_answer()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("GET http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\n\r\n");
        await client.ReadUntilAsync("\r\n\r\n");
        await client.SendAsync("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: echo.bob.qanat:80\r\n\r\n");
        string answer = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 501 ", answer);
        Assert.Contains("connect-not-first", answer);
    }

    [Fact]
    public async Task Socks5_reaches_a_tcp_service_and_passes_half_closes_both_ways()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        int port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["db"] = new() { Target = $"tcp://127.0.0.1:{port}", Allow = ["alice"] });
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync([5, 2, 1, 0]);
        Assert.Equal([5, 0], await client.ReadExactlyAsync(2));
        await client.SendAsync(SocksRequest("db.bob.qanat", 5432));
        using var server = new RawClient(await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal([5, 0, 0, 1], (await client.ReadExactlyAsync(10))[..4]);

        // The service ends its direction first; the client can still send.
        await server.SendAsync("greeting");
        server.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal("greeting", await client.ReadToEndAsync());
        await client.SendAsync("late answer");
        Assert.Equal("late answer", Encoding.ASCII.GetString(await server.ReadExactlyAsync(11)));
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await server.ReadToEndAsync());
    }

    [Fact]
    public async Task A_reset_by_the_service_is_a_reset_for_the_client()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        int port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["db"] = new() { Target = $"tcp://127.0.0.1:{port}", Allow = ["*"] });
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("CONNECT db.bob.qanat:1 HTTP/1.1\r\n\r\n");
        Socket server = await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(60));
        await client.ReadUntilAsync("\r\n\r\n");
        server.Send("part"u8);
        Assert.Equal("part", Encoding.ASCII.GetString(await client.ReadExactlyAsync(4)));
        server.Close(0);
        await Assert.ThrowsAsync<SocketException>(client.ReadToEndAsync);
    }

    [Theory]
    [InlineData(new byte[] { 5, 1, 2 }, new byte[] { 5, 0xff })]
    [InlineData(new byte[] { 5, 1, 0, 5, 2, 0, 3, 1, 97, 0, 80 }, new byte[] { 5, 0, 5, 7 })]
    [InlineData(new byte[] { 5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80 }, new byte[] { 5, 0, 5, 2 })]
    [InlineData(new byte[] { 5, 1, 0, 5, 1, 0, 9, 0, 0, 0, 0, 0, 80 }, new byte[] { 5, 0, 5, 8 })]
    [InlineData(new byte[] { 5, 1, 0, 4, 1, 0, 3, 1, 97, 0, 80 }, new byte[] { 5, 0, 5, 1 })]
    public async Task Socks5_refuses_what_it_does_not_do(byte[] request, byte[] answer)
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync(request);
        Assert.Equal(answer, Encoding.Latin1.GetBytes(await client.ReadToEndAsync())[..answer.Length]);
    }

    [Theory]
    [InlineData("closed.bob.qanat", 2)]
    [InlineData("example.org", 2)]
    [InlineData("dead.bob.qanat", 5)]
    [InlineData("x.nobody.qanat", 4)]
    public async Task Socks5_refusals_are_mapped(string host, int reply)
    {
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["closed"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["carol"] };
            o.Services["dead"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["*"] };
            o.Proxy.RefusalWaitMilliseconds = MostPatient;
        });
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync([5, 1, 0, .. SocksRequest(host, 80)]);
        Assert.Equal(reply, (await client.ReadExactlyAsync(12))[3]);
    }

    [Fact]
    public async Task A_tls_hello_on_an_http_service_is_relayed_untouched()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        int port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["web"] = new() { Target = $"https://127.0.0.1:{port}", Allow = ["*"] });
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("CONNECT web.bob.qanat:443 HTTP/1.1\r\nHost: web.bob.qanat:443\r\n\r\n");
        await client.ReadUntilAsync("\r\n\r\n");
        byte[] hello = [0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5];
        await client.SendAsync(hello);
        using var server = new RawClient(await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(hello, await server.ReadExactlyAsync(hello.Length));
    }

    internal static byte[] SocksRequest(string host, int port) => [5, 1, 0, 3, (byte)host.Length, .. Encoding.ASCII.GetBytes(host), (byte)(port >> 8), (byte)port];
}
