using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Hub.Membership;
using Qanat.Hub.Mesh;
using Qanat.Hub.Routing;
using Qanat.Hub.Tests.Routing;
using Qanat.Tunnel.Identity;
using Qanat.Wire.Control;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Tests.Mesh;

/// <summary>What a trusted hub gone bad, or a member that floods, can do to the others.</summary>
public sealed class HostileHubTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Fact]
    public void An_introduced_hub_gives_way_to_the_configured_bearer_of_its_name()
    {
        using NodeIdentity own = NodeIdentity.Create(), east = NodeIdentity.Create(), west = NodeIdentity.Create(), squatter = NodeIdentity.Create();
        HubTable table = new("here", own.Mid, null, TimeProvider.System, NullLogger.Instance);
        table.Configure([(east.Mid, "east", null)], acceptIntroduced: true);
        byte[] record = new HubRecord("west", squatter.SubjectPublicKeyInfo.ToArray(), 1, [], []).Encode(squatter.Sign);
        Assert.Equal(1, table.AcceptFrom(east.Mid, [record]));
        Assert.Equal([squatter.Mid], table.Configure([(east.Mid, "east", null), (west.Mid, "west", null)], acceptIntroduced: true));
        Assert.False(table.TryGet(squatter.Mid, out _));
        Assert.True(table.TryGet("west", out KnownHub? bearer));
        Assert.Equal(west.Mid, bearer.Mid);
        Assert.Equal(0, table.AcceptFrom(east.Mid, [record]));
    }

    [Fact]
    public async Task A_silent_hub_holds_up_no_questions_to_others()
    {
        RouterFixture fixture = new();
        HubQueries queries = new(fixture.Router);
        HubPort silent = fixture.Hub(), honest = fixture.Hub(RouterFixture.MidOf(3000));
        byte[] query = new ResolveQuery("bank-b.west", Mid.None).Encode();
        using CancellationTokenSource stop = new();
        Task<ResolveAnswer?>[] stuck = [.. Enumerable.Range(0, 20_000).Select(_ => queries.AskAsync(silent, query, stop.Token))];
        Assert.InRange(queries.Outstanding, 1, 8192);
        Task<ResolveAnswer?> asked = queries.AskAsync(honest, query, stop.Token);
        Assert.Equal(FrameType.Resolve, Assert.Single(RouterFixture.Out(honest).Frames).Header.Type);
        Assert.False(asked.IsCompleted);
        await stop.CancelAsync();
        Assert.All(await Task.WhenAll([.. stuck, asked]).WaitAsync(s_limit), Assert.Null);
        Assert.Equal(0, queries.Outstanding);
    }

    [Fact]
    public async Task Questions_that_a_silent_hub_never_answers_leave_nothing_on_its_link()
    {
        RouterFixture fixture = new();
        HubQueries queries = new(fixture.Router);
        HubPort silent = fixture.Hub();
        FieldInfo? continuations = typeof(Task).GetField("m_continuationObject", BindingFlags.Instance | BindingFlags.NonPublic);
        Assert.NotNull(continuations);
        for (int i = 0; i < 100; i++)
        {
            Assert.Null(await queries.AskAsync(silent, new ResolveQuery("bank-b.west", Mid.None).Encode(), new CancellationToken(canceled: true)));
        }
        await MeshTests.Until(() => Waiting() <= 1);

        int Waiting() => continuations.GetValue(silent.Link.Completion) switch
        {
            null => 0,
            List<object?> list => list.ToArray().Count(one => one is not null),
            _ => 1,
        };
    }

    [Fact]
    public async Task A_member_that_floods_unknown_mids_leaves_searches_to_the_others()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        using Barrier hold = new(2);
        world.DialBarrier = hold;
        TestMember flood = new("flood"), a = new("bank-a"), b = new("bank-b");
        flood.Enrol(world["east"]);
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        for (int i = 0; i < 6000; i++)
        {
            flood.Send(FrameType.Open, RouterFixture.MidOf(10_000 + i), 1, new byte[12]);
        }
        flood.Send(FrameType.Ping, world["east"].Identity.Mid, 9);
        await flood.NextAsync(FrameType.Pong);
        Assert.InRange(world["east"].Core.PendingFrames, 1, 512);
        a.Send(FrameType.Open, b.Mid, 7, new byte[12]);
        a.Send(FrameType.Ping, world["east"].Identity.Mid, 9);
        await a.NextAsync(FrameType.Pong);
        await Task.Run(() => hold.SignalAndWait(s_limit));
        Assert.Equal((a.Mid, 7ul), (await b.NextAsync(FrameType.Open)) is var open ? (open.Header.Source, open.Header.SessionId) : default);
    }

    [Fact]
    public async Task A_hub_whose_address_breaks_the_dialer_does_not_break_questions_to_others()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        using NodeIdentity evil = NodeIdentity.Create();
        world["east"].Core.ConfigurePeers([(world["west"].Identity.Mid, "west", "tcp://west"), (evil.Mid, "evil", "x")], acceptIntroduced: false);
        TestMember a = new("bank-a"), b = new("bank-b");
        a.Enrol(world["east"]);
        b.Enrol(world["west"]);
        Assert.Equal(b.Mid, (await a.ResolveAsync("bank-b.west")).Member);
        Assert.Equal(b.Mid, (await a.ResolveAsync("bank-b")).Member);
    }

    [Fact]
    public void What_other_hubs_say_is_not_written_by_whoever_heard_it_and_each_hub_costs_one_write()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("qanat-table-");
        try
        {
            using DirectoryStore store = new(Path.Combine(folder.FullName, "hub.db"));
            using NodeIdentity own = NodeIdentity.Create(), east = NodeIdentity.Create();
            HubTable table = new("here", own.Mid, store, TimeProvider.System, NullLogger.Instance);
            int raised = 0;
            table.Unsaved += () => raised++;
            table.Configure([(east.Mid, "east", null)], acceptIntroduced: false);
            byte[] newest = [];
            for (ulong time = 1; time <= 50; time++)
            {
                newest = new HubRecord("east", east.SubjectPublicKeyInfo.ToArray(), time, [], []).Encode(east.Sign);
                Assert.Equal(1, table.AcceptFrom(east.Mid, [newest]));
            }
            MemberDirectory members = new(store, TimeProvider.System);
            Assert.Single(members.AddForeignRevocations(east.Mid, [(RouterFixture.MidOf(1), DateTimeOffset.UnixEpoch)]));
            Assert.True(members.IsRevokedBy(RouterFixture.MidOf(1), east.Mid));
            Assert.Empty(store.LoadHubs());
            Assert.Empty(store.LoadForeignRevocations());
            Assert.Equal((1, 50, 1), (table.UnsavedCount, raised, members.UnsavedRevocations));
            table.Save();
            members.SaveForeignRevocations();
            Assert.Equal(newest, Assert.Single(store.LoadHubs()));
            Assert.Single(store.LoadForeignRevocations());
            Assert.Equal((0, 0), (table.UnsavedCount, members.UnsavedRevocations));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Guests_that_have_left_cost_nothing()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        await world["east"].Core.GreetPeersAsync();
        await MeshTests.Until(() => world["east"].Core.Table.Hubs.All(h => h.Record is not null));
        TestMember own = new("bank-a"), guest = new("bank-b");
        own.Enrol(world["east"]);
        guest.Enrol(world["west"]);
        Assert.Equal(LinkRefusal.None, guest.Attach(world["east"]).Refusal);
        HubCore east = world["east"].Core;
        Assert.True(east.Router.TryGetGuest("bank-b.west", out MemberPort? port));
        Assert.Equal(guest.Mid, port.Mid);
        east.ForgetGuests();
        Assert.NotNull(east.MeterOf(guest.Mid));
        await guest.Link.DisposeAsync();
        await own.Link.DisposeAsync();
        await MeshTests.Until(() => east.Router.MemberCount == 0);
        east.ForgetGuests();
        Assert.Null(east.MeterOf(guest.Mid));
        Assert.NotNull(east.MeterOf(own.Mid));
        Assert.False(east.Router.TryGetGuest("bank-b.west", out _));
    }

    [Fact]
    public async Task Revocations_of_a_hub_are_bounded_and_their_times_are_times()
    {
        await using MeshWorld world = MeshWorld.Create("east", "west");
        HubCore east = world["east"].Core;
        Mid west = world["west"].Identity.Mid;
        const int Bound = Qanat.Hub.Membership.MemberDirectory.MaxRevocationsPerHub;
        east.Directory.AddForeignRevocations(west, Enumerable.Range(0, Bound - 1).Select(i => (RouterFixture.MidOf(i + 1), DateTimeOffset.UnixEpoch)));
        Assert.Single(east.Directory.AddForeignRevocations(west, [(RouterFixture.MidOf(Bound + 1), DateTimeOffset.UnixEpoch), (RouterFixture.MidOf(Bound + 2), DateTimeOffset.UnixEpoch)]));
        Assert.Empty(east.Directory.AddForeignRevocations(west, [(RouterFixture.MidOf(Bound + 3), DateTimeOffset.UnixEpoch)]));
        Assert.Single(east.Directory.AddForeignRevocations(world["east"].Identity.Mid, [(RouterFixture.MidOf(Bound + 3), DateTimeOffset.UnixEpoch)]));
        byte[] key = world["west"].Identity.SubjectPublicKeyInfo.ToArray();
        Assert.True(RevocationList.TryVerify(new RevocationList(west, [(RouterFixture.MidOf(1), 5)]).Encode(world["west"].Identity.Sign), key, out _));
        Assert.False(RevocationList.TryVerify(new RevocationList(west, [(RouterFixture.MidOf(1), ulong.MaxValue)]).Encode(world["west"].Identity.Sign), key, out _));
    }
}
