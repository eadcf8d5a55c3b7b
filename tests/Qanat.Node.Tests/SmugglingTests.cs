using Qanat.Node.Tests.Fakes;

namespace Qanat.Node.Tests;

/// <summary>Requests that two servers could read differently (RFC 9112 section 11.2). What reaches the service is recorded at the service.</summary>
public sealed class SmugglingTests
{
    [Theory]
    [InlineData("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")]
    [InlineData("Content-Length: 5, 6\r\n\r\nhello!")]
    [InlineData("Content-Length: +5\r\n\r\nhello")]
    [InlineData("Content-Length: -1\r\n\r\n")]
    [InlineData("Content-Length: 0x5\r\n\r\nhello")]
    [InlineData("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("X: a\r\n folded\r\n\r\n")]
    [InlineData("X: a\n\r\n")]
    [InlineData("X: a\rb\r\n\r\n")]
    [InlineData("X: a\0b\r\n\r\n")]
    [InlineData("Bad Name: a\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5;\nhello\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n")]
    public async Task Ambiguous_requests_are_refused_and_never_forwarded_as_two(string headers)
    {
        int requests = 0;
        await using Backend backend = await Backend.StartAsync(app => Count(app, () => Interlocked.Increment(ref requests)));
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("POST http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\n" + headers);
        client.EndSending();
        string answer = await ToEndAsync(client);
        Assert.DoesNotContain("HTTP/1.1 200", answer);
        // A broken chunk is found only while forwarding; whatever came through was one request.
        Assert.True(Volatile.Read(ref requests) <= 1);
    }

    [Fact]
    public async Task Content_length_beside_chunked_never_becomes_a_second_request()
    {
        var seen = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using Backend backend = await Backend.StartAsync(app => Microsoft.AspNetCore.Builder.RunExtensions.Run(app, async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            seen.Enqueue($"{context.Request.Path}|{await reader.ReadToEndAsync()}|{context.Request.ContentLength}");
        }));
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        // Read by Content-Length, the rest would be "GET /admin".
        await client.SendAsync("POST http://echo.bob.qanat/a HTTP/1.1\r\nHost: echo.bob.qanat\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\n\r\n");
        client.EndSending();
        await ToEndAsync(client);
        Assert.All(seen, line => Assert.StartsWith("/a|GET /admin", line));
        Assert.All(seen, line => Assert.EndsWith("|", line));
        Assert.True(seen.Count <= 1);
    }

    [Fact]
    public async Task The_absolute_form_decides_and_host_follows_it()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["echo"] = new() { Target = $"http://127.0.0.1:{backend.Port}", Allow = ["*"] };
            o.Services["closed"] = new() { Target = $"http://127.0.0.1:{backend.Port}", Allow = ["carol"] };
        });
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("GET http://echo.bob.qanat/ HTTP/1.1\r\nHost: closed.bob.qanat\r\nConnection: close\r\n\r\n");
        string answer = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.Contains("Saw-Host: echo.bob.qanat\r\n", answer);

        using RawClient bypass = await pair.ConnectRawAsync();
        await bypass.SendAsync("GET http://closed.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 403", await bypass.ReadToEndAsync());
    }

    [Theory]
    [InlineData("GET http://echo.bob.qanat/a#b HTTP/1.1")]
    [InlineData("GET http://echo.bob.qanat/\u00e4 HTTP/1.1")]
    [InlineData("GET ftp://echo.bob.qanat/ HTTP/1.1")]
    [InlineData("GET //echo.bob.qanat/ HTTP/3.9")]
    public async Task Odd_request_targets_are_refused(string line)
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync($"{line}\r\nHost: echo.bob.qanat\r\nConnection: close\r\n\r\n");
        Assert.Matches("^HTTP/1.1 (4|505)", await client.ReadToEndAsync());
        Assert.Empty(pair.B.Accepted);
    }

    private static void Count(Microsoft.AspNetCore.Builder.WebApplication app, Action count) => Microsoft.AspNetCore.Builder.RunExtensions.Run(app, async context =>
    {
        count();
        await context.Request.Body.CopyToAsync(Stream.Null);
    });

    private static async Task<string> ToEndAsync(RawClient client)
    {
        try
        {
            return await client.ReadToEndAsync();
        }
        catch (System.Net.Sockets.SocketException)
        {
            return "reset";
        }
    }
}
