using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Qanat.Node.Tests.Fakes;
using Qanat.Tunnel;

namespace Qanat.Node.Tests;

public sealed class HttpProxyTests
{
    [Fact]
    public async Task Absolute_form_request_reaches_the_service_and_comes_back()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using HttpClient client = pair.CreateClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://echo.bob.qanat/a%2Fb/c?x=1&y=%20z") { Content = new StringContent("hello") };
        request.Headers.Add("traceparent", "00-11111111111111111111111111111111-2222222222222222-01");
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("hello", await response.Content.ReadAsStringAsync());
        Assert.Equal("POST", One(response, "X-Method"));
        Assert.Equal("/a%2Fb/c?x=1&y=%20z", One(response, "X-Target"));
        Assert.Equal("echo.bob.qanat", One(response, "Saw-Host"));
        Assert.Equal(pair.A.Mid.ToString(), One(response, "Saw-Qanat-Peer-Mid"));
        Assert.Equal("alice", One(response, "Saw-Qanat-Peer"));
        Assert.Equal("00-11111111111111111111111111111111-2222222222222222-01", One(response, "Saw-traceparent"));
        Assert.Contains("qanat-alice-proxy", One(response, "Saw-Via"));
        Assert.Contains("qanat-alice-proxy", One(response, "Via"));
    }

    [Theory]
    [InlineData("http://ECHO.Bob.QANAT/", 200)]
    [InlineData("http://echo.bob.qanat./", 200)]
    [InlineData("http://echo.bob.qanat:8080/", 200)]
    [InlineData("http://example.org/", 403)]
    [InlineData("http://127.0.0.1/", 403)]
    [InlineData("http://2130706433/", 403)]
    [InlineData("http://[::1]:80/", 403)]
    [InlineData("http://echo.bob.qanat.evil.example/", 403)]
    [InlineData("http://qanat/", 403)]
    [InlineData("http://echo.bob.qanat@evil.example/", 400)]
    [InlineData("http://evil.example#.bob.qanat/", 400)]
    [InlineData("http://echo..bob.qanat/", 400)]
    [InlineData("http://echo%2ebob.qanat/", 400)]
    [InlineData("http://echo.bob.qanat:99999/", 400)]
    [InlineData("https://echo.bob.qanat/", 400)]
    public async Task Names_are_normalised_and_everything_else_is_refused(string target, int status)
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync($"GET {target} HTTP/1.1\r\nHost: echo.bob.qanat\r\nConnection: close\r\n\r\n");
        string answer = await client.ReadToEndAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
    }

    [Theory]
    [InlineData(TunnelError.HubUnreachable, 502)]
    [InlineData(TunnelError.PeerOffline, 502)]
    [InlineData(TunnelError.HandshakeTimeout, 504)]
    [InlineData(TunnelError.PeerMidMismatch, 502)]
    [InlineData(TunnelError.QuotaExceeded, 503)]
    public async Task Dial_errors_arrive_as_problem_json_with_their_code(TunnelError error, int status)
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        pair.B.DialError = new TunnelException(error, "because");
        await AssertProblemAsync(pair, "http://echo.bob.qanat/", status, TunnelException.ToCode(error));
    }

    [Fact]
    public async Task Unknown_names_and_refusals_have_their_own_codes()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["closed"] = new() { Target = $"http://127.0.0.1:{backend.Port}", Allow = ["carol"] };
            o.Services["dead"] = new() { Target = "http://127.0.0.1:1", Allow = ["*"] };
        });
        await AssertProblemAsync(pair, "http://echo.nobody.qanat/", 502, "unknown-participant");
        await AssertProblemAsync(pair, "http://other.bob.qanat/", 502, "unknown-service");
        await AssertProblemAsync(pair, "http://closed.bob.qanat/", 403, "denied");
        await AssertProblemAsync(pair, "http://dead.bob.qanat/", 502, "service-refused");
        await AssertProblemAsync(pair, "http://example.org/", 403, "not-a-qanat-name");
        Assert.Equal(3, pair.B.Accepted.Count);
    }

    [Fact]
    public async Task Request_bodies_stream()
    {
        var firstSeen = new TaskCompletionSource<string>();
        await using Backend backend = await Backend.StartAsync(app => app.Run(async context =>
        {
            byte[] block = new byte[100];
            int count = await context.Request.Body.ReadAsync(block);
            firstSeen.TrySetResult(System.Text.Encoding.ASCII.GetString(block, 0, count));
            using var rest = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync(await rest.ReadToEndAsync());
        }));
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("POST http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        Assert.Equal("first", await firstSeen.Task.WaitAsync(TimeSpan.FromSeconds(60)));
        await client.SendAsync("6\r\nsecond\r\n0\r\n\r\n");
        await client.ReadUntilAsync("second");
    }

    [Fact]
    public async Task Response_bodies_stream()
    {
        var goOn = new TaskCompletionSource();
        await using Backend backend = await Backend.StartAsync(app => app.Run(async context =>
        {
            await context.Response.WriteAsync("first");
            await context.Response.Body.FlushAsync();
            await goOn.Task;
            await context.Response.WriteAsync("second");
        }));
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("GET http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\n\r\n");
        Assert.Contains("Transfer-Encoding: chunked", await client.ReadUntilAsync("first\r\n"));
        goOn.SetResult();
        await client.ReadUntilAsync("second\r\n0\r\n\r\n");
    }

    [Fact]
    public async Task Large_bodies_arrive_whole()
    {
        byte[] body = new byte[20_000_000];
        new Random(1).NextBytes(body);
        byte[] hash = SHA256.HashData(body);
        await using Backend backend = await Backend.StartAsync(app =>
        {
            app.MapPost("/", async context => await context.Response.Body.WriteAsync(await SHA256.HashDataAsync(context.Request.Body)));
            app.MapGet("/", async context => await context.Response.Body.WriteAsync(body));
        });
        await using NodePair pair = await NodePair.StartAsync(backend);
        using HttpClient client = pair.CreateClient();
        using HttpResponseMessage up = await client.PostAsync("http://echo.bob.qanat/", new ByteArrayContent(body));
        Assert.Equal(hash, await up.Content.ReadAsByteArrayAsync());
        Assert.Equal(hash, SHA256.HashData(await client.GetByteArrayAsync("http://echo.bob.qanat/")));
    }

    [Fact]
    public async Task Expect_100_continue_is_answered_by_the_service()
    {
        await using Backend backend = await Backend.StartAsync(app => app.Run(async context =>
        {
            if (context.Request.Path == "/refuse")
            {
                context.Response.StatusCode = 413;
                return;
            }
            using var reader = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync(await reader.ReadToEndAsync());
        }));
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("PUT http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 100", await client.ReadUntilAsync("\r\n\r\n"));
        await client.SendAsync("data");
        Assert.StartsWith("HTTP/1.1 200", await client.ReadUntilAsync("data"));

        using RawClient refused = await pair.ConnectRawAsync();
        await refused.SendAsync("PUT http://echo.bob.qanat/refuse HTTP/1.1\r\nHost: echo.bob.qanat\r\nContent-Length: 40000\r\nExpect: 100-continue\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 413", await refused.ReadUntilAsync("\r\n\r\n"));
    }

    [Fact]
    public async Task Http10_client_gets_a_close_delimited_answer()
    {
        await using Backend backend = await Backend.StartAsync(app => app.Run(async context =>
        {
            await context.Response.WriteAsync("part one, ");
            await context.Response.Body.FlushAsync();
            await context.Response.WriteAsync("part two");
        }));
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("GET http://echo.bob.qanat/ HTTP/1.0\r\n\r\n");
        string answer = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.DoesNotContain("chunked", answer);
        Assert.EndsWith("part one, part two", answer);
    }

    [Theory]
    [InlineData("HTTP/1.1", false)]
    [InlineData("HTTP/1.1", true)]
    [InlineData("HTTP/1.0", false)]
    public async Task A_response_that_breaks_in_mid_body_never_looks_complete(string version, bool withLength)
    {
        await using Backend backend = await Backend.StartAsync(app => app.Run(async context =>
        {
            if (withLength)
            {
                context.Response.ContentLength = 1000;
            }
            await context.Response.WriteAsync("some");
            await context.Response.Body.FlushAsync();
            await Task.WhenAny(Task.Delay(Timeout.Infinite, context.RequestAborted), Broken.Task);
            context.Abort();
        }));
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync($"GET http://echo.bob.qanat/ {version}\r\nHost: echo.bob.qanat\r\nConnection: close\r\n\r\n");
        await client.ReadUntilAsync("some");
        Broken.TrySetResult();
        string rest = "";
        try
        {
            rest = await client.ReadToEndAsync();
            Assert.Equal("HTTP/1.1", version);
        }
        catch (System.Net.Sockets.SocketException)
        {
            // A reset: plainly broken. A close-delimited answer must end like this.
        }
        Assert.DoesNotContain("0\r\n\r\n", rest);
    }

    private TaskCompletionSource Broken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task Kept_alive_client_connections_and_pooled_tunnel_connections_are_reused()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        for (int i = 0; i < 20; i++)
        {
            using RawClient client = await pair.ConnectRawAsync();
            await client.SendAsync("GET http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\nConnection: close\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200", await client.ReadToEndAsync());
        }
        Assert.Single(pair.B.Accepted);
    }

    [Fact]
    public async Task Hop_by_hop_headers_stay_behind()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("GET http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\nConnection: X-Secret, Host\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: Basic abc\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nX-Kept: 2\r\n\r\n");
        string answer = await client.ReadUntilAsync("\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.Contains("Saw-X-Kept: 2", answer);
        Assert.Contains("Saw-Host: echo.bob.qanat", answer);
        foreach (string gone in new[] { "X-Secret", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE:" })
        {
            Assert.DoesNotContain("Saw-" + gone, answer);
        }
    }

    [Fact]
    public async Task Peer_cannot_forge_who_it_is_or_where_the_request_came_from()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("GET http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\nConnection: close\r\nqanat-peer: evil\r\nQanat_Peer_Mid: evil\r\nX-Qanat-Peer: evil\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\n\r\n");
        string answer = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.DoesNotContain("evil", answer);
        Assert.DoesNotContain("10.0.0.1", answer);
        Assert.Contains($"Saw-Qanat-Peer-Mid: {pair.A.Mid}\r\n", answer);
    }

    [Fact]
    public async Task A_request_that_comes_round_again_is_stopped()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        // A service whose target is the proxy port of the caller's own node.
        pair.Options.Services["echo"] = new() { Target = $"http://127.0.0.1:{pair.Port}", Allow = ["*"] };
        pair.Catalog.Apply(pair.Options);
        await AssertProblemAsync(pair, "http://echo.bob.qanat/", 508, "proxy-loop");
        Assert.Single(pair.B.Accepted);
    }

    internal static async Task AssertProblemAsync(NodePair pair, string url, int status, string code)
    {
        using HttpClient client = pair.CreateClient();
        using HttpResponseMessage response = await client.GetAsync(url);
        string text = await response.Content.ReadAsStringAsync();
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        using JsonDocument body = JsonDocument.Parse(text);
        Assert.Equal(code, body.RootElement.GetProperty("code").GetString());
        Assert.NotEmpty(body.RootElement.GetProperty("fix").GetString()!);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Contains(code, One(response, "Proxy-Status"));
    }

    private static string One(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : response.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : throw new KeyNotFoundException($"{name} in {response.Headers}");
}
