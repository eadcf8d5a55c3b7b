using CsCheck;
using Qanat.Wire.Sessions;

namespace Qanat.Wire.Tests.Sessions;

public sealed class HostileNetworkTests
{
    /// <summary>Four queues of at most one window and backlog each, and a block of slack for each.</summary>
    private static readonly long s_memoryBound =
        4 * (HostileNetwork.Settings.MaxWindow + HostileNetwork.Settings.Backlog + SessionMemory.BlockSize);

    [Fact]
    public void Bytes_arrive_exactly_over_a_network_that_loses_doubles_swaps_and_cuts_links() =>
        Gen.Select(Gen.Int, Gen.Double[0, 0.15], Gen.Double[0, 0.3], Gen.Double[0, 0.3], Gen.Double[0, 2], Gen.Int[0, 1_500_000], Gen.Int[0, 400_000])
        .Sample((seed, drop, twice, swap, cuts, fromA, fromB) =>
        {
            HostileNetwork network = new(seed, new Hostility { Drop = drop, Double = twice, Swap = swap, LinkLoss = cuts }, fromA, fromB);
            network.Run();
            AssertExact(network.A);
            AssertExact(network.B);
            Assert.InRange(network.LargestMemory, 0, s_memoryBound);
            Assert.Equal(0, network.Memory.BlockBytesInUse);
        }, iter: 150);

    [Fact]
    public void Changed_frames_end_in_a_typed_reason_or_in_delivery() =>
        Gen.Select(Gen.Int, Gen.Double[0, 0.05], Gen.Double[0, 0.05]).Sample((seed, truncate, flip) =>
        {
            HostileNetwork network = new(seed, new Hostility { Truncate = truncate, Flip = flip, Drop = 0.02, LinkLoss = 0.5 }, 300_000, 300_000);
            network.Run();
            foreach (HostileNetwork.Side side in new[] { network.A, network.B })
            {
                if (side.Session is { } session)
                {
                    Assert.Equal(SessionPhase.Ended, session.Phase);
                    Assert.NotEqual(FrameReason.None, session.EndReason);
                }
            }
            Assert.InRange(network.LargestMemory, 0, s_memoryBound);
        }, iter: 150);

    [Fact]
    public void A_dead_direction_ends_both_sides_after_the_grace_time() =>
        Gen.Int.Sample(seed =>
        {
            HostileNetwork network = new(seed, new Hostility { OneWayDeadFrom = TimeSpan.FromMilliseconds(60) }, 5_000_000, 5_000_000);
            network.Run();
            Assert.Equal(FrameReason.GraceExpired, network.A.Session!.EndReason);
            Assert.Equal(FrameReason.GraceExpired, network.B.Session!.EndReason);
            Assert.InRange(network.Now, HostileNetwork.Settings.Grace.Ticks, 3 * HostileNetwork.Settings.Grace.Ticks);
        }, iter: 20);

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        Hostility hostility = new() { Drop = 0.1, Double = 0.1, Swap = 0.1, LinkLoss = 20 };
        HostileNetwork first = new(42, hostility, 1_000_000, 300_000);
        HostileNetwork second = new(42, hostility, 1_000_000, 300_000);
        first.Run();
        second.Run();
        Assert.Equal(first.Now, second.Now);
        Assert.Equal(first.A.Session!.Counters, second.A.Session!.Counters);
        Assert.True(first.A.Session.Counters.Resumes > 0);
    }

    [Fact]
    public void A_clean_network_sends_every_byte_once()
    {
        HostileNetwork network = new(1, new Hostility(), 20_000_000, 1_000_000);
        network.Run();
        AssertExact(network.A);
        AssertExact(network.B);
        Assert.Equal(0, network.A.Session!.Counters.BytesRetransmitted);
        Assert.Equal(0, network.B.Session!.Counters.BytesRetransmitted);
        Assert.True(network.A.Session.CongestionBytes > HostileNetwork.Settings.InitialWindow, "the window grows at 10 ms round trip");
    }

    private static void AssertExact(HostileNetwork.Side side)
    {
        Assert.Equal(FrameReason.Normal, side.Session!.EndReason);
        Assert.True(side.SawEndOfStream);
        Assert.True(side.Got.AsSpan().SequenceEqual(side.Peer.Sent), "what was read is what was written");
    }
}
