using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Qanat.Tls.AspNetCore.Tests;

/// <summary>HttpClient and Kestrel over TLCP and TLS 1.3-SM, on loopback.</summary>
public sealed class SmTlsHttpTests
{
    private const int BodyBytes = 3_000_000;

    [Theory]
    [InlineData(SmProtocol.Tlcp, 1)]
    [InlineData(SmProtocol.Tlcp, 2)]
    [InlineData(SmProtocol.Tls13, 1)]
    [InlineData(SmProtocol.Tls13, 2)]
    public async Task Requests_of_each_http_version_go_over_each_protocol_with_client_certificates(SmProtocol protocol, int version)
    {
        SmSslServerAuthenticationOptions server = Pki.ServerOptions();
        server.ClientCertificateMode = SmClientCertificateMode.Require;
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(server));
        SmSslClientAuthenticationOptions options = Pki.ClientOptions(protocol);
        options.ClientCredential = Pki.Client;
        using HttpClient client = Client(app, options, version);

        string said = await client.GetStringAsync("/who");
        Assert.Equal($"{protocol} HTTP/{(version == 1 ? "1.1" : "2")} https CN=client, O=Example localhost", said);

        byte[] body = RandomNumberGenerator.GetBytes(BodyBytes);
        using ByteArrayContent content = new(body);
        using HttpResponseMessage answer = await client.PostAsync("/echo", content);
        Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(version, answer.Version.Major);
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task Requests_that_block_their_thread_work_too(SmProtocol protocol)
    {
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(Pki.ServerOptions()));
        using HttpClient client = Client(app, Pki.ClientOptions(protocol), 1);
        byte[] body = RandomNumberGenerator.GetBytes(100_000), got = new byte[100_000];
        using HttpRequestMessage request = new(HttpMethod.Post, "/echo") { Version = HttpVersion.Version11, Content = new ByteArrayContent(body) };
#pragma warning disable CA1849 // what is tested
        using HttpResponseMessage answer = client.Send(request, HttpCompletionOption.ResponseHeadersRead);
        using Stream stream = answer.Content.ReadAsStream();
        stream.ReadExactly(got);
#pragma warning restore CA1849
        Assert.Equal(body, got);
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task Many_requests_at_once_share_one_connection_of_http2(SmProtocol protocol)
    {
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(Pki.ServerOptions()));
        using HttpClient client = Client(app, Pki.ClientOptions(protocol), 2);
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => client.GetStringAsync("/connection")));
        Assert.Single(ids.Distinct());
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task A_server_of_http1_alone_is_asked_in_http1(SmProtocol protocol)
    {
        await using WebApplication app = await StartAsync(listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.UseSmTls(Pki.ServerOptions());
        });
        using HttpClient client = Client(app, Pki.ClientOptions(protocol), 2, HttpVersionPolicy.RequestVersionOrLower);
        using HttpResponseMessage answer = await client.GetAsync("/who");
        Assert.Equal(HttpVersion.Version11, answer.Version);
    }

    [Fact]
    public async Task A_request_of_http1_or_higher_is_sent_in_http2_where_the_server_can()
    {
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(Pki.ServerOptions()));
        using HttpClient client = Client(app, Pki.ClientOptions(SmProtocol.Tlcp), 1, HttpVersionPolicy.RequestVersionOrHigher);
        using HttpResponseMessage answer = await client.GetAsync("/who");
        Assert.Equal(HttpVersion.Version20, answer.Version);
    }

    [Fact]
    public async Task One_port_serves_tlcp_tls13_sm_and_ordinary_tls()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(options =>
        {
            options.Sm = Pki.ServerOptions();
            options.Ordinary = new SslServerAuthenticationOptions { ServerCertificate = certificate };
        }));
        foreach (SmProtocol protocol in new[] { SmProtocol.Tlcp, SmProtocol.Tls13 })
        {
            using HttpClient client = Client(app, Pki.ClientOptions(protocol), 2);
            Assert.StartsWith($"{protocol} HTTP/2 https", await client.GetStringAsync("/who"), StringComparison.Ordinal);
        }
        foreach (int version in new[] { 1, 2 })
        {
            SocketsHttpHandler handler = new()
            {
                SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == certificate.Subject },
            };
            using HttpClient ordinary = new(handler) { BaseAddress = Address(app), DefaultRequestVersion = new Version(version, version == 1 ? 1 : 0) };
            Assert.StartsWith($"None HTTP/{(version == 1 ? "1.1" : "2")} https", await ordinary.GetStringAsync("/who"), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task WebSockets_work(SmProtocol protocol)
    {
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(Pki.ServerOptions()));
        using HttpMessageInvoker invoker = new(new SocketsHttpHandler().UseSmTls(Pki.ClientOptions(protocol)));
        using ClientWebSocket socket = new();
        await socket.ConnectAsync(new UriBuilder(Address(app)) { Scheme = "wss", Path = "/ws" }.Uri, invoker, CancellationToken.None);
        byte[] sent = RandomNumberGenerator.GetBytes(20_000), got = new byte[sent.Length];
        await socket.SendAsync(sent, WebSocketMessageType.Binary, true, CancellationToken.None);
        int at = 0;
        while (at < got.Length)
        {
            at += (await socket.ReceiveAsync(got.AsMemory(at), CancellationToken.None)).Count;
        }
        Assert.Equal(sent, got);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    [Fact]
    public async Task Failures_carry_their_typed_error()
    {
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(Pki.ServerOptions()));
        SmSslClientAuthenticationOptions options = Pki.ClientOptions(SmProtocol.Tls13);
        options.Trust = new([]);
        using HttpClient stranger = Client(app, options, 1);
        Assert.Equal(SmTlsError.UnknownCa, (await Assert.ThrowsAsync<HttpRequestException>(() => stranger.GetStringAsync("/who"))).GetSmTlsError());

        using HttpClient plain = Client(app, Pki.ClientOptions(SmProtocol.Tls13), 1);
        Uri http = new UriBuilder(Address(app)) { Scheme = "http" }.Uri;
        Assert.Equal(SmTlsError.InvalidOptions, (await Assert.ThrowsAsync<HttpRequestException>(() => plain.GetStringAsync(http))).GetSmTlsError());
    }

    [Fact]
    public async Task Ordinary_clients_and_noise_do_not_disturb_a_port_of_sm_alone()
    {
        Events events = new();
        await using WebApplication app = await StartAsync(listen => listen.UseSmTls(Pki.ServerOptions()), events);
        using HttpClient ordinary = new() { BaseAddress = Address(app) };
        await Assert.ThrowsAsync<HttpRequestException>(() => ordinary.GetStringAsync("/who"));
        using (System.Net.Sockets.TcpClient noise = new("127.0.0.1", Address(app).Port))
        {
            await noise.GetStream().WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
            Assert.Equal(0, await noise.GetStream().ReadAsync(new byte[1].AsMemory()));
        }
        using HttpClient client = Client(app, Pki.ClientOptions(SmProtocol.Tlcp), 1);
        Assert.StartsWith("Tlcp", await client.GetStringAsync("/who"), StringComparison.Ordinal);
        Assert.Equal(2, events.Count(1400));
    }

    private static HttpClient Client(WebApplication app, SmSslClientAuthenticationOptions options, int version, HttpVersionPolicy policy = HttpVersionPolicy.RequestVersionExact) =>
        new(new SocketsHttpHandler().UseSmTls(options))
        {
            BaseAddress = Address(app),
            DefaultRequestVersion = version == 1 ? HttpVersion.Version11 : HttpVersion.Version20,
            DefaultVersionPolicy = policy,
        };

    private static Uri Address(WebApplication app) =>
        new($"https://localhost:{new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port}");

    private static async Task<WebApplication> StartAsync(Action<ListenOptions> listen, Events? events = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (events is not null)
        {
            builder.Logging.AddProvider(events).SetMinimumLevel(LogLevel.Debug);
        }
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen));
        WebApplication app = builder.Build();
        app.UseWebSockets();
        app.MapGet("/who", (HttpContext context) =>
        {
            ISmTlsFeature? tls = context.Features.Get<ISmTlsFeature>();
            return $"{tls?.Protocol ?? SmProtocol.None} {context.Request.Protocol} {context.Request.Scheme} {tls?.ClientCertificates?.SignCertificate?.Subject} {tls?.ServerName}";
        });
        app.MapGet("/connection", (HttpContext context) => context.Connection.Id);
        app.MapPost("/echo", async (HttpContext context) =>
        {
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
            // All of it first: an HTTP/2 client reads no answer before it has sent its request, and the windows are smaller than this body.
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            body.Position = 0;
            await body.CopyToAsync(context.Response.Body);
        });
        app.Map("/ws", async (HttpContext context) =>
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
            byte[] buffer = new byte[4096];
            for (WebSocketReceiveResult got; (got = await socket.ReceiveAsync(buffer, default)).MessageType != WebSocketMessageType.Close;)
            {
                await socket.SendAsync(buffer.AsMemory(0, got.Count), WebSocketMessageType.Binary, got.EndOfMessage, default);
            }
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        });
        await app.StartAsync();
        return app;
    }

    /// <summary>Counts log events.</summary>
    private sealed class Events : ILoggerProvider, ILogger
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<int> _ids = new();

        public int Count(int id) => _ids.Count(i => i == id);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _ids.Enqueue(eventId.Id);

        public void Dispose()
        {
        }
    }
}
