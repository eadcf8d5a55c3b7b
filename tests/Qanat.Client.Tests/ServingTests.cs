using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Qanat.Tunnel;

namespace Qanat.Client.Tests;

/// <summary>Kestrel served on tunnels, and who gets in.</summary>
public sealed class ServingTests : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly MemoryNetwork _network = new();
    private readonly MemoryNetwork.Member _member;
    private readonly QanatParticipant _client;

    public ServingTests()
    {
        _member = _network.Join("hospital-a", null);
        _client = new QanatParticipant(_member, TimeSpan.FromSeconds(60), TimeProvider.System);
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    [Fact]
    public async Task Requests_ride_the_tunnel_and_say_who_sent_them()
    {
        await using ServedApp app = await ServedApp.StartAsync(_network, "hospital-b", o => o.AddService("orders", ["hospital-a"]));
        using HttpClient http = _client.CreateHttpClient();
        Assert.Equal($"{_client.Mid} orders", await http.GetStringAsync("http://orders.hospital-b.qanat/who"));
        byte[] body = new byte[2_000_000];
        Random.Shared.NextBytes(body);
        using HttpResponseMessage echoed = await http.PostAsync("http://Orders.Hospital-B.QANAT./echo", new ByteArrayContent(body));
        Assert.Equal(body, await echoed.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Requests_are_served_while_kestrels_metrics_are_read()
    {
        // Kestrel puts the address family of a connection's local end in its tags, but only when somebody listens.
        using System.Diagnostics.Metrics.MeterListener listener = new();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Meter.Name == "Microsoft.AspNetCore.Server.Kestrel")
            {
                own.EnableMeasurementEvents(instrument);
            }
        };
        listener.Start();
        await using ServedApp app = await ServedApp.StartAsync(_network, "hospital-b", o => o.AddService("orders", ["*"]));
        using HttpClient http = _client.CreateHttpClient();
        Assert.Equal($"{_client.Mid} orders", await http.GetStringAsync("http://orders.hospital-b.qanat/who").WaitAsync(s_limit));
    }

    [Fact]
    public async Task No_port_is_opened_and_the_link_starts_after_kestrel()
    {
        await using ServedApp app = await ServedApp.StartAsync(_network, "hospital-b", o => o.AddService("orders", ["*"]));
        Assert.True(app.Member.IsStarted);
        Assert.All(app.App.Urls, url => Assert.Contains("qanat:orders", url, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_port_beside_the_tunnel_is_possible_and_has_no_peer()
    {
        await using ServedApp app = await ServedApp.StartAsync(
            _network, "hospital-b", o => o.AddService("orders", ["*"]), more: b => b.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0)));
        using HttpClient direct = new();
        Assert.Equal("nobody ", await direct.GetStringAsync(app.App.Urls.Single(url => url.StartsWith("http://127.", StringComparison.Ordinal)) + "/who"));
        using HttpClient http = _client.CreateHttpClient();
        Assert.Equal($"{_client.Mid} orders", await http.GetStringAsync("http://orders.hospital-b.qanat/who"));
    }

    [Theory]
    [InlineData("*", true)]
    [InlineData("hospital-a", true)]
    [InlineData("HOSPITAL-A", true)]
    [InlineData("hospital-c", false)]
    [InlineData("hospital-x", false)]
    [InlineData("MID", true)]
    [InlineData("OTHER-MID", false)]
    [InlineData("", false)]
    public async Task The_allow_list_decides_at_every_connection(string entry, bool gets_in)
    {
        await using QanatParticipant other = new(_network.Join("hospital-c", null), TimeSpan.FromSeconds(60), TimeProvider.System);
        string[] allow = entry switch { "" => [], "MID" => [_client.Mid.ToString()], "OTHER-MID" => [other.Mid.ToString()], _ => [entry] };
        await using ServedApp app = await ServedApp.StartAsync(_network, "hospital-b", o => o.AddService("orders", allow));
        for (int i = 0; i < 3; i++)
        {
            using HttpClient http = _client.CreateHttpClient();
            if (gets_in)
            {
                Assert.StartsWith(_client.Mid.ToString(), await http.GetStringAsync("http://orders.hospital-b.qanat/who"), StringComparison.Ordinal);
            }
            else
            {
                HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://orders.hospital-b.qanat/who"));
                Assert.Equal(TunnelError.Denied, Http.QanatHandlerExtensions.GetTunnelError(e));
            }
        }
    }

    [Fact]
    public async Task A_name_keeps_meaning_the_mid_it_meant_first()
    {
        await using ServedApp app = await ServedApp.StartAsync(_network, "hospital-b", o => o.AddService("orders", ["hospital-a"]));
        using HttpClient http = _client.CreateHttpClient();
        await http.GetStringAsync("http://orders.hospital-b.qanat/who");
        // The hub now says that hospital-a is somebody else.
        _network.Rename("hospital-a", "gone");
        await using QanatParticipant impostor = new(_network.Join("hospital-a", null), TimeSpan.FromSeconds(60), TimeProvider.System);
        using HttpClient second = impostor.CreateHttpClient();
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => second.GetStringAsync("http://orders.hospital-b.qanat/who"));
        Assert.Equal(TunnelError.Denied, Http.QanatHandlerExtensions.GetTunnelError(e));
        Assert.Equal(1, _network.Lookups["hospital-a"]);
    }

    [Fact]
    public async Task A_service_that_is_not_served_is_a_typed_error()
    {
        await using ServedApp app = await ServedApp.StartAsync(_network, "hospital-b", o => o.AddService("orders", ["*"]));
        using HttpClient http = _client.CreateHttpClient();
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://admin.hospital-b.qanat/"));
        Assert.Equal(TunnelError.UnknownService, Http.QanatHandlerExtensions.GetTunnelError(e));
    }

    [Fact]
    public async Task Two_services_speak_two_protocols_with_lists_of_their_own()
    {
        await using ServedApp app = await ServedApp.StartAsync(
            _network, "hospital-b",
            o => o.AddService("web", ["hospital-c"]),
            map: a => a.MapGet("/version", c => c.Response.WriteAsync(c.Request.Protocol)),
            more: b => b.WebHost.UseQanat(o => o.AddService("grpc", ["hospital-a"], HttpProtocols.Http2)));
        using HttpClient http = _client.CreateHttpClient();
        http.DefaultRequestVersion = HttpVersion.Version20;
        http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        Assert.Equal("HTTP/2", await http.GetStringAsync("http://grpc.hospital-b.qanat/version"));
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://web.hospital-b.qanat/version"));
        Assert.Equal(TunnelError.Denied, Http.QanatHandlerExtensions.GetTunnelError(e));
    }

    [Fact]
    public async Task Stopping_drains_requests_before_the_link_is_left()
    {
        TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServedApp app = await ServedApp.StartAsync(_network, "hospital-b", o => o.AddService("orders", ["*"]), map: a => a.MapGet("/slow", async c =>
        {
            entered.SetResult();
            await release.Task;
            await c.Response.WriteAsync("done");
        }));
        using HttpClient http = _client.CreateHttpClient();
        Task<string> slow = http.GetStringAsync("http://orders.hospital-b.qanat/slow");
        await entered.Task.WaitAsync(s_limit);
        Task stopping = app.App.StopAsync();
        Assert.False(app.Member.IsDisposed);
        release.SetResult();
        Assert.Equal("done", await slow.WaitAsync(s_limit));
        await stopping.WaitAsync(s_limit);
        Assert.True(app.Member.IsDisposed);
        await app.App.DisposeAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("a.b")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123")]
    public void Service_names_are_checked(string name) => Assert.ThrowsAny<ArgumentException>(() => new Serving.QanatServerOptions().AddService(name, ["*"]));

    [Fact]
    public void Allow_lists_protocols_and_doubles_are_checked()
    {
        Serving.QanatServerOptions options = new Serving.QanatServerOptions().AddService("a", ["*"]);
        Assert.Throws<ArgumentException>(() => options.AddService("A", ["*"]));
        Assert.Throws<ArgumentException>(() => options.AddService("b", ["not a name"]));
        Assert.Throws<ArgumentException>(() => options.AddService("b", [""]));
        Assert.Throws<ArgumentException>(() => options.AddService("b", ["*"], HttpProtocols.Http1AndHttp2));
    }
}
