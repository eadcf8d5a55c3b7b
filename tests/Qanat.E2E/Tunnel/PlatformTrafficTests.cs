using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Qanat.E2E.Harness;
using Qanat.E2E.Protos;

namespace Qanat.E2E.Tunnel;

/// <summary>T1, T2, T7: what platforms speak, from one organisation to the other over two real hubs.</summary>
public sealed class PlatformTrafficTests(TwoHubPath path) : IClassFixture<TwoHubPath>
{
    private const long LargeBytes = 64 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(300);

    [Theory]
    [InlineData]
    [InlineData("--proxytunnel")]
    [Trait("Kind", "E2E")]
    public async Task Curl_gets_an_answer_and_large_bodies_arrive_whole(params string[] how)
    {
        Requirement.Program("curl");
        string sent = Path.Combine(path.Folder, $"sent-{Guid.NewGuid():n}"), received = sent + ".received";
        await using (FileStream file = File.Create(sent))
        {
            await WebPlatform.WriteLargeAsync(file, LargeBytes);
        }
        string hash = await HashAsync(sent);
        string[] viaProxy = ["-x", path.Proxy, "--noproxy", "", .. how];

        Assert.Equal("hello from hospital-b", await CurlAsync([.. viaProxy, "http://svc.hospital-b.qanat/hello"]));
        foreach (string length in (string[])["known", "unknown"])
        {
            await CurlAsync([.. viaProxy, "-o", received, $"http://svc.hospital-b.qanat/large?bytes={LargeBytes}&length={length}"]);
            Assert.Equal(hash, await HashAsync(received));
        }
        Assert.Equal(hash, await CurlAsync([.. viaProxy, "-T", sent, "http://svc.hospital-b.qanat/large"]));
        Assert.Equal(hash, await CurlAsync([.. viaProxy, "-T", sent, "-H", "Transfer-Encoding: chunked", "http://svc.hospital-b.qanat/large"]));
        File.Delete(sent);
        File.Delete(received);
    }

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Curl_is_told_why_there_is_no_answer()
    {
        Requirement.Program("curl");
        string answer = await CurlAsync("-x", path.Proxy, "--noproxy", "", "-w", "\n%{http_code} %{content_type}", "http://svc.nobody.qanat/hello");
        Assert.Contains("\"code\":\"unknown-participant\"", answer);
        Assert.EndsWith("\n502 application/problem+json", answer);
    }

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Grpc_unary_and_bidirectional_calls_work()
    {
        using CancellationTokenSource limit = new(s_limit);
        using GrpcChannel channel = GrpcChannel.ForAddress("http://talk.hospital-b.qanat", new GrpcChannelOptions { HttpHandler = path.DirectHandler(), DisposeHttpClient = true });
        Talk.TalkClient client = new(channel);

        using AsyncUnaryCall<Line> call = client.SayAsync(new Line { Text = "good morning" }, cancellationToken: limit.Token);
        Assert.Equal("good morning", (await call).Text);
        Assert.Equal(path.CallerMid, call.GetTrailers().GetValue("caller"));

        RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await client.RefuseAsync(new Line { Text = "not today" }, cancellationToken: limit.Token));
        Assert.Equal((StatusCode.FailedPrecondition, "not today"), (refusal.StatusCode, refusal.Status.Detail));

        using AsyncDuplexStreamingCall<Line, Line> chat = client.Chat(cancellationToken: limit.Token);
        for (int i = 0; i < 100; i++)
        {
            // Each answer comes while the request stream is still open; lines grow past one frame and one credit window.
            string text = new((char)('a' + (i % 26)), 1 + (i * 5_000));
            await chat.RequestStream.WriteAsync(new Line { Text = text }, limit.Token);
            Assert.True(await chat.ResponseStream.MoveNext(limit.Token));
            Assert.Equal(text, chat.ResponseStream.Current.Text);
        }
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext(limit.Token));
        Assert.Equal(StatusCode.OK, chat.GetStatus().StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Kind", "E2E")]
    public async Task WebSocket_messages_are_echoed_and_the_close_comes_through(bool upgradeAtTheProxy)
    {
        using CancellationTokenSource limit = new(s_limit);
        using ClientWebSocket socket = new();
        using HttpMessageInvoker direct = new(path.DirectHandler());
        socket.Options.AddSubProtocol("echo");
        if (!upgradeAtTheProxy)
        {
            // .NET's client makes a CONNECT tunnel for ws:// through a proxy.
            socket.Options.Proxy = new WebProxy(path.Proxy);
        }
        await socket.ConnectAsync(new Uri("ws://svc.hospital-b.qanat/socket"), upgradeAtTheProxy ? direct : null, limit.Token);
        Assert.Equal("echo", socket.SubProtocol);

        byte[] large = RandomNumberGenerator.GetBytes(1 << 20);
        foreach (byte[] message in (byte[][])[Encoding.UTF8.GetBytes("shalom, 你好"), [], large])
        {
            WebSocketMessageType type = message == large ? WebSocketMessageType.Binary : WebSocketMessageType.Text;
            Task sending = socket.SendAsync(message, type, endOfMessage: true, limit.Token);
            using MemoryStream echoed = new();
            byte[] buffer = new byte[65536];
            WebSocketReceiveResult part;
            do
            {
                part = await socket.ReceiveAsync(buffer, limit.Token);
                Assert.Equal(type, part.MessageType);
                echoed.Write(buffer, 0, part.Count);
            }
            while (!part.EndOfMessage);
            await sending;
            Assert.Equal(message, echoed.ToArray());
        }
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", limit.Token);
        Assert.Equal((WebSocketCloseStatus.NormalClosure, "bye"), (socket.CloseStatus, socket.CloseStatusDescription));
    }

    private async Task<string> CurlAsync(params string[] arguments)
    {
        using Process curl = Process.Start(new ProcessStartInfo("curl", ["-sS", "--max-time", "300", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = curl.StandardError.ReadToEndAsync();
        string output = await curl.StandardOutput.ReadToEndAsync();
        await curl.WaitForExitAsync();
        Assert.True(curl.ExitCode == 0, $"curl {string.Join(' ', arguments)}: exit code {curl.ExitCode}, {await errors}\n{path.Logs()}");
        return output;
    }

    private static async Task<string> HashAsync(string file)
    {
        await using FileStream stream = File.OpenRead(file);
        return Convert.ToHexString(await SHA256.HashDataAsync(stream));
    }
}
