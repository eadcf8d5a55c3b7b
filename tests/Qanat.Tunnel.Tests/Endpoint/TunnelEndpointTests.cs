using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Endpoint;

public sealed class TunnelEndpointTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Many_connections_both_ways_share_few_tunnels()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        byte[] bytes = RandomNumberGenerator.GetBytes(300_000);
        Task<byte[]>[] all = [.. Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? a.EchoAsync("b", bytes) : b.EchoAsync("a", bytes))];
        Assert.All(await Task.WhenAll(all).WaitAsync(s_limit), got => Assert.Equal(bytes, got));
        // Both sides may have opened one at the same time; both stay usable.
        Assert.InRange(a.Endpoint.GetStatus().Tunnels.Count, 1, 2);
        Assert.Equal(10, b.Served);
        Assert.Equal(a.Endpoint.GetStatus().Tunnels.Sum(tunnel => tunnel.Opened), b.Endpoint.GetStatus().Tunnels.Sum(tunnel => tunnel.Accepted));
    }

    [Fact]
    public async Task Refusals_have_their_own_errors()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        b.Endpoint.AdmitPeer = _ => false;
        Assert.Equal(TunnelError.Denied, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", [1]))).Error);
        b.Endpoint.AdmitPeer = null;
        Assert.Equal(TunnelError.UnknownService, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", [1], "nothing"))).Error);
        Assert.Equal(TunnelError.UnknownParticipant, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("nobody", [1]))).Error);
        Assert.Equal(TunnelError.InvalidAddress, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("a", [1]))).Error);
        network.Names["gone"] = Mid.FromSubjectPublicKeyInfo([9]);
        Assert.Equal(TunnelError.PeerOffline, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("gone", [1]))).Error);
    }

    [Fact]
    public async Task A_question_that_everybody_gave_up_on_leaves_nothing_behind()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        hub.Kill();
        FakeTimeProvider time = new(DateTimeOffset.UtcNow);
        await using EndpointNode a = new(network, "a", [hub], time: time);
        network.Names["b"] = Mid.FromSubjectPublicKeyInfo([2]);
        using CancellationTokenSource givesUp = new();
        Task<Mid> asking = a.Endpoint.ResolveAsync("b", givesUp.Token).AsTask();
        await givesUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        // The question itself fails in its own time, with nobody waiting for it.
        await AdvanceUntilAsync(time, TimeSpan.FromSeconds(1), () => a.Endpoint.NameQuestionCount == 0);
        hub.Restart();
        Task linked = a.Endpoint.WaitForLinkAsync(default);
        await AdvanceUntilAsync(time, TimeSpan.FromMilliseconds(100), () => linked.IsCompleted);
        Assert.Equal(network.Names["b"], await a.Endpoint.ResolveAsync("b").AsTask().WaitAsync(s_limit));
    }

    [Fact]
    public async Task A_name_question_without_an_answer_ends_with_its_error_and_leaves_nothing_for_the_next_one()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        FakeTimeProvider time = new(DateTimeOffset.UtcNow);
        await using EndpointNode a = new(network, "a", [hub], options => options with { ResolveTimeout = TimeSpan.FromMilliseconds(200) }, time);
        await using EndpointNode b = new(network, "b", [hub]);
        await a.Endpoint.WaitForLinkAsync(CancellationToken.None);
        network.IsSilent = true;
        using CancellationTokenSource givenUp = new();
        Task<Mid> abandoned = a.Endpoint.ResolveAsync("b", givenUp.Token).AsTask();
        await Until.TrueAsync(() => network.Asked == 1);
        await givenUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned.WaitAsync(s_limit));
        // Asked after it and with the same time-out, twice in turn: when these have failed, the abandoned question is long over.
        for (int i = 0; i < 2; i++)
        {
            Task<Mid>[] askers = [.. Enumerable.Range(0, 5).Select(_ => a.Endpoint.ResolveAsync("c").AsTask())];
            await AdvanceUntilAsync(time, TimeSpan.FromMilliseconds(20), () => askers.All(asker => asker.IsCompleted));
            foreach (Task<Mid> asker in askers)
            {
                TunnelException error = await Assert.ThrowsAsync<TunnelException>(() => asker.WaitAsync(s_limit));
                Assert.Equal(TunnelError.HubUnreachable, error.Error);
            }
        }
        await Until.TrueAsync(() => a.Endpoint.NameQuestionCount == 0);
        network.IsSilent = false;
        Assert.Equal(b.Identity.Mid, await a.Endpoint.ResolveAsync("b").AsTask().WaitAsync(s_limit));
    }

    [Fact]
    public async Task A_killed_hub_that_comes_back_breaks_no_connection_and_no_tls_session()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        byte[] bytes = RandomNumberGenerator.GetBytes(20_000_000);
        Task<byte[]>[] transfers = [.. Enumerable.Range(0, 4).Select(_ => a.EchoAsync("b", bytes))];
        await Until.TrueAsync(() => b.Served == 4);
        ulong session = a.Endpoint.GetStatus().Tunnels[0].Session.SessionId;
        // The kills follow the bytes, not the clock: however slow or fast the machine is, they fall into the transfers.
        for (int i = 1; i <= 6; i++)
        {
            long mark = transfers.Length * (long)bytes.Length * i / 8;
            await Until.TrueAsync(() => a.Echoed >= mark);
            hub.Kill();
            await Until.TrueAsync(() => a.Endpoint.GetStatus().Link is null && b.Endpoint.GetStatus().Link is null);
            hub.Restart();
        }
        Assert.All(await Task.WhenAll(transfers).WaitAsync(s_limit), got => Assert.Equal(bytes, got));
        PeerTunnelStatus tunnel = Assert.Single(a.Endpoint.GetStatus().Tunnels);
        Assert.Equal(session, tunnel.Session.SessionId);
        Assert.True(tunnel.Session.Counters.Resumes > 0);
    }

    [Fact]
    public async Task A_hub_lost_for_good_is_left_for_the_next_one()
    {
        FakeNetwork network = new();
        FakeHub first = network.AddHub();
        FakeHub second = network.AddHub();
        await using EndpointNode a = new(network, "a", [first, second]);
        await using EndpointNode b = new(network, "b", [second]);
        await using ConnectionContext connection = await a.Endpoint.ConnectAsync(new QanatEndPoint("b", "echo"));
        await connection.Transport.Output.WriteAsync(new byte[] { 1 });
        connection.Transport.Input.AdvanceTo((await connection.Transport.Input.ReadAsync().AsTask().WaitAsync(s_limit)).Buffer.End);
        first.Kill();
        // When, is a matter of HubSearchTests.
        Assert.Equal(1000, (await EndpointNode.EchoAsync(connection, new byte[1000]).WaitAsync(s_limit)).Length);
        Assert.Equal(second.Identity.Mid, a.Endpoint.GetStatus().Link!.HubMid);
    }

    [Fact]
    public async Task A_draining_hub_is_left_before_its_link_goes()
    {
        FakeNetwork network = new();
        FakeHub first = network.AddHub();
        FakeHub second = network.AddHub();
        await using EndpointNode a = new(network, "a", [first, second]);
        await using EndpointNode b = new(network, "b", [second]);
        byte[] bytes = RandomNumberGenerator.GetBytes(5_000_000);
        Task<byte[]> transfer = a.EchoAsync("b", bytes);
        await Until.TrueAsync(() => b.Served > 0);
        first.Drain();
        Assert.Equal(bytes, await transfer.WaitAsync(s_limit));
        await Until.TrueAsync(() => a.Endpoint.GetStatus().Link?.HubMid == second.Identity.Mid);
        Assert.Equal(1, first.Accepted);
        Assert.Equal(2, a.Endpoint.GetStatus().LinkCount);
    }

    [Fact]
    public async Task A_restarted_peer_fails_its_own_connections_and_serves_new_ones()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        EndpointNode b = new(network, "b", [hub]);
        await using ConnectionContext connection = await a.Endpoint.ConnectAsync(new QanatEndPoint("b", "echo"));
        await connection.Transport.Output.WriteAsync(new byte[] { 1 });
        System.IO.Pipelines.ReadResult first = await connection.Transport.Input.ReadAsync().AsTask().WaitAsync(s_limit);
        connection.Transport.Input.AdvanceTo(first.Buffer.End);
        await b.DisposeAsync();
        await Assert.ThrowsAsync<TunnelException>(() => connection.Transport.Input.ReadAsync().AsTask().WaitAsync(s_limit));
        await using EndpointNode again = new(network, "b", [hub]);
        // It came back with another key, and its owner has confirmed that.
        a.Endpoint.PinPeer("b", again.Identity.Mid);
        await again.Endpoint.WaitForLinkAsync(CancellationToken.None);
        Assert.Equal([7], await new EchoOnceMore(a).RunAsync());
    }

    [Fact]
    public async Task Pings_tell_the_way_to_hub_and_peer()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        await b.Endpoint.WaitForLinkAsync(CancellationToken.None);
        Assert.True(await a.Endpoint.PingAsync(hub.Identity.Mid, 100) > TimeSpan.Zero);
        Assert.True(await a.Endpoint.PingAsync(b.Identity.Mid, 60_000) > TimeSpan.Zero);
        ThroughputProbe probe = await a.Endpoint.MeasureThroughputAsync(b.Identity.Mid, 500_000);
        Assert.InRange(probe.Bytes, 500_000, 520_000);
        Assert.True(probe.BytesPerSecond > 0);
        TunnelException error = await Assert.ThrowsAsync<TunnelException>(() => a.Endpoint.PingAsync(Mid.FromSubjectPublicKeyInfo([3]), 8));
        Assert.Equal(TunnelError.UnknownParticipant, error.Error);
    }

    [Fact]
    public async Task A_ping_that_waits_for_a_link_ends_with_its_callers_token()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        hub.Kill();
        await using EndpointNode a = new(network, "a", [hub], options => options with { LinkWait = TimeSpan.FromHours(1) });
        using CancellationTokenSource givesUp = new();
        Task<TimeSpan> ping = a.Endpoint.PingAsync(hub.Identity.Mid, 8, givesUp.Token);
        await givesUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ping.WaitAsync(s_limit));
    }

    [Fact]
    public async Task Idle_tunnels_are_closed_and_come_back_on_demand()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub], options => options with { IdleTimeout = TimeSpan.FromMilliseconds(10) });
        await using EndpointNode b = new(network, "b", [hub]);
        Assert.Equal([1], await a.EchoAsync("b", [1]));
        await Until.TrueAsync(() => a.Endpoint.GetStatus().Tunnels.Count == 0);
        Assert.Equal([2], await a.EchoAsync("b", [2]));
    }

    [Fact]
    public void An_idle_tunnel_is_closed_by_its_initiator_and_never_by_both_at_once()
    {
        TimeSpan timeout = TimeSpan.FromMinutes(10);
        Assert.Equal(timeout, Tunnel.IdleLimit(timeout, isInitiator: true, 0));
        Assert.Equal(TimeSpan.FromMinutes(11), Tunnel.IdleLimit(timeout, isInitiator: true, 1));
        Assert.Equal(TimeSpan.FromMinutes(20), Tunnel.IdleLimit(timeout, isInitiator: false, 0));
        Assert.Equal(TimeSpan.FromMinutes(20), Tunnel.IdleLimit(timeout, isInitiator: false, 1));
    }

    // The endpoint arms its timers on other threads: time goes on until it has seen enough of it.
    private static Task AdvanceUntilAsync(FakeTimeProvider time, TimeSpan step, Func<bool> condition) => Until.TrueAsync(() =>
    {
        if (condition())
        {
            return true;
        }
        time.Advance(step);
        return false;
    });

    /// <summary>The name may still be remembered with the old mid for a moment.</summary>
    private sealed class EchoOnceMore(EndpointNode node)
    {
        public async Task<byte[]> RunAsync()
        {
            using CancellationTokenSource limit = new(s_limit);
            while (true)
            {
                try
                {
                    return await node.EchoAsync("b", [7]);
                }
                catch (TunnelException) when (!limit.IsCancellationRequested)
                {
                    await Task.Delay(50);
                }
            }
        }
    }
}
