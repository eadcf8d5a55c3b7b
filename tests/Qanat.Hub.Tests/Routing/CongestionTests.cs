using CsCheck;
using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using static Qanat.Hub.Tests.Routing.RouterFixture;

namespace Qanat.Hub.Tests.Routing;

public sealed class CongestionTests
{
    private const int Limit = 4 << 20;
    private readonly RouterFixture _hub = new();

    [Fact]
    public void Frames_that_wait_for_a_route_leave_room_for_other_members()
    {
        RouterFixture fixture = new();
        RelayLimits limits = new();
        PendingFrames pending = new(limits);
        MemberPort flood = fixture.Member(1), other = fixture.Member(2);
        for (int i = 0; i < 2 * limits.PendingFrames; i++)
        {
            pending.Keep(flood, RouterFixture.Header(FrameType.Open, flood.Mid, RouterFixture.MidOf(100 + (i / 16)), (ulong)i), default);
        }
        Assert.Equal(limits.PendingFramesPerMember, pending.Count);
        pending.Keep(other, RouterFixture.Header(FrameType.Open, other.Mid, RouterFixture.MidOf(99)), default);
        Assert.Single(pending.Take(RouterFixture.MidOf(99)));
        // What was taken makes room again, to the last frame.
        Assert.Equal(16, pending.Take(RouterFixture.MidOf(100)).Count);
        for (int i = 0; i < 100; i++)
        {
            pending.Keep(flood, RouterFixture.Header(FrameType.Open, flood.Mid, RouterFixture.MidOf(90), (ulong)(i % 16)), default);
            pending.Keep(flood, RouterFixture.Header(FrameType.Open, flood.Mid, RouterFixture.MidOf(91), (ulong)i), default);
        }
        Assert.Equal(limits.PendingFramesPerMember, pending.Count);
        Assert.Equal(16, pending.Take(RouterFixture.MidOf(90)).Count + pending.Take(RouterFixture.MidOf(91)).Count);
    }

    [Fact]
    public void A_full_queue_drops_counts_and_stays_bounded()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        for (int i = 0; i < 1000; i++)
        {
            Send(a, FrameType.Data, b.Mid, 16384);
        }
        Assert.InRange(Out(b).QueuedBytes, Limit / 2, Limit);
        Assert.Equal(1000 - Out(b).Frames.Count, _hub.Router.Dropped(DropReason.OverShare) + _hub.Router.Dropped(DropReason.Congested));
        Assert.True(_hub.Router.Dropped(DropReason.OverShare) > 500);
    }

    [Fact]
    public void A_newcomer_finds_room_in_a_queue_that_another_has_filled()
    {
        MemberPort greedy = _hub.Member(1), modest = _hub.Member(2), target = _hub.Member(3);
        for (int i = 0; i < 1000; i++)
        {
            Send(greedy, FrameType.Data, target.Mid, 16384);
        }
        int before = Out(target).Frames.Count;
        for (int i = 0; i < 10; i++)
        {
            Send(modest, FrameType.Data, target.Mid, 16384);
        }
        Send(greedy, FrameType.Data, target.Mid, 16384);
        Assert.Equal(before + 10, Out(target).Frames.Count);
    }

    [Fact]
    public void Two_floods_share_a_draining_queue_evenly()
    {
        MemberPort one = _hub.Member(1), two = _hub.Member(2), target = _hub.Member(3);
        // Three times as fast as the other, and both faster than the wire.
        for (int i = 0; i < 20000; i++)
        {
            Send(i % 4 == 0 ? two : one, FrameType.Data, target.Mid, 16384);
            Out(target).Drain(4000);
        }
        int fromOne = Out(target).Frames.Count(f => f.Header.Source == one.Mid);
        int fromTwo = Out(target).Frames.Count(f => f.Header.Source == two.Mid);
        Assert.InRange((double)fromOne / fromTwo, 0.8, 1.25);
    }

    [Fact]
    public void Acknowledgements_pass_when_data_is_already_dropped()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        for (int i = 0; i < 1000; i++)
        {
            Send(a, FrameType.Data, b.Mid, 16384);
        }
        int before = Out(b).Frames.Count;
        Send(a, FrameType.Ack, b.Mid, 8);
        Assert.Equal(before + 1, Out(b).Frames.Count);
    }

    [Fact]
    public void The_queue_quota_bounds_one_member()
    {
        MemberPort a = _hub.Member(1, new MemberQuotas(QueueBytes: 200_000)), b = _hub.Member(2);
        for (int i = 0; i < 100; i++)
        {
            Send(a, FrameType.Data, b.Mid, 16384);
        }
        Assert.InRange(Out(b).QueuedBytes, 150_000, 420_000);
    }

    [Fact]
    public void Accounting_never_lets_a_queue_beyond_its_limit_nor_forgets_a_flow() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[1, 65536], Gen.Int[0, 200000]).Array[1, 300].Sample(steps =>
        {
            FairShare share = new(Limit);
            long enqueued = 0, queued = 0;
            foreach ((int flow, int bytes, int drained) in steps)
            {
                if (share.TryAdmit(MidOf(flow), bytes, enqueued, queued, FairShare.DataWeight, long.MaxValue) && queued + bytes <= Limit)
                {
                    enqueued += bytes;
                    queued += bytes;
                }
                queued -= Math.Min(queued, drained);
                Assert.InRange(queued, 0, Limit);
            }
            // Once all is gone nobody is held to anything.
            Assert.True(share.TryAdmit(MidOf(0), 65536, enqueued + Limit, 0, FairShare.DataWeight, long.MaxValue));
        });

    [Fact]
    public void Flow_accounting_is_bounded_against_endless_sources()
    {
        FairShare share = new(Limit);
        for (int i = 0; i < 20000; i++)
        {
            share.TryAdmit(MidOf(i), 100, (long)i * 100, 2 << 20, FairShare.DataWeight, long.MaxValue);
        }
        Assert.InRange(share.FlowCount, 1, 4096 * 6);
    }

    [Fact]
    public async Task Over_the_byte_quota_only_the_greedy_members_reading_pauses()
    {
        MemberPort greedy = _hub.Member(1, new MemberQuotas(BytesPerSecond: 100_000)), modest = _hub.Member(2, new MemberQuotas(BytesPerSecond: 100_000));
        Assert.True(ReadAsync(greedy, 60_000).IsCompletedSuccessfully);
        Task paused = ReadAsync(greedy, 60_000);
        Assert.False(paused.IsCompleted);
        Assert.True(ReadAsync(modest, 60_000).IsCompletedSuccessfully);
        _hub.Time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.False(paused.IsCompleted);
        _hub.Time.Advance(TimeSpan.FromMilliseconds(200));
        await paused;
    }

    [Fact]
    public async Task The_byte_quota_holds_over_time()
    {
        MemberPort greedy = _hub.Member(1, new MemberQuotas(BytesPerSecond: 100_000));
        long read = 0;
        DateTimeOffset start = _hub.Time.GetUtcNow();
        while (_hub.Time.GetUtcNow() - start < TimeSpan.FromSeconds(60))
        {
            Task pause = ReadAsync(greedy, 50_000);
            read += 50_000;
            while (!pause.IsCompleted)
            {
                _hub.Time.Advance(TimeSpan.FromMilliseconds(10));
                await Task.Yield();
            }
            await pause;
        }
        Assert.InRange(read, 5_900_000, 6_300_000);
    }

    [Fact]
    public async Task A_link_that_ends_does_not_wait_for_its_pause()
    {
        MemberPort greedy = _hub.Member(1, new MemberQuotas(BytesPerSecond: 20_000));
        Task paused = ReadAsync(greedy, 1_000_000);
        Assert.False(paused.IsCompleted);
        Assert.True(greedy.Meter.DropsData);
        await greedy.Link.CloseAsync(Qanat.Tunnel.Links.LinkCloseCause.Local);
        await paused.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Quotas_changed_live_take_effect_at_once()
    {
        MemberPort member = _hub.Member(1, new MemberQuotas(BytesPerSecond: 20_000));
        Assert.False(ReadAsync(member, 1_000_000).IsCompleted);
        member.Meter.Quotas = MemberQuotas.Unlimited;
        Assert.True(ReadAsync(member, 1_000_000).IsCompletedSuccessfully);
        Assert.False(member.Meter.DropsData);
    }

    [Fact]
    public async Task Reading_waits_for_a_crowded_link_that_drains_but_not_for_one_that_stands()
    {
        MemberPort a = _hub.Member(1), b = _hub.Member(2);
        while (!b.Crowded)
        {
            Send(a, FrameType.Data, b.Mid, 65536);
        }
        Send(a, FrameType.Data, b.Mid, 65536);
        Task held = ReadAsync(a, 65536);
        Assert.False(held.IsCompleted);
        Out(b).Drain();
        _hub.Time.Advance(TimeSpan.FromMilliseconds(1));
        await held.WaitAsync(TimeSpan.FromSeconds(60));

        while (!b.Crowded)
        {
            Send(a, FrameType.Data, b.Mid, 65536);
        }
        Send(a, FrameType.Data, b.Mid, 65536);
        held = ReadAsync(a, 65536);
        _hub.Time.Advance(TimeSpan.FromMilliseconds(1));
        await held.WaitAsync(TimeSpan.FromSeconds(60));
    }
}
