using Qanat.Hub.Routing;
using static Qanat.Hub.Tests.Routing.RouterFixture;

namespace Qanat.Hub.Tests.Routing;

public sealed class HubLinkRuleTests
{
    private readonly RouterFixture _hub = new();

    [Fact]
    public void The_first_frame_of_a_member_to_a_hub_follows_its_announcement_and_is_marked()
    {
        MemberPort a = _hub.Member(1);
        HubPort hub = _hub.Hub();
        Assert.True(_hub.Router.TrySetRoute(AttachmentOf(2, OtherHub), hub, out _));
        Send(a, FrameType.Data, MidOf(2), 5);
        Send(a, FrameType.Data, MidOf(2), 5);
        Assert.Equal([FrameType.Announce, FrameType.Data, FrameType.Data], Out(hub).Frames.Select(f => f.Header.Type));
        Assert.Equal([HubMid, a.Mid, a.Mid], Out(hub).Frames.Select(f => f.Header.Source));
        Assert.All(Out(hub).Frames.Skip(1), f => Assert.Equal(Router.RelayedMark, f.Header.Flags));
    }

    [Fact]
    public void A_marked_frame_of_an_announced_member_is_delivered_with_the_mark_taken_off()
    {
        MemberPort a = _hub.Member(1);
        HubPort hub = _hub.Hub();
        _hub.Router.TrySetRoute(AttachmentOf(2, OtherHub), hub, out _);
        Send(hub, FrameType.Ack, a.Mid, 8, flags: 0x81, source: MidOf(2));
        Assert.Equal(0x01, Assert.Single(Out(a).Frames).Header.Flags);
    }

    [Fact]
    public void A_frame_of_a_member_that_hub_has_not_shown_is_dropped()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        HubPort hub = _hub.Hub(), third = _hub.Hub(MidOf(3000));
        _hub.Router.TrySetRoute(AttachmentOf(3, third.Mid), third, out _);
        foreach (Mid claimed in new[] { MidOf(9), b.Mid, MidOf(3) })
        {
            Send(hub, FrameType.Data, a.Mid, 5, flags: Router.RelayedMark, source: claimed);
        }
        Assert.Empty(Out(a).Frames);
        Assert.Equal(3, _hub.Router.Dropped(DropReason.SpoofedSource));
    }

    [Fact]
    public void An_announcement_counts_for_one_link_only()
    {
        MemberPort a = _hub.Member(1);
        HubPort before = _hub.Hub();
        _hub.Router.TrySetRoute(AttachmentOf(2, OtherHub), before, out _);
        HubPort after = _hub.Hub();
        Send(after, FrameType.Data, a.Mid, 5, flags: Router.RelayedMark, source: MidOf(2));
        Assert.Empty(Out(a).Frames);
        Assert.True(_hub.Router.TrySetRoute(AttachmentOf(2, OtherHub), after, out _));
        Send(after, FrameType.Data, a.Mid, 5, flags: Router.RelayedMark, source: MidOf(2));
        Assert.Single(Out(a).Frames);
    }

    [Fact]
    public void A_marked_frame_never_goes_on_to_a_third_hub()
    {
        HubPort hub = _hub.Hub(), third = _hub.Hub(MidOf(3000));
        _hub.Router.TrySetRoute(AttachmentOf(2, OtherHub), hub, out _);
        _hub.Router.TrySetRoute(AttachmentOf(3, third.Mid), third, out _);
        Send(hub, FrameType.Data, MidOf(3), 5, session: 77, flags: Router.RelayedMark, source: MidOf(2));
        Assert.Empty(Out(third).Frames);
        Assert.Equal(new FrameHeader(FrameType.Unreachable, FrameReason.UnknownMember, 0, MidOf(3), MidOf(2), 77, 0), Assert.Single(Out(hub).Frames).Header);
        Assert.Empty(_hub.Calls);
    }

    [Fact]
    public void An_unmarked_session_frame_from_a_hub_is_dropped()
    {
        MemberPort a = _hub.Member(1);
        HubPort hub = _hub.Hub();
        _hub.Router.TrySetRoute(AttachmentOf(2, OtherHub), hub, out _);
        Send(hub, FrameType.Data, a.Mid, 5, source: MidOf(2));
        Send(hub, FrameType.Data, a.Mid, 5, source: OtherHub);
        Assert.Empty(Out(a).Frames);
        Assert.Equal(2, _hub.Router.Dropped(DropReason.Loop));
    }

    [Fact]
    public void Own_member_without_a_link_is_offline_not_unknown()
    {
        HubPort hub = _hub.Hub();
        _hub.OwnMembers.Add(MidOf(5));
        _hub.Router.TrySetRoute(AttachmentOf(2, OtherHub), hub, out _);
        Send(hub, FrameType.Resume, MidOf(5), 9, flags: Router.RelayedMark, source: MidOf(2));
        Assert.Equal(FrameReason.PeerOffline, Assert.Single(Out(hub).Frames).Header.Reason);
    }

    [Fact]
    public void Unreachable_of_a_hub_is_believed_only_about_its_own_members_and_ends_the_route()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        HubPort hub = _hub.Hub(), third = _hub.Hub(MidOf(3000));
        _hub.Router.TrySetRoute(AttachmentOf(4, OtherHub), hub, out _);
        void Unreachable(HubPort from, Mid about) => from.OnFrame(from.Link, new FrameHeader(FrameType.Unreachable, FrameReason.PeerOffline, 0, about, a.Mid, 7, 0), default);
        Unreachable(third, MidOf(4));
        Unreachable(hub, b.Mid);
        Assert.Empty(Out(a).Frames);
        Assert.True(_hub.Router.TryGetRoute(MidOf(4), out _));
        Unreachable(hub, MidOf(4));
        Assert.Equal(MidOf(4), Assert.Single(Out(a).Frames).Header.Source);
        Assert.False(_hub.Router.TryGetRoute(MidOf(4), out _));
    }

    [Fact]
    public void The_newest_attachment_wins_whatever_the_order()
    {
        HubPort hub = _hub.Hub(), third = _hub.Hub(MidOf(3000));
        Assert.True(_hub.Router.TrySetRoute(AttachmentOf(4, third.Mid, 20), third, out _));
        Assert.False(_hub.Router.TrySetRoute(AttachmentOf(4, OtherHub, 10), hub, out _));
        Assert.True(_hub.Router.TryGetRoute(MidOf(4), out RemoteRoute? route));
        Assert.Equal(third.Mid, route.Hub);
        Assert.True(_hub.Router.TrySetRoute(AttachmentOf(4, OtherHub, 30), hub, out _));
        Assert.True(_hub.Router.TryGetRoute(MidOf(4), out route));
        Assert.Equal(OtherHub, route.Hub);
    }

    [Fact]
    public void A_member_that_attached_elsewhere_later_leaves_its_stale_link_here()
    {
        MemberPort a = _hub.Member(1, time: 100);
        HubPort hub = _hub.Hub();
        Assert.False(_hub.Router.TrySetRoute(AttachmentOf(1, OtherHub, 100), hub, out MemberPort? moved));
        Assert.Null(moved);
        Assert.True(_hub.Router.TrySetRoute(AttachmentOf(1, OtherHub, 101), hub, out moved));
        Assert.Same(a, moved);
    }

    [Fact]
    public void A_member_that_leaves_is_withdrawn_from_hubs_that_knew_of_it()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        HubPort hub = _hub.Hub();
        _hub.Router.TrySetRoute(AttachmentOf(4, OtherHub), hub, out _);
        Send(a, FrameType.Data, MidOf(4), 5);
        Assert.True(_hub.Router.Detach(a));
        Assert.True(_hub.Router.Detach(b));
        Assert.Equal([("withdraw", a.Mid)], _hub.Calls);
    }

    [Fact]
    public void One_hub_cannot_announce_without_bound()
    {
        RouterFixture small = new(new RelayLimits { RoutesPerHub = 3 });
        HubPort hub = small.Hub();
        for (int i = 0; i < 10; i++)
        {
            small.Router.TrySetRoute(AttachmentOf(100 + i, OtherHub), hub, out _);
        }
        Assert.Equal(3, small.Router.RouteCount);
        small.Router.RemoveRoute(MidOf(100), _ => true);
        Assert.True(small.Router.TrySetRoute(AttachmentOf(200, OtherHub), hub, out _));
        small.Router.RemoveRoutesOf(OtherHub);
        Assert.Equal(0, small.Router.RouteCount);
    }
}
