using Microsoft.Extensions.Time.Testing;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Links;
using Qanat.Wire.Control;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Tests.Mesh;

public sealed class MeshTests
{
    [Fact]
    public async Task Members_of_two_hubs_reach_each_other_by_name_over_a_link_dialled_on_demand()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "north");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        Assert.Equal(0, world["east"].Core.Router.HubCount);
        ResolveAnswer answer = await a.ResolveAsync("bank-b.west");
        Assert.Equal((FrameReason.None, "bank-b.west", b.Mid, world["west"].Identity.Mid, true), (answer.Status, answer.Name, answer.Member, answer.Hub, answer.Online));
        a.Send(FrameType.Open, b.Mid, 7, new byte[12]);
        (FrameHeader open, _) = await b.NextAsync(FrameType.Open);
        Assert.Equal((a.Mid, b.Mid, 7ul, (byte)0), (open.Source, open.Destination, open.SessionId, open.Flags));
        b.Send(FrameType.Accept, a.Mid, 7, new byte[12]);
        Assert.Equal(b.Mid, (await a.NextAsync(FrameType.Accept)).Header.Source);
    }

    [Theory]
    [InlineData("bank-b")]
    [InlineData("BANK-B.West")]
    public async Task Short_names_and_any_case_resolve(string name)
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        Assert.Equal(b.Mid, (await a.ResolveAsync(name)).Member);
    }

    [Fact]
    public async Task A_short_name_with_two_bearers_is_refused_but_the_own_hubs_comes_first()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "north");
        TestMember a = new("bank-a"), west = new("twin"), north = new("twin"), own = new("twin");
        a.Enrol(world["east"]);
        west.Enrol(world["west"]);
        north.Enrol(world["north"]);
        Assert.Equal(FrameReason.UnknownMember, (await a.ResolveAsync("twin")).Status);
        Assert.Equal(north.Mid, (await a.ResolveAsync("twin.north")).Member);
        own.Enrol(world["east"]);
        Assert.Equal(own.Mid, (await a.ResolveAsync("twin")).Member);
    }

    [Fact]
    public async Task An_open_to_an_unresolved_mid_waits_for_its_route()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        a.Send(FrameType.Open, b.Mid, 7, new byte[12]);
        Assert.Equal(7ul, (await b.NextAsync(FrameType.Open)).Header.SessionId);
        Assert.Equal(0, world["east"].Core.PendingFrames);
    }

    [Fact]
    public async Task Unknown_offline_and_unreachable_are_told_apart()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a"), b = new("bank-b"), stranger = new("x");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        a.Send(FrameType.Open, stranger.Mid, 1, new byte[12]);
        Assert.Equal(FrameReason.UnknownMember, (await a.NextAsync(FrameType.Unreachable)).Header.Reason);
        await a.ReachAsync(b, 2);
        await b.Link.CloseAsync(LinkCloseCause.Local);
        await Until(() => world["west"].Core.Router.MemberCount == 0);
        Assert.Equal(FrameReason.PeerOffline, (await a.ResolveAsync("bank-b.west")).Status);
        a.Send(FrameType.Open, b.Mid, 3, new byte[12]);
        Assert.Equal(FrameReason.PeerOffline, (await a.NextAsync(FrameType.Unreachable)).Header.Reason);
        world["west"].Kill();
        await a.ToldAsync(b.Mid, FrameReason.HubUnreachable);
    }

    [Fact]
    public async Task Two_hubs_that_dial_at_once_keep_one_link_and_the_same_one()
    {
        for (int round = 0; round < 20; round++)
        {
            // Time stands still: the two links are of the same time, however long the machine takes for them.
            await using MeshWorld world = MeshWorld.Create(new FakeTimeProvider(), "east", "west");
            TestHub east = world["east"], west = world["west"];
            using Barrier barrier = new(2);
            world.DialBarrier = barrier;
            HubPort?[] ports = await Task.WhenAll(
                east.Core.Links.ConnectAsync(west.Identity.Mid, default).AsTask(),
                west.Core.Links.ConnectAsync(east.Identity.Mid, default).AsTask());
            Assert.All(ports, Assert.NotNull);
            await Until(() => east.Core.Router.HubCount == 1 && west.Core.Router.HubCount == 1
                && east.Core.Router.Hubs.Single() is var e && west.Core.Router.Hubs.Single() is var w && e.InitiatedHere != w.InitiatedHere
                && !e.Link.Completion.IsCompleted && !w.Link.Completion.IsCompleted
                && e.InitiatedHere == east.Identity.Mid < west.Identity.Mid);
        }
    }

    [Fact]
    public async Task A_killed_hub_that_comes_back_is_used_again_with_its_directory()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "north");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        await a.ReachAsync(b, 1);
        await b.ReachAsync(a, 2);
        world["west"].Kill();
        await b.Link.Completion;
        await a.ToldAsync(b.Mid);
        world["west"].Start();
        Assert.Equal("bank-b.west", b.Attach(world["west"]).FullName);
        await a.ReachAsync(b, 3);
        await b.ReachAsync(a, 4);
    }

    [Fact]
    public async Task A_member_moves_to_another_hub_and_back_and_routes_follow()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "north");
        foreach (string hub in new[] { "east", "west", "north" })
        {
            await world[hub].Core.GreetPeersAsync();
        }
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        await a.ReachAsync(b, 1);
        await b.ReachAsync(a, 2);
        await Until(() => world["north"].Core.Table.Hubs.All(h => h.Record is not null));

        // Its home hub is gone for good: it takes its ticket to another.
        world["west"].Kill();
        Assert.Equal("bank-b.west", b.Attach(world["north"]).FullName);
        await b.ReachAsync(a, 3);
        await a.ReachAsync(b, 4);
        await UntilAsync(async () => await a.ResolveAsync("bank-b.west") is { Online: true } answer && answer.Member == b.Mid && answer.Hub == world["north"].Identity.Mid);

        // Home again, while the link at the other hub still looks alive there.
        world["west"].Start();
        Link old = b.Link;
        b.Attach(world["west"]);
        await b.ReachAsync(a, 5);
        await a.ReachAsync(b, 6);
        await UntilAsync(async () => (await a.ResolveAsync(b.Mid)).Hub == world["west"].Identity.Mid);
        // The first word of its new place ends the stale link.
        world["west"].Core.Router.TryGetMember(b.Mid, out MemberPort? port);
        HubPort? north = await world["west"].Core.Links.ConnectAsync(world["north"].Identity.Mid, default);
        Assert.True(north!.EnsureAnnounced(port!));
        await old.Completion.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task The_home_hub_knows_where_its_member_roams()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        await world["east"].Core.GreetPeersAsync();
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["west"]);
        b.Enrol(world["west"]);
        await Until(() => world["east"].Core.Table.Hubs.All(h => h.Record is not null));
        Link old = b.Link;
        b.Attach(world["east"]);
        await old.Completion.WaitAsync(TimeSpan.FromSeconds(60));
        await UntilAsync(async () => await a.ResolveAsync("bank-b") is { Online: true } answer && answer.Hub == world["east"].Identity.Mid && answer.Name == "bank-b.west");
        await a.ReachAsync(b, 1);
    }

    [Fact]
    public async Task Tickets_hold_until_they_expire_and_only_for_their_member()
    {
        FakeTimeProvider time = new(DateTimeOffset.UnixEpoch.AddYears(50));
        await using MeshWorld world = MeshWorld.Create(time, "east", "west");
        await world["east"].Core.GreetPeersAsync();
        await Until(() => world["east"].Core.Table.Hubs.All(h => h.Record is not null));
        TestMember b = new("bank-b"), thief = new("thief");
        b.Enrol(world["west"]);
        thief.Ticket = b.Ticket;
        Assert.Equal(LinkRefusal.InvalidTicket, thief.Attach(world["east"]).Refusal);
        Assert.Equal(LinkRefusal.None, b.Attach(world["east"]).Refusal);
        time.Advance(world["west"].TicketLifetime - TimeSpan.FromSeconds(1));
        Assert.Equal(LinkRefusal.None, b.Attach(world["east"]).Refusal);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(LinkRefusal.InvalidTicket, b.Attach(world["east"]).Refusal);
        // The link made while it held is closed too.
        world["east"].Core.CloseExpiredGuests();
        await b.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_revoked_member_is_cut_off_everywhere_at_once_and_for_good()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "north");
        await world["east"].Core.GreetPeersAsync();
        await Until(() => world["east"].Core.Table.Hubs.All(h => h.Record is not null));
        TestMember b = new("bank-b");
        b.Enrol(world["west"]);
        b.Attach(world["east"]);
        Assert.True(world["west"].Core.Revoke(b.Mid));
        Assert.Equal(LinkCloseCause.Remote, (await b.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
        Assert.Equal(LinkRefusal.Revoked, b.Attach(world["west"]).Refusal);
        Assert.Equal(LinkRefusal.Revoked, b.Attach(world["east"]).Refusal);
        // Also at a hub that was told while nothing was going on, and after a restart.
        await Until(() => world["north"].Core.Directory.IsRevokedBy(b.Mid, world["west"].Identity.Mid));
        await Until(() => world["north"].Core.UnsavedCount == 0);
        world["north"].Kill();
        world["north"].Start();
        Assert.Equal(LinkRefusal.Revoked, b.Attach(world["north"]).Refusal);
    }

    [Fact]
    public async Task Guests_of_a_hub_that_is_trusted_no_longer_are_cut_off()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "north");
        await world["east"].Core.GreetPeersAsync();
        await Until(() => world["east"].Core.Table.Hubs.All(h => h.Record is not null));
        TestMember own = new("bank-a"), guest = new("bank-b"), late = new("bank-c"), other = new("bank-d");
        own.Enrol(world["east"]);
        guest.Enrol(world["west"]);
        late.Enrol(world["west"]);
        other.Enrol(world["north"]);
        guest.Attach(world["east"]);
        other.Attach(world["east"]);
        // The other one is admitted while the hub is trusted, and attached when it is not.
        late.Attach(world["east"], admittedThen: () => world["east"].Trust("north"));
        await guest.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60));
        await late.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60));
        await Until(() => world["east"].Core.Router.MemberCount == 2);
        Assert.False(own.Link.Completion.IsCompleted);
        Assert.False(other.Link.Completion.IsCompleted);
        Assert.Equal(LinkRefusal.InvalidTicket, guest.Attach(world["east"]).Refusal);
    }

    [Fact]
    public async Task A_member_welcomed_while_its_hub_stops_is_told_to_go_elsewhere()
    {
        await using MeshWorld world = MeshWorld.Create("east");
        TestMember a = new("bank-a");
        string token = world["east"].Core.Directory.CreateToken("bank-a", TimeSpan.FromHours(1)).Token.Id;
        a.Attach(world["east"], token, admittedThen: () => world["east"].Core.DisposeAsync().AsTask().Wait());
        await a.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, world["east"].Core.Router.MemberCount);
    }

    [Fact]
    public async Task A_stranger_is_never_let_in()
    {
        await using MeshWorld world = MeshWorld.Create("east");
        TestMember stranger = new("bank-x");
        Assert.Equal(LinkRefusal.NotEnrolled, stranger.Attach(world["east"]).Refusal);
        Assert.Equal(LinkRefusal.InvalidToken, stranger.Attach(world["east"], "guess").Refusal);
        stranger.Ticket = new MembershipTicket("bank-x", stranger.Mid, stranger.Mid, 0, ulong.MaxValue >> 20, 0, 0, 0).Encode(stranger.Identity.Sign);
        Assert.Equal(LinkRefusal.InvalidTicket, stranger.Attach(world["east"]).Refusal);
        stranger.Ticket = new MembershipTicket("bank-x", stranger.Mid, world["east"].Identity.Mid, 0, ulong.MaxValue >> 20, 0, 0, 0).Encode(stranger.Identity.Sign);
        Assert.Equal(LinkRefusal.NotEnrolled, stranger.Attach(world["east"]).Refusal);
        Assert.Equal(0, world["east"].Core.Router.MemberCount);
    }

    [Fact]
    public async Task A_hub_cannot_claim_a_member_that_is_not_linked_to_it()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "evil");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        await a.ReachAsync(b, 1);
        HubCore east = world["east"].Core;
        HubPort? evil = await world["evil"].Core.Links.ConnectAsync(east.Mid, default);
        byte[] key = b.Identity.SubjectPublicKeyInfo.ToArray();
        void Claim(Mid hub, byte[] signature) => evil!.TrySendControl(new FrameHeader(FrameType.Announce, FrameReason.None, 0, world["evil"].Identity.Mid, east.Mid, 0, 0),
            new MemberAnnouncement(b.Mid, hub, key, 99_999_999, signature, "bank-b.west").Encode());
        // Its own signature, the true signature for another hub, and a forged time.
        Claim(evil!.Link.LocalMid, world["evil"].Identity.Sign(LinkTranscript.AttachmentStatement(b.Mid, evil.Link.LocalMid, 99_999_999)));
        Claim(world["west"].Identity.Mid, b.Identity.Sign(LinkTranscript.AttachmentStatement(b.Mid, world["west"].Identity.Mid, 99_999_999)));
        Claim(evil.Link.LocalMid, b.Identity.Sign(LinkTranscript.AttachmentStatement(b.Mid, world["west"].Identity.Mid, 99_999_999)));
        // Then speaks in its name.
        evil.Link.TrySend(new FrameHeader(FrameType.Data, FrameReason.None, 0x80, b.Mid, a.Mid, 1, 0), [6, 6, 6]);
        await Until(() => east.Router.Dropped(DropReason.SpoofedSource) == 1);
        Assert.True(east.Router.TryGetRoute(b.Mid, out RemoteRoute? route));
        Assert.Equal(world["west"].Identity.Mid, route.Hub);
    }

    [Fact]
    public async Task A_hub_cannot_give_away_the_names_of_another()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west", "evil");
        TestMember a = new("bank-a"), mallory = new("bank-b");
        a.Enrol(world["east"]);
        // A member of the evil hub with the name, linked and online; the true one does not exist.
        mallory.Enrol(world["evil"]);
        Assert.Equal(FrameReason.UnknownMember, (await a.ResolveAsync("bank-b.west")).Status);
        Assert.Equal(mallory.Mid, (await a.ResolveAsync("bank-b.evil")).Member);
    }

    [Fact]
    public async Task A_strangers_hub_is_not_spoken_to_unless_introductions_are_accepted()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestHub careful = world.Add("careful", acceptIntroduced: false, "east");
        TestHub open = world.Add("open", acceptIntroduced: true, "east");
        world["east"].Trust("west", "careful", "open");
        await world["east"].Core.GreetPeersAsync();
        await Until(() => open.Core.Table.TryGet("west", out _) && open.Core.Table.TryGet("careful", out _));
        Assert.Single(careful.Core.Table.Hubs);
        Assert.Null(await careful.Core.Links.ConnectAsync(world["west"].Identity.Mid, default));
        await open.Core.Links.ConnectAsync(world["west"].Identity.Mid, default);
        // West does not know 'open' and takes no introductions: it closes the link.
        await Until(() => open.Core.Router.HubCount == 1 && !world["west"].Core.Router.TryGetHub(open.Identity.Mid, out _));
        // What was learned survives a restart.
        await Until(() => open.Core.UnsavedCount == 0);
        open.Kill();
        open.Start();
        Assert.True(open.Core.Table.TryGet("west", out _));
    }

    [Fact]
    public async Task An_untrusted_hub_loses_its_link_and_routes_live()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        await a.ReachAsync(b, 1);
        world["east"].Trust();
        await Until(() => world["east"].Core.Router.HubCount == 0 && world["east"].Core.Router.RouteCount == 0);
        a.Send(FrameType.Open, b.Mid, 2, new byte[12]);
        Assert.Equal(FrameReason.UnknownMember, (await a.NextAsync(FrameType.Unreachable)).Header.Reason);
    }

    [Fact]
    public async Task A_cut_between_hubs_is_dialled_again_when_it_is_over()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        for (ulong round = 0; round < 5; round++)
        {
            await a.ReachAsync(b, 10 + round);
            world.CutBetween("east", "west");
            await a.ToldAsync(b.Mid, FrameReason.HubUnreachable);
            world.Cut.Clear();
        }
        await b.ReachAsync(a, 99);
    }

    [Fact]
    public async Task An_unreachable_hub_is_not_dialled_for_every_frame()
    {
        // Time stands still: no back-off runs out while the frames are handled.
        await using MeshWorld world = MeshWorld.Create(new FakeTimeProvider(), "east", "west");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        world["west"].Kill();
        for (ulong i = 0; i < 2000; i++)
        {
            a.Send(FrameType.Open, b.Mid, i, new byte[12]);
        }
        await a.NextAsync(FrameType.Unreachable);
        // The hub answers this after it has taken all of them.
        a.Send(FrameType.Ping, world["east"].Identity.Mid, 9);
        await a.NextAsync(FrameType.Pong);
        await Until(() => world["east"].Core.PendingFrames == 0);
        Assert.InRange(world.Dials, 1, 10);
    }

    [Fact]
    public async Task Idle_hub_links_are_closed_and_used_ones_kept()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        await a.ReachAsync(b, 1);
        world["east"].Core.Links.CloseIdle(TimeSpan.FromMinutes(1));
        Assert.Equal(1, world["east"].Core.Router.HubCount);
        await Until(() =>
        {
            world["east"].Core.Links.CloseIdle(TimeSpan.Zero);
            return world["east"].Core.Router.HubCount == 0 && world["west"].Core.Router.HubCount == 0;
        });
        await b.ReachAsync(a, 2);
    }

    [Fact]
    public async Task Draining_tells_members_and_hubs()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a"), late = new("late");
        a.Enrol(world["east"]);
        world["east"].Core.StartDrain();
        await a.NextAsync(FrameType.Drain);
        late.Enrol(world["east"]);
        await late.NextAsync(FrameType.Drain);
    }

    [Fact]
    public async Task A_new_hub_record_reaches_members()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        TestMember a = new("bank-a");
        a.Enrol(world["east"]);
        await world["east"].Core.GreetPeersAsync();
        await UntilAsync(async () =>
        {
            (_, byte[] payload) = await a.NextAsync(FrameType.Hubs);
            Assert.True(HubTablePayload.TryDecode(payload, out byte[][] records));
            return records.Select(r => HubRecord.TryVerify(r, out HubRecord record) ? record.Name : "").Order().SequenceEqual(["east", "west"]);
        });
    }

    internal static Task Until(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await Task.Delay(5, timeout.Token);
        }
    }
}
