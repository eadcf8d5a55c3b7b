using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Qanat.Hub.Hosting;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire.Control;

namespace Qanat.Hub.Tests.Hosting;

public sealed class HubHostTests(ITestOutputHelper output)
{
    private static readonly NodeIdentity s_a = NodeIdentity.Create(), s_b = NodeIdentity.Create();

    [Fact]
    public async Task Two_hubs_over_sockets_join_their_members()
    {
        RunningHub east = new("hub-east"), west = new("hub-west");
        await using var _ = east;
        await using var __ = west;
        await east.StartAsync();
        await west.StartAsync();
        Trust(east, west);
        Trust(west, east);
        DialedLink a = await east.DialAsync(s_a, await east.TokenAsync(), "bank-a");
        DialedLink b = await west.DialAsync(s_b, await west.TokenAsync("bank-b"));
        Assert.Equal(("bank-a.hub-east", "bank-b.hub-west", "hub-west"), (a.Welcome.ParticipantName, b.Welcome.ParticipantName, b.Welcome.HubName));
        Assert.NotNull(a.Welcome.Ticket);
        FrameInbox fromA = new(), fromB = new();
        a.Link.Start(fromA, null);
        b.Link.Start(fromB, null);

        a.Link.TrySend(new FrameHeader(FrameType.Resolve, FrameReason.None, 0, s_a.Mid, east.Server.Core.Mid, 5, 0), new ResolveQuery("bank-b", Mid.None).Encode());
        Assert.True(ResolveAnswer.TryDecode((await fromA.NextAsync(FrameType.Resolved)).Payload, out ResolveAnswer answer));
        Assert.Equal((s_b.Mid, true), (answer.Member, answer.Online));

        byte[] payload = new byte[40000];
        Random.Shared.NextBytes(payload);
        a.Link.TrySend(new FrameHeader(FrameType.Data, FrameReason.None, 0, s_a.Mid, s_b.Mid, 6, 77), payload);
        (FrameHeader header, byte[] received) = await fromB.NextAsync(FrameType.Data);
        Assert.Equal(new FrameHeader(FrameType.Data, FrameReason.None, 0, s_a.Mid, s_b.Mid, 6, 77), header);
        Assert.Equal(payload, received);

        // A probe to the far hub is answered by it, through the near one.
        a.Link.TrySend(new FrameHeader(FrameType.Ping, FrameReason.None, 0, s_a.Mid, west.Server.Core.Mid, 9, 0), [1, 2, 3]);
        Assert.Equal(west.Server.Core.Mid, (await fromA.NextAsync(FrameType.Pong)).Header.Source);
        a.Link.TrySend(new FrameHeader(FrameType.Ping, FrameReason.None, 0, s_a.Mid, s_b.Mid, 10, 0), [1, 2, 3]);
        Assert.Equal(s_a.Mid, (await fromB.NextAsync(FrameType.Ping)).Header.Source);

        JsonNode links = await east.GetAsync("/api/v1/links");
        Assert.Equal(["hub-west", "bank-a.hub-east"], links.AsArray().Select(l => (string)l!["name"]!).OrderDescending());
        Assert.True((bool)(await east.GetAsync("/api/v1/hubs"))[0]!["linked"]!);
        await a.Link.DisposeAsync();
        await b.Link.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_listens_before_the_hub_knows_whom_to_trust()
    {
        await using RunningHub hub = new("hub-east", o =>
        {
            o.LogLevel = LogLevel.Information;
            o.Mesh.Peers = [new MeshPeerOptions { Name = "hub-west", Mid = s_b.Mid.ToString() }];
        });
        List<(bool Trusted, int Records)> atListening = [];
        HubServer? server = null;
        using IHost host = HubHost.Build(hub.Options, builder => builder.Logging.AddProvider(new EventProbe(1010, () =>
            atListening.Add((server!.Core.Table.TryGet(s_b.Mid, out _), server.Core.Table.Records.Count)))));
        server = host.Services.GetRequiredService<HubServer>();
        await host.StartAsync();
        await host.StopAsync();
        // Two listeners, neither with a record yet: an empty one is no record.
        Assert.Equal([(true, 0), (true, 0)], atListening);
    }

    private sealed class EventProbe(int id, Action seen) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id == id)
            {
                seen();
            }
        }

        public void Dispose()
        {
        }
    }

    [Fact]
    public async Task A_token_is_worth_one_mid_over_the_wire_too()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        string token = await hub.TokenAsync();
        TunnelException refused = await Assert.ThrowsAsync<TunnelException>(() => hub.DialAsync(s_a));
        Assert.Equal(TunnelError.NotEnrolled, refused.Error);
        NodeIdentity[] racers = [.. Enumerable.Range(0, 6).Select(_ => NodeIdentity.Create())];
        bool[] won = await Task.WhenAll(racers.Select(async (identity, i) =>
        {
            try
            {
                await (await hub.DialAsync(identity, token, $"racer-{i}")).Link.DisposeAsync();
                return true;
            }
            catch (TunnelException)
            {
                return false;
            }
        }));
        Assert.Single(won, w => w);
        // The winner comes back without a token.
        await (await hub.DialAsync(racers[Array.IndexOf(won, true)])).Link.DisposeAsync();
    }

    [Fact]
    public async Task The_newest_link_of_a_mid_replaces_the_older()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        DialedLink first = await hub.DialAsync(s_a, await hub.TokenAsync(), "bank-a");
        first.Link.Start(new FrameInbox(), null);
        DialedLink second = await hub.DialAsync(s_a);
        second.Link.Start(new FrameInbox(), null);
        Assert.Equal(LinkCloseCause.Replaced, (await first.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
        Assert.False(second.Link.Completion.IsCompleted);
        await second.Link.DisposeAsync();
    }

    [Fact]
    public async Task Members_survive_a_restart_and_revocation_cuts_at_once()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        DialedLink link = await hub.DialAsync(s_a, await hub.TokenAsync(), "bank-a");
        link.Link.Start(new FrameInbox(), null);
        await hub.StopAsync();
        Assert.Equal(LinkCloseCause.Draining, (await link.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
        await hub.StartAsync();
        link = await hub.DialAsync(s_a);
        link.Link.Start(new FrameInbox(), null);
        using HttpResponseMessage revoked = await hub.Admin.PostAsync("/api/v1/participants/bank-a/revoke", null);
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        Assert.Equal(LinkCloseCause.Denied, (await link.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
        await Assert.ThrowsAsync<TunnelException>(() => hub.DialAsync(s_a));
        Assert.Equal("revoked", (string)(await hub.GetAsync("/api/v1/participants"))[0]!["status"]!);
    }

    [Fact]
    public async Task Draining_tells_members_refuses_newcomers_and_waits()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east", o => o.Limits.DrainSeconds = 30);
        DialedLink link = await hub.DialAsync(s_a, await hub.TokenAsync(), "bank-a");
        FrameInbox inbox = new();
        link.Link.Start(inbox, null);
        Task stopping = hub.Server.StopAsync(default);
        await inbox.NextAsync(FrameType.Drain);
        using HttpResponseMessage ready = await hub.Admin.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        await Assert.ThrowsAsync<TunnelException>(() => hub.DialAsync(s_a));
        Assert.False(stopping.IsCompleted);
        // The member moves on: nothing is left to wait for.
        await link.Link.DisposeAsync();
        await stopping.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Quotas_change_live_by_the_admin_api_and_by_reload()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        DialedLink link = await hub.DialAsync(s_a, await hub.TokenAsync(), "bank-a");
        link.Link.Start(new FrameInbox(), null);
        using HttpResponseMessage set = await hub.Admin.PutAsJsonAsync("/api/v1/participants/bank-a/quotas", new { bytesPerSecond = 1_000_000, sessions = 3 });
        Assert.Equal(HttpStatusCode.NoContent, set.StatusCode);
        Assert.True(hub.Server.Core.Router.TryGetMember(s_a.Mid, out var port));
        Assert.Equal((1_000_000, 3, 1000), (port.Meter.Quotas.BytesPerSecond, port.Meter.Quotas.Sessions, port.Meter.Quotas.OpensPerSecond));
        HubOptions changed = hub.Options.CurrentValue;
        changed.Quotas = new QuotaOptions { BytesPerSecond = 9_000_000, OpensPerSecond = 7 };
        hub.Options.Set(changed);
        Assert.Equal((1_000_000, 3, 7), (port.Meter.Quotas.BytesPerSecond, port.Meter.Quotas.Sessions, port.Meter.Quotas.OpensPerSecond));
        using HttpResponseMessage bad = await hub.Admin.PutAsJsonAsync("/api/v1/participants/bank-a/quotas", new { bytesPerSecond = 5 });
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        Assert.Equal("invalid-quota", (string)JsonNode.Parse(await bad.Content.ReadAsStringAsync())!["code"]!);
        await link.Link.DisposeAsync();
    }

    [Fact]
    public async Task A_greedy_member_is_slowed_and_a_modest_one_is_not()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        NodeIdentity target = NodeIdentity.Create();
        DialedLink greedy = await hub.DialAsync(s_a, await hub.TokenAsync(), "greedy");
        DialedLink modest = await hub.DialAsync(s_b, await hub.TokenAsync(), "modest");
        DialedLink sink = await hub.DialAsync(target, await hub.TokenAsync(), "sink");
        FrameInbox inbox = new();
        FrameInbox modestInbox = new();
        sink.Link.Start(inbox, null);
        greedy.Link.Start(new FrameInbox(), null);
        modest.Link.Start(modestInbox, null);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        using HttpResponseMessage set = await hub.Admin.PutAsJsonAsync("/api/v1/participants/greedy/quotas", new { bytesPerSecond = 500_000 });
        set.EnsureSuccessStatusCode();
        using CancellationTokenSource stop = new();
        Task flood = Task.Run(async () =>
        {
            byte[] data = new byte[16384];
            while (!stop.IsCancellationRequested)
            {
                if (!greedy.Link.TrySend(new FrameHeader(FrameType.Data, FrameReason.None, 0, s_a.Mid, target.Mid, 1, 0), data))
                {
                    await Task.Delay(1);
                }
            }
        });
        List<double> roundTrips = [];
        // Well beyond what the bucket of the greedy one holds at the start.
        for (ulong i = 1; inbox.Bytes < 1_500_000; i++)
        {
            long sent = System.Diagnostics.Stopwatch.GetTimestamp();
            modest.Link.TrySend(new FrameHeader(FrameType.Ping, FrameReason.None, 0, s_b.Mid, hub.Server.Core.Mid, i, 0), new byte[16]);
            await modestInbox.NextAsync(FrameType.Pong);
            roundTrips.Add(System.Diagnostics.Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            await Task.Delay(20);
        }
        // However slow the machine is: what came through is the bucket and what has flowed into it since, and one read that it does not stop half-way.
        TimeSpan elapsed = System.Diagnostics.Stopwatch.GetElapsedTime(start);
        Assert.InRange(inbox.Bytes, 1_500_000, (500_000 * (1 + elapsed.TotalSeconds)) + (1 << 20));
        await stop.CancelAsync();
        await flood;
        Assert.True(hub.Server.Core.Router.QuotaPauses > 0);
        roundTrips.Sort();
        output.WriteLine($"{inbox.Bytes:N0} bytes of the greedy member in {elapsed.TotalSeconds:F1} s; {roundTrips.Count} pings of the modest one, median {roundTrips[roundTrips.Count / 2]:F1} ms");
        if (TimedRun.IsOn)
        {
            Assert.InRange(roundTrips[roundTrips.Count / 2], 0, 100);
        }
        Assert.False(greedy.Link.Completion.IsCompleted);
        await Task.WhenAll(greedy.Link.DisposeAsync().AsTask(), modest.Link.DisposeAsync().AsTask(), sink.Link.DisposeAsync().AsTask());
    }

    private static void Trust(RunningHub hub, params RunningHub[] peers)
    {
        HubOptions options = hub.Options.CurrentValue;
        options.Mesh.Peers = [.. peers.Select(p => new MeshPeerOptions { Name = p.Name, Mid = p.Server.Core.Mid.ToString(), Address = p.Options.CurrentValue.Mesh.Listen })];
        hub.Options.Set(options);
    }
}
