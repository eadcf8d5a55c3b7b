using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Qanat.Tunnel.Links;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>Half-open links are found by the monotonic clock alone.</summary>
public sealed class LinkHeartbeatTests
{
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Pulled_cable_is_found_within_two_heartbeats_at_both_ends()
    {
        FakeTimeProvider time = new(DateTimeOffset.UtcNow);
        using ForwardProxy wire = new();
        await using LinkWorld world = new(time: time);
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync(new LinkTarget { Address = world.Address, HttpProxy = new Uri($"http://127.0.0.1:{wire.Port}") });
        dialed.Link.Start(new RecordingHandler(), null);
        accepted.Link.Start(new RecordingHandler(), null);
        wire.Freeze();
        time.Advance(s_heartbeat / 2);
        time.Advance(s_heartbeat / 2);
        Assert.False(dialed.Link.Completion.IsCompleted);
        time.Advance(s_heartbeat / 2);
        time.Advance(s_heartbeat / 2);
        Assert.Equal(LinkCloseCause.HeartbeatLost, (await dialed.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
        Assert.Equal(LinkCloseCause.HeartbeatLost, (await accepted.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
    }

    [Fact]
    public async Task Idle_link_lives_on_whatever_the_wall_clock_does()
    {
        JumpingClock time = new();
        await using LinkWorld world = new(time: time);
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync();
        RecordingHandler atNode = new();
        RecordingHandler atHub = new();
        dialed.Link.Start(atNode, null);
        accepted.Link.Start(atHub, null);
        for (int i = 0; i < 40; i++)
        {
            long node = atNode.WireBytes;
            long hub = atHub.WireBytes;
            time.WallOffset = TimeSpan.FromHours(i % 2 == 0 ? 10 : -10);
            time.Monotonic.Advance(s_heartbeat / 2);
            // Each end asks and answers: wait until both have been heard before time goes on.
            await LinkWorld.UntilAsync(() => atNode.WireBytes > node && atHub.WireBytes > hub);
        }
        Assert.False(dialed.Link.Completion.IsCompleted);
        Assert.False(accepted.Link.Completion.IsCompleted);
        Assert.True(atNode.IsEmpty);
        Assert.True(atHub.IsEmpty);
        await dialed.Link.DisposeAsync();
        await accepted.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Heartbeat_of_the_welcome_measures_the_round_trip()
    {
        await using LinkWorld world = new();
        world.Admit = _ => new LinkAdmission { HeartbeatSeconds = 3 };
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync();
        long start = Stopwatch.GetTimestamp();
        RecordingHandler atNode = new();
        dialed.Link.Start(atNode, null);
        accepted.Link.Start(new RecordingHandler(), null);
        await LinkWorld.UntilAsync(() => dialed.Link.RoundTrip > TimeSpan.Zero);
        Assert.InRange(dialed.Link.RoundTrip, TimeSpan.FromTicks(1), Stopwatch.GetElapsedTime(start));
        await dialed.Link.DisposeAsync();
        await accepted.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Frozen_link_that_is_closed_still_ends()
    {
        using ForwardProxy wire = new();
        await using LinkWorld world = new();
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync(new LinkTarget { Address = world.Address, HttpProxy = new Uri($"http://127.0.0.1:{wire.Port}") });
        dialed.Link.Start(new RecordingHandler(), null);
        wire.Freeze();
        await dialed.Link.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(LinkCloseCause.Local, (await dialed.Link.Completion).Cause);
        // Never started, and its peer is gone: disposing it ends too.
        await accepted.Link.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>A clock whose wall time can be set while its timestamps and timers run on.</summary>
    private sealed class JumpingClock : TimeProvider
    {
        public FakeTimeProvider Monotonic { get; } = new(DateTimeOffset.UtcNow);

        public TimeSpan WallOffset { get; set; }

        public override long TimestampFrequency => Monotonic.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => Monotonic.GetUtcNow() + WallOffset;

        public override long GetTimestamp() => Monotonic.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            Monotonic.CreateTimer(callback, state, dueTime, period);
    }
}
