using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Qanat.Node.Tests.Fakes;
using Qanat.Node.Tests.Protos;

namespace Qanat.Node.Tests;

public sealed class StreamingProtocolTests
{
    private sealed class EchoService : Echo.EchoBase
    {
        public override Task<EchoMessage> Say(EchoMessage request, ServerCallContext context)
        {
            context.ResponseTrailers.Add("peer", context.RequestHeaders.GetValue("qanat-peer") ?? "none");
            return Task.FromResult(request);
        }

        public override Task<EchoMessage> Fail(EchoMessage request, ServerCallContext context) => throw new RpcException(new Status(StatusCode.FailedPrecondition, "on purpose"));

        public override async Task Chat(IAsyncStreamReader<EchoMessage> requestStream, IServerStreamWriter<EchoMessage> responseStream, ServerCallContext context)
        {
            await foreach (EchoMessage message in requestStream.ReadAllAsync(context.CancellationToken))
            {
                await responseStream.WriteAsync(message);
            }
        }
    }

    private static Task<Backend> StartGrpcAsync() => Backend.StartAsync(app => app.MapGrpcService<EchoService>(), HttpProtocols.Http2, s => s.AddGrpc());

    [Theory]
    [InlineData("h2c", false)]
    [InlineData("http", false)]
    [InlineData("h2c", true)]
    public async Task Grpc_works_end_to_end(string scheme, bool throughConnect)
    {
        await using Backend backend = await StartGrpcAsync();
        await using NodePair pair = await NodePair.StartAsync(backend, scheme);
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, _) =>
            {
                RawClient raw = await pair.ConnectRawAsync();
                if (throughConnect)
                {
                    await raw.SendAsync("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: echo.bob.qanat:80\r\n\r\n");
                    await raw.ReadUntilAsync("\r\n\r\n");
                }
                return new System.Net.Sockets.NetworkStream(raw.Socket, ownsSocket: true);
            },
        };
        using GrpcChannel channel = GrpcChannel.ForAddress("http://echo.bob.qanat", new GrpcChannelOptions { HttpHandler = handler });
        var client = new Echo.EchoClient(channel);

        using AsyncUnaryCall<EchoMessage> call = client.SayAsync(new EchoMessage { Text = "hi" });
        Assert.Equal("hi", (await call).Text);
        Assert.Equal("alice", call.GetTrailers().GetValue("peer"));

        RpcException failure = await Assert.ThrowsAsync<RpcException>(async () => await client.FailAsync(new EchoMessage()));
        Assert.Equal((StatusCode.FailedPrecondition, "on purpose"), (failure.StatusCode, failure.Status.Detail));

        using AsyncDuplexStreamingCall<EchoMessage, EchoMessage> chat = client.Chat();
        for (int i = 0; i < 5; i++)
        {
            // Each answer must come while the request stream is still open.
            await chat.RequestStream.WriteAsync(new EchoMessage { Text = $"{i}" });
            Assert.True(await chat.ResponseStream.MoveNext(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token));
            Assert.Equal($"{i}", chat.ResponseStream.Current.Text);
        }
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext(default));
    }

    [Fact]
    public async Task Http2_prior_knowledge_request_reaches_an_http1_service_and_reports_errors()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using var client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, _) => new System.Net.Sockets.NetworkStream((await pair.ConnectRawAsync()).Socket, ownsSocket: true),
        });
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://echo.bob.qanat/p?q") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new StringContent("body") };
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (response.StatusCode, response.Version));
        Assert.Equal("body", await response.Content.ReadAsStringAsync());
        Assert.Equal("/p?q", response.Headers.GetValues("X-Target").Single());

        using var other = new HttpRequestMessage(HttpMethod.Get, "http://example.org/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using HttpResponseMessage refused = await client.SendAsync(other);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("not-a-qanat-name", await refused.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task WebSocket_upgrade_passes_messages_both_ways_and_closes_cleanly()
    {
        await using Backend backend = await Backend.StartAsync(app =>
        {
            app.UseWebSockets();
            app.Run(async context =>
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync("chat");
                byte[] buffer = new byte[4096];
                while (await socket.ReceiveAsync(buffer, default) is { MessageType: not WebSocketMessageType.Close } received)
                {
                    await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, default);
                }
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", default);
            });
        });
        await using NodePair pair = await NodePair.StartAsync(backend);
        // .NET's client makes a CONNECT tunnel for ws:// through a proxy; the absolute-form upgrade is tested with an invoker below.
        using var socket = new ClientWebSocket();
        socket.Options.Proxy = new WebProxy($"http://127.0.0.1:{pair.Port}");
        socket.Options.AddSubProtocol("chat");
        await Exchange(socket, ct => socket.ConnectAsync(new Uri("ws://echo.bob.qanat/ws"), ct));

        using var direct = new ClientWebSocket();
        direct.Options.AddSubProtocol("chat");
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, _) => new System.Net.Sockets.NetworkStream((await pair.ConnectRawAsync()).Socket, ownsSocket: true),
        });
        await Exchange(direct, ct => direct.ConnectAsync(new Uri("ws://echo.bob.qanat/ws"), invoker, ct));

        static async Task Exchange(ClientWebSocket socket, Func<CancellationToken, Task> connect)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await connect(limit.Token);
            Assert.Equal("chat", socket.SubProtocol);
            byte[] buffer = new byte[4096];
            for (int i = 0; i < 10; i++)
            {
                await socket.SendAsync(Encoding.UTF8.GetBytes($"message {i}"), WebSocketMessageType.Text, true, limit.Token);
                WebSocketReceiveResult result = await socket.ReceiveAsync(buffer, limit.Token);
                Assert.Equal($"message {i}", Encoding.UTF8.GetString(buffer, 0, result.Count));
            }
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", limit.Token);
            Assert.Equal("bye", socket.CloseStatusDescription);
        }
    }

    [Fact]
    public async Task Https_service_is_reached_with_its_own_ca()
    {
        using X509Certificate2 certificate = LocalhostCertificate();
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, certificate.ExportCertificatePem());
            await using Backend backend = await Backend.StartAsync(Backend.MapEcho, HttpProtocols.Http1, listen: l => l.UseHttps(certificate));
            await using NodePair pair = await NodePair.StartAsync(o =>
            {
                o.Services["safe"] = new() { Target = $"https://localhost:{backend.Port}", Allow = ["*"], TargetCa = file };
                o.Services["unsafe"] = new() { Target = $"https://localhost:{backend.Port}", Allow = ["*"] };
            });
            using HttpClient client = pair.CreateClient();
            Assert.Equal("secret", await (await client.PostAsync("http://safe.bob.qanat/", new StringContent("secret"))).Content.ReadAsStringAsync());
            await HttpProxyTests.AssertProblemAsync(pair, "http://unsafe.bob.qanat/", 502, "service-refused");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("http", "5\r\nhello\r\n4\r\nbody\r\n", "hellobody")]
    [InlineData("http", "", "")]
    [InlineData("https", "5\r\nhello\r\n", "hello")]
    public async Task Trailers_of_a_chunked_request_reach_the_service(string scheme, string chunks, string body)
    {
        using X509Certificate2 certificate = LocalhostCertificate();
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, certificate.ExportCertificatePem());
            await using Backend backend = await Backend.StartAsync(MapTrailers, listen: l =>
            {
                if (scheme == "https")
                {
                    l.UseHttps(certificate);
                }
            });
            await using NodePair pair = await NodePair.StartAsync(o =>
                o.Services["echo"] = new() { Target = $"{scheme}://localhost:{backend.Port}", Allow = ["*"], TargetCa = scheme == "https" ? file : null });
            using RawClient client = await pair.ConnectRawAsync();
            const string Head = "POST http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\nTransfer-Encoding: chunked\r\n";
            // What a trailer may not be, or only a node may say, is left out on the way; what is no field at all never was one.
            await client.SendAsync(Head + "Trailer: X-Digest\r\n\r\n" + chunks
                + "0\r\nX-Digest: sha-256=abc\r\nHost: evil\r\nContent-Length: 9\r\nAuthorization: x\r\nQanat-Peer: carol\r\nx_forwarded_for: 1.2.3.4\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n");
            Assert.Equal($"{body}|announced: X-Digest|X-Digest=sha-256=abc|X-Two=1,2", await ReadAnswerAsync(client));
            // The connections are kept alive on the whole way: nothing of one request may come up in the next.
            await client.SendAsync(Head + "\r\n" + chunks + "0\r\n\r\n");
            Assert.Equal($"{body}|announced: ", await ReadAnswerAsync(client));
            await client.SendAsync(Head + "\r\n5\r\n0\r\n\r\n\r\n0\r\nLast: yes\r\n\r\n");
            Assert.Equal("0\r\n\r\n|announced: |Last=yes", await ReadAnswerAsync(client));
            Assert.Single(pair.B.Accepted);
        }
        finally
        {
            File.Delete(file);
        }

        static void MapTrailers(WebApplication app) => app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            string text = await reader.ReadToEndAsync();
            IHeaderDictionary trailers = context.Features.GetRequiredFeature<IHttpRequestTrailersFeature>().Trailers;
            text = string.Join('|', [text, $"announced: {context.Request.Headers.Trailer}", .. trailers.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => $"{t.Key}={t.Value}")]);
            context.Response.ContentLength = text.Length;
            await context.Response.WriteAsync(text);
        });

        static async Task<string> ReadAnswerAsync(RawClient client)
        {
            string head = await client.ReadUntilAsync("\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200", head);
            int length = int.Parse(head.Split("Content-Length: ")[1].Split("\r\n")[0], System.Globalization.CultureInfo.InvariantCulture);
            return Encoding.ASCII.GetString(await client.ReadExactlyAsync(length));
        }
    }

    private static X509Certificate2 LocalhostCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
