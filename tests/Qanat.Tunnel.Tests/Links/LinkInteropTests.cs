using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>The WebSocket link against .NET's own WebSocket peers, both ways.</summary>
[Trait("Kind", "Interop")]
public sealed class LinkInteropTests
{
    private static readonly int[] s_sizes = [0, 1, 60, 73, 74, 4000, 65483, 65484, 65536];

    private static async Task<byte[]> ReceiveAsync(WebSocket socket)
    {
        byte[] buffer = new byte[100_000];
        int length = 0;
        while (true)
        {
            ValueWebSocketReceiveResult result = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
            Assert.Equal(WebSocketMessageType.Binary, result.MessageType);
            length += result.Count;
            if (result.EndOfMessage)
            {
                return buffer[..length];
            }
        }
    }

    private static Task SendAsync(WebSocket socket, byte[] message) =>
        socket.SendAsync(message, WebSocketMessageType.Binary, true, CancellationToken.None);

    /// <summary>A hub made of nothing but a platform WebSocket: joins the caller and echoes frames until it closes.</summary>
    private static async Task ServeEchoAsync(WebSocket socket, NodeIdentity hub)
    {
        byte[] hello = await ReceiveAsync(socket);
        Assert.True(LinkHello.TryDecode(hello, out LinkHello decoded));
        byte[] challenge = new LinkChallenge(1, 2, hub.SubjectPublicKeyInfo.ToArray(), RandomNumberGenerator.GetBytes(32), decoded.Time).Encode(hello, hub.Sign);
        await SendAsync(socket, challenge);
        Assert.True(LinkProofMessage.TryDecode(await ReceiveAsync(socket), out _, out byte[] signedPart, out byte[] signature));
        Assert.True(LinkSignature.Verify(decoded.SubjectPublicKeyInfo, LinkTranscript.InitiatorStatement(hello, challenge, signedPart), signature));
        await SendAsync(socket, new LinkWelcomeMessage { Result = LinkRefusal.None }.Encode());
        foreach (int size in s_sizes)
        {
            byte[] frame = await ReceiveAsync(socket);
            Assert.Equal(FrameHeader.Length + size, frame.Length);
            // In fragments of the platform's making.
            await socket.SendAsync(frame.AsMemory(0, 20), WebSocketMessageType.Binary, false, CancellationToken.None);
            await socket.SendAsync(frame.AsMemory(20), WebSocketMessageType.Binary, true, CancellationToken.None);
        }
        ValueWebSocketReceiveResult end = await socket.ReceiveAsync(new byte[10].AsMemory(), CancellationToken.None);
        Assert.Equal(WebSocketMessageType.Close, end.MessageType);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    private static async Task DialAndEchoAsync(Uri address, NodeIdentity hub)
    {
        using NodeIdentity node = NodeIdentity.Create();
        DialedLink dialed = await new LinkDialer(node).DialAsync(
            new LinkTarget { Address = address, ExpectedMid = hub.Mid }, new LinkIntroduction { Role = LinkRole.Node }, CancellationToken.None);
        RecordingHandler handler = new();
        dialed.Link.Start(handler, null);
        foreach (int size in s_sizes)
        {
            byte[] payload = RandomNumberGenerator.GetBytes(size);
            FrameHeader header = new(FrameType.Data, 0, 0, node.Mid, hub.Mid, 3, (ulong)size);
            Assert.True(dialed.Link.TrySend(header, payload));
            (FrameHeader back, byte[] body) = await handler.NextAsync();
            Assert.Equal(header, back);
            Assert.Equal(payload, body);
        }
        await dialed.Link.DisposeAsync();
    }

    [Fact]
    public async Task Dialer_joins_a_hub_behind_Kestrels_WebSockets()
    {
        using NodeIdentity hub = NodeIdentity.Create();
        TaskCompletionSource served = new();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        await using WebApplication app = builder.Build();
        app.UseWebSockets();
        app.Map("/link", async (HttpContext context) =>
        {
            try
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync("qanat.v1");
                await ServeEchoAsync(socket, hub);
                served.SetResult();
            }
            catch (Exception e)
            {
                served.SetException(e);
            }
        });
        await app.StartAsync();
        await DialAndEchoAsync(new UriBuilder(app.Urls.First()) { Scheme = "ws", Path = "/link" }.Uri, hub);
        await served.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Dialer_joins_a_hub_on_a_platform_WebSocket_over_a_stream()
    {
        using NodeIdentity hub = NodeIdentity.Create();
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = Task.Run(async () =>
        {
            using TcpClient client = await listener.AcceptTcpClientAsync();
            NetworkStream stream = client.GetStream();
            byte[] head = new byte[4096];
            int length = 0;
            int status;
            string key;
            do
            {
                length += await stream.ReadAsync(head.AsMemory(length));
            }
            while (Wire.WebSockets.WebSocketUpgrade.TryReadRequest(head.AsSpan(0, length), "/", out _, out status, out key) == ParseStatus.NeedMoreData);
            Assert.Equal(101, status);
            await stream.WriteAsync(Wire.WebSockets.WebSocketUpgrade.WriteAccepted(key));
            using WebSocket socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, SubProtocol = "qanat.v1" });
            await ServeEchoAsync(socket, hub);
        });
        await DialAndEchoAsync(new Uri($"ws://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"), hub);
        await serving.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task ClientWebSocket_joins_the_listener()
    {
        await using LinkWorld world = new();
        using ClientWebSocket socket = new();
        socket.Options.AddSubProtocol("qanat.v1");
        await socket.ConnectAsync(world.Address, CancellationToken.None);
        Assert.Equal("qanat.v1", socket.SubProtocol);
        ulong now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        byte[] hello = new LinkHello(1, 1, 1, world.Node.SubjectPublicKeyInfo.ToArray(), RandomNumberGenerator.GetBytes(32), now).Encode();
        await SendAsync(socket, hello);
        byte[] challenge = await ReceiveAsync(socket);
        byte[] proof = new LinkProofMessage
        {
            AttachmentTime = now,
            AttachmentSignature = world.Node.Sign(LinkTranscript.AttachmentStatement(world.Node.Mid, world.Hub.Mid, now)),
        }.Encode(hello, challenge, world.Node.Sign);
        await SendAsync(socket, proof);
        Assert.True(LinkWelcomeMessage.TryDecode(await ReceiveAsync(socket), out LinkWelcomeMessage welcome));
        Assert.Equal(LinkRefusal.None, welcome.Result);
        AcceptedLink accepted = await world.AcceptedAsync();
        RecordingHandler handler = new();
        accepted.Link.Start(handler, null);
        foreach (int size in s_sizes)
        {
            byte[] frame = RandomNumberGenerator.GetBytes(FrameHeader.Length + size);
            world.FromNode(offset: (ulong)size).Write(frame);
            await socket.SendAsync(frame.AsMemory(0, 30), WebSocketMessageType.Binary, false, CancellationToken.None);
            await socket.SendAsync(frame.AsMemory(30), WebSocketMessageType.Binary, true, CancellationToken.None);
            (FrameHeader header, byte[] payload) = await handler.NextAsync();
            Assert.Equal(frame[FrameHeader.Length..], payload);
            Assert.True(accepted.Link.TrySend(world.FromHub(offset: header.Offset), payload));
            byte[] back = await ReceiveAsync(socket);
            Assert.Equal(payload, back[FrameHeader.Length..]);
        }
        ValueTask closing = accepted.Link.CloseAsync(LinkCloseCause.Draining);
        ValueWebSocketReceiveResult end = await socket.ReceiveAsync(new byte[10].AsMemory(), CancellationToken.None);
        Assert.Equal(WebSocketMessageType.Close, end.MessageType);
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, socket.CloseStatus);
        await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);
        await closing;
        Assert.Equal(LinkCloseCause.Draining, (await accepted.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
    }

    [Fact]
    public async Task ClientWebSocket_that_sends_text_is_closed_with_1003()
    {
        await using LinkWorld world = new();
        using ClientWebSocket socket = new();
        socket.Options.AddSubProtocol("qanat.v1");
        await socket.ConnectAsync(world.Address, CancellationToken.None);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        ValueWebSocketReceiveResult end = await socket.ReceiveAsync(new byte[10].AsMemory(), CancellationToken.None);
        Assert.Equal(WebSocketMessageType.Close, end.MessageType);
        Assert.Equal(WebSocketCloseStatus.InvalidMessageType, socket.CloseStatus);
    }

    [Fact]
    public async Task Browser_without_the_subprotocol_is_refused_with_400()
    {
        await using LinkWorld world = new();
        using ClientWebSocket socket = new();
        WebSocketException e = await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(world.Address, CancellationToken.None));
        Assert.Contains("400", e.Message, StringComparison.Ordinal);
        using HttpClient http = new();
        using HttpResponseMessage response = await http.GetAsync(new UriBuilder(world.Address) { Scheme = "http" }.Uri);
        Assert.Equal(HttpStatusCode.UpgradeRequired, response.StatusCode);
        Assert.Equal(["13"], response.Headers.GetValues("Sec-WebSocket-Version"));
    }
}
