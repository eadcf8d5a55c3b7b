using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Mux;

/// <summary>Kestrel served on a tunnel at both ends, HttpClient dialling through it, both ways.</summary>
public sealed class TunnelHttpTests : IAsyncLifetime
{
    private readonly WebApplication[] _apps = new WebApplication[2];
    private MuxPair _pair = null!;

    public async ValueTask InitializeAsync()
    {
        IStreamAcceptor[] acceptors = new IStreamAcceptor[2];
        for (int i = 0; i < 2; i++)
        {
            TunnelConnectionListenerFactory factory = new();
            WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton<IConnectionListenerFactory>(factory);
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(new QanatServiceEndPoint("web"), o => o.Protocols = HttpProtocols.Http1);
                kestrel.Listen(new QanatServiceEndPoint("web2"), o => o.Protocols = HttpProtocols.Http2);
                kestrel.Listen(IPAddress.Loopback, 0);
            });
            _apps[i] = builder.Build();
            Map(_apps[i], i == 0 ? "client" : "server");
            await _apps[i].StartAsync();
            acceptors[i] = new ByListener(factory);
        }
        _pair = new MuxPair(acceptors[1], acceptors[0]);
    }

    public async ValueTask DisposeAsync()
    {
        await _pair.DisposeAsync();
        foreach (WebApplication app in _apps)
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("web", 1, true)]
    [InlineData("web", 1, false)]
    [InlineData("web2", 2, true)]
    [InlineData("web2", 2, false)]
    public async Task Requests_answer_both_ways_with_bodies_and_trailers(string service, int version, bool fromClient)
    {
        using HttpClient http = Client(service, fromClient, version);
        Assert.Equal(fromClient ? "server" : "client", await http.GetStringAsync("/who"));
        byte[] body = new byte[3_000_000];
        Random.Shared.NextBytes(body);
        using HttpResponseMessage response = await http.PostAsync("/echo", new ByteArrayContent(body));
        Assert.Equal(body, await response.Content.ReadAsByteArrayAsync());
        if (version == 2)
        {
            Assert.Equal("3000000", response.TrailingHeaders.GetValues("x-length").Single());
        }
    }

    [Fact]
    public async Task Continue_is_waited_for()
    {
        using HttpClient http = Client("web", true, 1);
        using HttpRequestMessage request = new(HttpMethod.Post, "/refuse") { Content = new ByteArrayContent(new byte[1_000_000]) };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage refused = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using HttpRequestMessage second = new(HttpMethod.Post, "/echo") { Content = new ByteArrayContent(new byte[1_000_000]) };
        second.Headers.ExpectContinue = true;
        using HttpResponseMessage echoed = await http.SendAsync(second);
        Assert.Equal(1_000_000, (await echoed.Content.ReadAsByteArrayAsync()).Length);
    }

    [Theory]
    [InlineData("web", 1)]
    [InlineData("web2", 2)]
    public async Task Streaming_bodies_flow_piece_by_piece(string service, int version)
    {
        using HttpClient http = Client(service, true, version);
        using HttpResponseMessage response = await http.GetAsync("/count", HttpCompletionOption.ResponseHeadersRead);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(i.ToString(), await lines.ReadLineAsync().WaitAsync(MuxSessionTests.Limit));
            // The next line is only written when this arrives: nothing is held back anywhere.
            await http.GetStringAsync("/next");
        }
        Assert.Null(await lines.ReadLineAsync().WaitAsync(MuxSessionTests.Limit));
    }

    [Fact]
    public async Task Websockets_upgrade()
    {
        using HttpMessageInvoker invoker = new(Handler("web", true));
        using ClientWebSocket socket = new();
        await socket.ConnectAsync(new Uri("ws://service/ws"), invoker, TestContext.Current.CancellationToken);
        byte[] received = new byte[100];
        for (int i = 0; i < 10; i++)
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes($"message {i}"), WebSocketMessageType.Text, true, default);
            WebSocketReceiveResult result = await socket.ReceiveAsync(received, default).WaitAsync(MuxSessionTests.Limit);
            Assert.Equal($"message {i}", Encoding.UTF8.GetString(received, 0, result.Count));
        }
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
    }

    [Fact]
    public async Task An_aborted_response_is_an_error_never_a_short_body()
    {
        using HttpClient http = Client("web", true, 1);
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetByteArrayAsync("/abort"));
        Assert.NotNull(e.InnerException);
    }

    [Fact]
    public async Task An_unknown_service_is_a_typed_error()
    {
        using HttpClient http = Client("nothing", true, 1);
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("/who"));
        Assert.Equal(TunnelError.UnknownService, Assert.IsType<TunnelException>(e.InnerException).Error);
    }

    [Fact]
    public async Task Connections_are_gone_after_use()
    {
        using (HttpClient http = Client("web", true, 1))
        {
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => http.GetStringAsync("/who")));
        }
        using CancellationTokenSource limit = new(MuxSessionTests.Limit);
        while (_pair.Client.ConnectionCount + _pair.Server.ConnectionCount > 0)
        {
            await Task.Delay(5, limit.Token);
        }
        Assert.Equal(0, _pair.Server.UnreadBytes);
    }

    private HttpClient Client(string service, bool fromClient, int version) => new(Handler(service, fromClient))
    {
        BaseAddress = new Uri("http://service"),
        DefaultRequestVersion = new Version(version, version == 1 ? 1 : 0),
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = MuxSessionTests.Limit,
    };

    private SocketsHttpHandler Handler(string service, bool fromClient) => new()
    {
        ConnectCallback = (_, _) => new ValueTask<Stream>(new TunnelStream((fromClient ? _pair.Client : _pair.Server).Open(service))),
        Expect100ContinueTimeout = TimeSpan.FromMinutes(1),
    };

    private static void Map(WebApplication app, string name)
    {
        SemaphoreSlim next = new(0);
        app.UseWebSockets();
        app.MapGet("/who", () => name);
        app.MapGet("/next", () => { next.Release(); return "ok"; });
        app.MapPost("/refuse", () => Results.StatusCode(403));
        app.MapPost("/echo", async context =>
        {
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            body.Position = 0;
            await body.CopyToAsync(context.Response.Body);
            if (context.Response.SupportsTrailers())
            {
                context.Response.AppendTrailer("x-length", body.Length.ToString());
            }
        });
        app.MapGet("/count", async context =>
        {
            for (int i = 0; i < 5; i++)
            {
                await context.Response.WriteAsync($"{i}\n");
                await context.Response.Body.FlushAsync();
                await next.WaitAsync(MuxSessionTests.Limit);
            }
        });
        app.MapGet("/abort", async context =>
        {
            await context.Response.WriteAsync("some");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        app.MapGet("/ws", async context =>
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
            byte[] buffer = new byte[1000];
            while (true)
            {
                WebSocketReceiveResult received = await socket.ReceiveAsync(buffer, default);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
                    return;
                }
                await socket.SendAsync(buffer.AsMemory(0, received.Count), WebSocketMessageType.Text, true, default);
            }
        });
    }

    private sealed class ByListener(TunnelConnectionListenerFactory factory) : IStreamAcceptor
    {
        public MuxResetReason Authorize(Mid peerMid, string service) =>
            factory.TryGet(service, out _) ? MuxResetReason.None : MuxResetReason.UnknownService;

        public Task ServeAsync(ConnectionContext connection, string service) =>
            factory.TryGet(service, out TunnelConnectionListener? listener) ? listener.ServeAsync(connection) : throw new TunnelException(TunnelError.UnknownService, service);
    }
}
