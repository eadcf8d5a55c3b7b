using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Links;
using static Qanat.Hub.Tests.Routing.RouterFixture;

namespace Qanat.Hub.Tests.Routing;

public sealed class RouterTests
{
    private readonly RouterFixture _hub = new();

    [Fact]
    public void A_frame_reaches_its_destination_unchanged()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        FrameHeader sent = new(FrameType.Data, FrameReason.None, 0x05, a.Mid, b.Mid, 0x0123456789abcdef, 0xfedcba9876543210);
        a.OnFrame(a.Link, sent, new byte[] { 1, 2, 3 });
        (FrameHeader header, byte[] payload) = Assert.Single(Out(b).Frames);
        Assert.Equal(sent, header);
        Assert.Equal([1, 2, 3], payload);
        Assert.Empty(Out(a).Frames);
    }

    [Theory]
    [InlineData(FrameType.Open)]
    [InlineData(FrameType.Data)]
    [InlineData(FrameType.Reset)]
    [InlineData(FrameType.Ping)]
    [InlineData(FrameType.Resolve)]
    public void A_spoofed_source_is_dropped_and_counted(FrameType type)
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        Send(a, type, b.Mid, 8, source: MidOf(3));
        Assert.Empty(Out(b).Frames);
        Assert.Empty(_hub.Calls);
        Assert.Equal(1, _hub.Router.Dropped(DropReason.SpoofedSource));
    }

    [Fact]
    public void An_older_link_that_comes_late_does_not_replace_the_newer()
    {
        MemberPort first = Linking(100_000), second = Linking(100_001), third = Linking(100_002);
        Assert.Null(_hub.Router.Attach(second));
        Assert.Same(first, _hub.Router.Attach(first));
        Assert.True(_hub.Router.TryGetMember(MidOf(1), out MemberPort? live));
        Assert.Same(second, live);
        Assert.Same(second, _hub.Router.Attach(third));
        Assert.False(_hub.Router.Detach(second));
        Assert.True(_hub.Router.Detach(third));
    }

    [Theory]
    [InlineData(100_000, 90_000, false)]
    [InlineData(100_000, 89_999, true)]
    [InlineData(100_000, 100_000, true)]
    public void A_node_whose_clock_was_set_back_is_not_locked_out_by_its_own_older_link(long present, long attachedAt, bool replaces)
    {
        MemberPort old = Linking(present), next = Linking(attachedAt);
        Assert.Null(_hub.Router.Attach(old));
        Assert.Same(replaces ? old : next, _hub.Router.Attach(next));
        Assert.True(_hub.Router.TryGetMember(MidOf(1), out MemberPort? live));
        Assert.Same(replaces ? next : old, live);
    }

    private MemberPort Linking(long attachedAt) =>
        new(new FakeLink(HubMid, MidOf(1), LinkRole.Node), _hub.Router, new MemberMeter(MemberQuotas.Unlimited, _hub.Time), AttachmentOf(1, HubMid, attachedAt));

    [Fact]
    public void A_member_may_not_set_the_relayed_mark()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        Send(a, FrameType.Data, b.Mid, 8, flags: Router.RelayedMark);
        Assert.Empty(Out(b).Frames);
        Assert.Equal(1, _hub.Router.Dropped(DropReason.SpoofedSource));
    }

    [Theory]
    [InlineData(FrameType.Announce)]
    [InlineData(FrameType.Withdraw)]
    [InlineData(FrameType.Hubs)]
    [InlineData(FrameType.Revoked)]
    [InlineData(FrameType.Unreachable)]
    [InlineData(FrameType.Resolved)]
    [InlineData(FrameType.Drain)]
    [InlineData(FrameType.Ticket)]
    public void A_member_may_not_speak_as_a_hub(FrameType type)
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        Send(a, type, b.Mid, 8);
        Send(a, type, HubMid, 8);
        Assert.Empty(Out(b).Frames);
        Assert.Empty(_hub.Calls);
        Assert.Equal(2, _hub.Router.Dropped(DropReason.Unexpected));
    }

    [Fact]
    public void An_unknown_destination_is_told_to_the_source()
    {
        MemberPort a = _hub.Member(1);
        Send(a, FrameType.Open, MidOf(9), 12, session: 55);
        FrameHeader header = Assert.Single(Out(a).Frames).Header;
        Assert.Equal(new FrameHeader(FrameType.Unreachable, FrameReason.UnknownMember, 0, MidOf(9), a.Mid, 55, 0), header);
    }

    [Fact]
    public void A_flood_to_nowhere_is_answered_once_per_session_and_interval()
    {
        MemberPort a = _hub.Member(1);
        for (int i = 0; i < 1000; i++)
        {
            Send(a, FrameType.Data, MidOf(9), 100, session: 55);
        }
        Assert.Single(Out(a).Frames);
        _hub.Time.Advance(TimeSpan.FromMilliseconds(21));
        Send(a, FrameType.Data, MidOf(9), 100, session: 55);
        Assert.Equal(2, Out(a).Frames.Count);
    }

    [Fact]
    public void Ping_to_the_hub_is_answered_unless_it_says_discard()
    {
        MemberPort a = _hub.Member(1);
        Send(a, FrameType.Ping, HubMid, 8, session: 9);
        Send(a, FrameType.Ping, HubMid, 1000, session: 10, flags: 1);
        (FrameHeader header, byte[] payload) = Assert.Single(Out(a).Frames);
        Assert.Equal(new FrameHeader(FrameType.Pong, FrameReason.None, 0, HubMid, a.Mid, 9, 0), header);
        Assert.Equal(8, payload.Length);
    }

    [Fact]
    public void Empty_data_and_oversize_control_frames_are_dropped()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        Send(a, FrameType.Data, b.Mid, 0);
        Send(a, FrameType.Ack, b.Mid, 60000);
        Assert.Empty(Out(b).Frames);
        Assert.Equal(2, _hub.Router.Dropped(DropReason.Malformed));
    }

    [Fact]
    public void A_second_link_of_a_mid_replaces_the_first()
    {
        MemberPort first = _hub.Member(1, time: 1);
        FakeLink link = new(HubMid, first.Mid, Qanat.Tunnel.Links.LinkRole.Node);
        MemberPort second = new(link, _hub.Router, first.Meter, AttachmentOf(1, HubMid, 2));
        Assert.Same(first, _hub.Router.Attach(second));
        MemberPort b = _hub.Member(2);
        Send(b, FrameType.Data, first.Mid, 5);
        Assert.Empty(Out(first).Frames);
        Assert.Single(link.Frames);
        // The end of the old link must not take the new one out.
        Assert.False(_hub.Router.Detach(first));
        Assert.True(_hub.Router.TryGetMember(first.Mid, out MemberPort? now));
        Assert.Same(second, now);
    }

    [Fact]
    public void Opens_beyond_the_quota_are_refused_and_repeats_cost_nothing()
    {
        MemberPort a = _hub.Member(1, new MemberQuotas(Sessions: 2)), b = _hub.Member(2);
        for (ulong session = 1; session <= 3; session++)
        {
            Send(a, FrameType.Open, b.Mid, 12, session);
            Send(a, FrameType.Open, b.Mid, 12, session);
        }
        Assert.Equal(4, Out(b).Frames.Count);
        Assert.All(Out(a).Frames, f => Assert.Equal((FrameReason.QuotaExceeded, 3ul), (f.Header.Reason, f.Header.SessionId)));
        // An end seen from the other side makes room.
        Send(b, FrameType.Reset, a.Mid, 0, 1);
        Send(a, FrameType.Open, b.Mid, 12, 4);
        Assert.Equal(5, Out(b).Frames.Count);
    }

    [Fact]
    public void Relaying_allocates_nothing_per_frame()
    {
        MemberPort a = _hub.Member(1, new MemberQuotas(Sessions: 10, OpensPerSecond: 10)), b = _hub.Member(2);
        Out(b).Keep = false;
        byte[] payload = new byte[16384];
        FrameHeader header = Header(FrameType.Data, a.Mid, b.Mid);
        void Relay(int count)
        {
            for (int i = 0; i < count; i++)
            {
                a.OnFrame(a.Link, header, payload);
                if (i % 100 == 0)
                {
                    Out(b).Drain();
                }
            }
        }
        Assert.InRange(Allocations.Of(() => Relay(10000)), 0, 2000);
        Assert.Equal(0, _hub.Router.Dropped(DropReason.Congested) + _hub.Router.Dropped(DropReason.OverShare));
    }
}
