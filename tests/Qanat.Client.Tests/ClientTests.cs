using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Qanat.Client.Http;
using Qanat.Client.Participants;
using Qanat.Tunnel;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Client.Tests;

/// <summary>The participant, its HTTP clients, its options.</summary>
public sealed class ClientTests
{
    private readonly MemoryNetwork _network = new();

    [Theory]
    [InlineData("http://example.com/")]
    [InlineData("http://127.0.0.1:9/")]
    [InlineData("http://localhost/")]
    [InlineData("http://qanat/")]
    public async Task Other_hosts_are_refused(string url)
    {
        await using QanatParticipant client = new(_network.Join("a", null), TimeSpan.FromSeconds(60), TimeProvider.System);
        using HttpClient http = client.CreateHttpClient();
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync(url));
        Assert.Equal(TunnelError.InvalidAddress, e.GetTunnelError());
    }

    [Fact]
    public async Task A_redirect_out_of_the_network_is_refused()
    {
        await using ServedApp app = await ServedApp.StartAsync(_network, "b", o => o.AddService("orders", ["*"]), map: a =>
            Microsoft.AspNetCore.Builder.EndpointRouteBuilderExtensions.MapGet(a, "/away", c =>
            {
                c.Response.Redirect("http://127.0.0.1:9/secret");
                return Task.CompletedTask;
            }));
        await using QanatParticipant client = new(_network.Join("a", null), TimeSpan.FromSeconds(60), TimeProvider.System);
        using HttpClient http = client.CreateHttpClient();
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://orders.b.qanat/away"));
        Assert.Equal(TunnelError.InvalidAddress, e.GetTunnelError());
    }

    [Fact]
    public async Task An_unknown_participant_is_a_typed_error()
    {
        await using QanatParticipant client = new(_network.Join("a", null), TimeSpan.FromSeconds(60), TimeProvider.System);
        using HttpClient http = client.CreateHttpClient();
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://orders.nobody.qanat/"));
        Assert.Equal(TunnelError.UnknownParticipant, e.GetTunnelError());
        Assert.Equal(TunnelError.None, new HttpRequestException("other").GetTunnelError());
    }

    [Theory]
    [InlineData(null, TunnelError.HandshakeTimeout, "within 20 s.")]
    [InlineData("clock", TunnelError.ClockSkew, "within 20 s. clock")]
    public async Task A_start_without_a_hub_ends_in_time_and_says_why(string? detail, TunnelError expected, string message)
    {
        FakeTimeProvider time = new();
        MemoryNetwork.Member member = _network.Join("a", null);
        member.Hub = new TaskCompletionSource().Task;
        member.LastFailure = detail is null ? null : (expected, detail);
        await using QanatParticipant client = new(member, TimeSpan.FromSeconds(20), time);
        Task start = client.StartAsync(CancellationToken.None);
        Task connect = client.ConnectAsync(new QanatEndPoint("b", "orders")).AsTask();
        time.Advance(TimeSpan.FromSeconds(19));
        Assert.False(start.IsCompleted || connect.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1.1));
        TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => start);
        Assert.Equal(expected, e.Error);
        Assert.EndsWith(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(expected, (await Assert.ThrowsAsync<TunnelException>(() => connect)).Error);
    }

    [Fact]
    public async Task A_refused_request_is_asked_for_once_and_says_why()
    {
        Refuser refuser = new();
        _network.Join("b", refuser);
        await using QanatParticipant client = new(_network.Join("a", null), TimeSpan.FromSeconds(60), TimeProvider.System);
        using HttpClient http = client.CreateHttpClient();
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://orders.b.qanat/"));
        Assert.Equal(TunnelError.Denied, e.GetTunnelError());
        Assert.Equal(1, refuser.Asked);
        // From the connection itself, not the handler's own word for a connection that broke: that one it may try again.
        Assert.Equal(HttpRequestError.ConnectionError, e.HttpRequestError);
        Assert.IsType<TunnelException>(e.InnerException);
        Assert.Equal(e.InnerException.Message, e.Message);
    }

    private sealed class Refuser : IStreamAcceptor
    {
        public int Asked;

        public MuxResetReason Authorize(Mid peerMid, string service)
        {
            Interlocked.Increment(ref Asked);
            return MuxResetReason.Denied;
        }

        public Task ServeAsync(Microsoft.AspNetCore.Connections.ConnectionContext connection, string service) => throw new InvalidOperationException("never accepted");
    }

    [Fact]
    public async Task A_callers_cancel_is_a_cancel()
    {
        MemoryNetwork.Member member = _network.Join("a", null);
        member.Hub = new TaskCompletionSource().Task;
        await using QanatParticipant client = new(member, TimeSpan.FromSeconds(20), TimeProvider.System);
        using CancellationTokenSource cancel = new();
        Task connect = client.ConnectAsync(new QanatEndPoint("b", "orders"), cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connect);
    }

    [Fact]
    public async Task Raw_streams_half_close()
    {
        _network.Join("b", new Upper());
        await using QanatParticipant client = new(_network.Join("a", null), TimeSpan.FromSeconds(60), TimeProvider.System);
        await using TunnelStream stream = await client.ConnectAsync(new QanatEndPoint("b", "upper"));
        await stream.WriteAsync("hello "u8.ToArray());
        await stream.WriteAsync("tunnel"u8.ToArray());
        await stream.CompleteWritesAsync();
        using StreamReader reader = new(stream, Encoding.ASCII);
        Assert.Equal("HELLO TUNNEL", await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task Named_and_typed_clients_share_one_participant()
    {
        await using ServedApp app = await ServedApp.StartAsync(_network, "b", o => o.AddService("orders", ["*"]));
        ServiceCollection services = new();
        int joined = 0;
        services.AddSingleton<ParticipantTransportFactory>((options, acceptor) =>
        {
            joined++;
            Assert.Equal("ws://hub:1", options.Hubs.Single().Url);
            return _network.Join("a", acceptor);
        });
        services.AddQanatClient(o =>
        {
            o.Hubs.Add(new QanatHub { Url = "ws://hub:1" });
            o.StateFolder = "unused";
        });
        services.AddQanat();
        services.AddHttpClient<Orders>(http => http.BaseAddress = new Uri("http://orders.b.qanat/")).UseQanat();
        await using ServiceProvider provider = services.BuildServiceProvider();
        string expected = $"{provider.GetRequiredService<QanatParticipant>().Mid} orders";
        Assert.Equal(expected, await provider.GetRequiredService<Orders>().WhoAsync());
        using HttpClient named = provider.GetRequiredService<IHttpClientFactory>().CreateClient(QanatServiceCollectionExtensions.HttpClientName);
        Assert.Equal(expected, await named.GetStringAsync("http://orders.b.qanat/who"));
        Assert.Equal(1, joined);
    }

    [Fact]
    public void Configuration_is_read_and_code_has_the_last_word()
    {
        ServiceCollection services = new();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Qanat:Name"] = "hospital-a",
            ["Qanat:Hubs:0:Url"] = "wss://hub-west.example",
            ["Qanat:Hubs:0:Mid"] = "aaise-m2ekv-thpce-ztkv3-zto674",
            ["Qanat:Hubs:1:Url"] = "ws://hub-east.example:7000",
            ["Qanat:StateFolder"] = "/from/file",
            ["Qanat:ConnectSeconds"] = "7",
        }).Build());
        services.AddQanat(o => o.StateFolder = "/from/code");
        using ServiceProvider provider = services.BuildServiceProvider();
        QanatOptions options = provider.GetRequiredService<IOptions<QanatOptions>>().Value;
        Assert.Equal(("hospital-a", "/from/code", 7), (options.Name, options.StateFolder, options.ConnectSeconds));
        Assert.Equal(["wss://hub-west.example", "ws://hub-east.example:7000"], options.Hubs.Select(h => h.Url));
        Assert.Equal("aaise-m2ekv-thpce-ztkv3-zto674", options.Hubs[0].Mid);
    }

    [Fact]
    public async Task Every_wrong_option_is_named_at_once()
    {
        QanatOptions options = new() { Name = "Not A Name", ConnectSeconds = 0, Hubs = { new QanatHub { Url = "http://hub", Mid = "short" } } };
        OptionsValidationException e = await Assert.ThrowsAsync<OptionsValidationException>(() => QanatParticipant.StartAsync(options));
        Assert.Equal(5, e.Failures.Count());
        Assert.Contains("Qanat:Hubs is empty", Assert.Single((await Assert.ThrowsAsync<OptionsValidationException>(
            () => QanatParticipant.StartAsync(new QanatOptions { StateFolder = "x" }))).Failures), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("orders.hospital-b.qanat", "hospital-b", "orders")]
    [InlineData("Orders.Hospital-B.Hub-West.Qanat.", "hospital-b.hub-west", "orders")]
    [InlineData("hospital-b.qanat", "hospital-b", "default")]
    [InlineData("orders.aaise-m2ekv-thpce-ztkv3-zto674.qanat", "aaise-m2ekv-thpce-ztkv3-zto674", "orders")]
    public void Hosts_name_participant_and_service(string host, string participant, string service)
    {
        Assert.True(QanatHost.TryParse(host, out QanatEndPoint? endPoint));
        Assert.Equal((participant, service), (endPoint.Participant, endPoint.Service));
        Assert.True(QanatHost.TryParse(QanatHost.ToUri(endPoint).Host, out QanatEndPoint? again));
        Assert.Equal(endPoint, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("qanat")]
    [InlineData(".qanat")]
    [InlineData("a..qanat")]
    [InlineData("a b.qanat")]
    [InlineData("a.qanat.example")]
    [InlineData("127.0.0.1")]
    public void Other_hosts_are_no_addresses(string host) => Assert.False(QanatHost.TryParse(host, out _));

    private sealed class Orders(HttpClient http)
    {
        public Task<string> WhoAsync() => http.GetStringAsync("who");
    }

    private sealed class Upper : IStreamAcceptor
    {
        public MuxResetReason Authorize(Mid peerMid, string service) => service == "upper" ? MuxResetReason.None : MuxResetReason.UnknownService;

        public async Task ServeAsync(Microsoft.AspNetCore.Connections.ConnectionContext connection, string service)
        {
            using StreamReader reader = new(connection.Transport.Input.AsStream(true));
            string text = await reader.ReadToEndAsync();
            await connection.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes(text.ToUpperInvariant()));
            await connection.Transport.Output.CompleteAsync();
        }
    }
}
