using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Qanat.E2E.Harness;

namespace Qanat.E2E.Tunnel;

/// <summary>
/// Case 10: a node is killed (-9) in mid-request. Its own requests fail, visibly and with their reason; nobody else's do; back again it serves as before.
/// </summary>
public sealed class NodeKillTests
{
    // Far below what a session waits for a lost peer here: whoever answers in this time was told.
    private const string LongGrace = "\ntunnel:\n  grace-seconds: 600\n";
    private static readonly TimeSpan s_told = TimeSpan.FromSeconds(120);

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Killed_target_fails_its_own_requests_with_a_reason_and_serves_again()
    {
        await using TestNetwork network = new();
        await using Platform target = await Platform.StartAsync(), bystander = await Platform.StartAsync();
        await network.AddHubsAsync("hub-a", "hub-b");
        await network.StartHubsAsync();
        TestNode victim = await network.AddNodeAsync("victim", [network.Hubs["hub-b"]], [target.Service]);
        TestNode impatient = await network.AddNodeAsync("impatient", [network.Hubs["hub-b"]], [bystander.Service], extraYaml: "\ntunnel:\n  grace-seconds: 8\n");
        TestNode patient = await network.AddNodeAsync("patient", [network.Hubs["hub-a"]], extraYaml: LongGrace);
        using ProxyClient fromPatient = new(patient.ProxyPort), fromImpatient = new(impatient.ProxyPort);

        Task<string> givenUp = fromImpatient.PostAsync("http://web.victim.qanat/hold", "one");
        await target.ArrivedAsync();
        Task<string> held = fromPatient.PostAsync("http://web.victim.qanat/hold", "two");
        await target.ArrivedAsync();
        using HttpResponseMessage half = await fromPatient.Http.GetAsync(new Uri("http://web.victim.qanat/half"), HttpCompletionOption.ResponseHeadersRead);
        await using Stream halfBody = await half.Content.ReadAsStreamAsync();
        await halfBody.ReadExactlyAsync(new byte[Platform.HalfBytes]);
        Task<string> elsewhere = fromPatient.PostAsync("http://web.impatient.qanat/hold", "three");
        await bystander.ArrivedAsync();

        victim.Process.Kill();
        // No one can tell a killed node from one whose network is away. A session waits for it as long as its node was told to.
        Assert.Equal("504 grace-expired", await givenUp);
        Assert.False(held.IsCompleted);

        await victim.StartAgainAsync();
        Assert.Equal("502 session-lost", await held.WaitAsync(s_told));
        Exception cut = await Assert.ThrowsAnyAsync<Exception>(() => halfBody.ReadExactlyAsync(new byte[Platform.HalfBytes]).AsTask().WaitAsync(s_told));
        Assert.True(cut is HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } or IOException { InnerException: System.Net.Sockets.SocketException }, $"{cut}");
        await victim.WaitReadyAsync();
        Assert.Equal("done", await fromPatient.GetAsync("http://web.victim.qanat/x"));
        Assert.Equal("done", await fromImpatient.GetAsync("http://web.victim.qanat/x"));

        Assert.False(elsewhere.IsCompleted);
        bystander.Release();
        Assert.Equal("done", await elsewhere);
        Assert.Equal(2, target.Held);
    }

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Killed_proxy_breaks_its_platforms_connections_and_its_peers_are_told()
    {
        await using TestNetwork network = new();
        await using Platform target = await Platform.StartAsync();
        await network.AddHubsAsync("hub-a", "hub-b");
        await network.StartHubsAsync();
        await network.AddNodeAsync("target", [network.Hubs["hub-b"]], [target.Service], extraYaml: LongGrace);
        TestNode victim = await network.AddNodeAsync("victim", [network.Hubs["hub-a"]]);
        TestNode other = await network.AddNodeAsync("other", [network.Hubs["hub-a"]]);
        using ProxyClient fromVictim = new(victim.ProxyPort), fromOther = new(other.ProxyPort);

        Task<string> held = fromVictim.PostAsync("http://web.target.qanat/hold", "one");
        await target.ArrivedAsync();
        Task<string> elsewhere = fromOther.PostAsync("http://web.target.qanat/hold", "two");
        await target.ArrivedAsync();

        victim.Process.Kill();
        await Assert.ThrowsAsync<HttpRequestException>(() => held.WaitAsync(s_told));
        await victim.StartAgainAsync();
        // The service learns that nobody waits for its answer any more.
        await target.AbandonedAsync();
        await victim.WaitReadyAsync();
        Assert.Equal("done", await fromVictim.GetAsync("http://web.target.qanat/x"));

        Assert.False(elsewhere.IsCompleted);
        target.Release();
        Assert.Equal("done", await elsewhere);
    }

    /// <summary>A platform whose requests stay in the middle until the test lets them go.</summary>
    private sealed class Platform : IAsyncDisposable
    {
        public const int HalfBytes = 100_000;
        private readonly SemaphoreSlim _arrived = new(0);
        private readonly SemaphoreSlim _abandoned = new(0);
        private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Backend _backend = null!;
        private int _held;

        public string Service => $"web=http://127.0.0.1:{_backend.Port},*";

        /// <summary>Requests that came to <c>/hold</c>.</summary>
        public int Held => Volatile.Read(ref _held);

        public static async Task<Platform> StartAsync()
        {
            Platform platform = new();
            platform._backend = await Backend.StartAsync(app =>
            {
                app.MapGet("/x", () => Results.Text("done"));
                app.MapPost("/hold", platform.HoldAsync);
                app.MapGet("/half", static async context =>
                {
                    context.Response.ContentLength = 2 * HalfBytes;
                    await context.Response.Body.WriteAsync(new byte[HalfBytes]);
                    await context.Response.Body.FlushAsync();
                    await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                });
            });
            return platform;
        }

        public async Task ArrivedAsync() => Assert.True(await _arrived.WaitAsync(s_told), "The request did not come.");

        public async Task AbandonedAsync() => Assert.True(await _abandoned.WaitAsync(s_told), "The service was not told that its caller is gone.");

        public void Release() => _release.TrySetResult();

        private async Task HoldAsync(HttpContext context)
        {
            Interlocked.Increment(ref _held);
            _arrived.Release();
            try
            {
                await _release.Task.WaitAsync(context.RequestAborted);
                await context.Response.WriteAsync("done");
            }
            catch (OperationCanceledException)
            {
                _abandoned.Release();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _backend.DisposeAsync();
            _arrived.Dispose();
            _abandoned.Dispose();
        }
    }
}
