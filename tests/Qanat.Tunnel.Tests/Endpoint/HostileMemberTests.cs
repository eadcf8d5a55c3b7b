using System.Diagnostics;
using System.Threading.Channels;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Tests.Endpoint;

/// <summary>What any member, or the hub in use, may try on a node without being let in.</summary>
public sealed class HostileMemberTests : ILinkHandler
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly Channel<FrameType> _received = Channel.CreateUnbounded<FrameType>();

    [Fact]
    public void Learned_hubs_are_reached_the_way_the_configured_ones_are()
    {
        using NodeIdentity first = NodeIdentity.Create(), second = NodeIdentity.Create(), third = NodeIdentity.Create();
        Uri proxyA = new("http://a:1"), proxyB = new("http://b:2");
        HubList list = new(
            [new HubAddress(new Uri("ws://first"), first.Mid) { HttpProxy = proxyA }, new HubAddress(new Uri("ws://second"), second.Mid) { HttpProxy = proxyB }],
            [new HubAddress(new Uri("ws://second-too"), second.Mid), new HubAddress(new Uri("ws://third"), third.Mid)]);
        Assert.Equal([proxyA, proxyB, proxyB, proxyA], list.All.Select(hub => hub.HttpProxy));
    }

    [Fact]
    public async Task Echoes_for_a_stranger_are_few()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode b = new(network, "b", [hub]);
        await b.Endpoint.WaitForLinkAsync(CancellationToken.None).WaitAsync(s_limit);
        using NodeIdentity stranger = NodeIdentity.Create();
        await using Link link = hub.Accept(stranger.Mid);
        link.Start(this, null);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 3000; i++)
        {
            link.TrySend(new FrameHeader(FrameType.Ping, FrameReason.None, 0, stranger.Mid, b.Identity.Mid, 1, 0), [1, 2, 3]);
        }
        byte[] parameters = new byte[SessionParameters.Length];
        new SessionParameters(1, 1, 1 << 20).Write(parameters);
        link.TrySend(new FrameHeader(FrameType.Open, FrameReason.None, 0, stranger.Mid, b.Identity.Mid, 2, 0), parameters);
        int echoes = 0;
        using CancellationTokenSource limit = new(s_limit);
        while (await _received.Reader.ReadAsync(limit.Token) is var type && type != FrameType.Accept)
        {
            echoes += type == FrameType.Pong ? 1 : 0;
        }
        // 256 at once and 64 a second, however long the machine takes for all of them.
        Assert.InRange(echoes, 1, 256 + (64 * (Stopwatch.GetElapsedTime(start).TotalSeconds + 1)));
    }

    [Fact]
    public async Task Only_a_ticket_that_the_hub_itself_wrote_for_this_member_is_kept()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub(), other = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        Channel<byte[]> kept = Channel.CreateUnbounded<byte[]>();
        a.Endpoint.TicketRenewed = ticket => kept.Writer.TryWrite(ticket);
        await a.Endpoint.WaitForLinkAsync(CancellationToken.None).WaitAsync(s_limit);
        byte[] Ticket(Mid member, FakeHub home) => new MembershipTicket("a", member, home.Identity.Mid, 0, 9, 0, 0, 0).Encode(home.Identity.Sign);
        hub.Say(FrameType.Ticket, [1, 2, 3]);
        hub.Say(FrameType.Ticket, Ticket(other.Identity.Mid, hub));
        hub.Say(FrameType.Ticket, Ticket(a.Identity.Mid, other));
        byte[] right = Ticket(a.Identity.Mid, hub);
        hub.Say(FrameType.Ticket, right);
        Assert.Equal(right, await kept.Reader.ReadAsync().AsTask().WaitAsync(s_limit));
        Assert.False(kept.Reader.TryRead(out _));
    }

    [Fact]
    public async Task Peers_that_have_left_are_forgotten_and_may_come_again()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode b = new(network, "b", [hub]);
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 5; i++)
            {
                await using EndpointNode guest = new(network, $"guest-{i}", [hub]);
                Assert.Equal([1], await guest.EchoAsync("b", [1]));
            }
            await Until.TrueAsync(() => b.Endpoint.PeerCount == 0);
        }
        await using EndpointNode a = new(network, "a", [hub]);
        Assert.Equal([2], await a.EchoAsync("b", [2]));
        Assert.Equal(1, b.Endpoint.PeerCount);
    }

    [Fact]
    public void A_learned_hub_address_asks_for_a_plain_path_only()
    {
        using NodeIdentity hub = NodeIdentity.Create();
        HubList list = new([], []);
        byte[] record = new HubRecord("hub", hub.SubjectPublicKeyInfo.ToArray(), 1,
            ["ws://10.0.0.1:8080/admin?delete=all", "ws://user:secret@hub.example:7000/", "ws://hub.example:7000/#x", "http://hub.example/", "wss://hub.example/qanat"], []).Encode(hub.Sign);
        Assert.Equal([new HubAddress(new Uri("wss://hub.example/qanat"), hub.Mid)], list.Learn([record]));
    }

    void ILinkHandler.OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload) => _received.Writer.TryWrite(header.Type);

    ValueTask ILinkHandler.OnBatchAsync(Link link, int wireBytes) => ValueTask.CompletedTask;
}
