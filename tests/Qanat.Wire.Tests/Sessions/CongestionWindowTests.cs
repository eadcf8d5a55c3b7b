using Qanat.Wire.Sessions;

namespace Qanat.Wire.Tests.Sessions;

/// <summary>The window over a model of a path, one step a round: the round trip is that of the path, or what the bottleneck needs for a window.</summary>
public sealed class CongestionWindowTests
{
    private const long Max = 64L << 20;
    private long _offset;

    [Fact]
    public void A_path_that_becomes_longer_gets_its_window_back()
    {
        Path path = new(Milliseconds: 40, BytesPerSecond: 400e6);
        CongestionWindow window = new(1 << 20, Max);
        long least = Run(window, path, 40, 0);
        long before = window.Size;
        least = Run(window, path with { Milliseconds = 200 }, 100, least);
        Assert.Equal(TimeSpan.FromMilliseconds(200).Ticks, least);
        Assert.InRange(window.Size, before, Max);
    }

    [Theory]
    [InlineData(40, 60)] // A little more than the window takes for its own.
    [InlineData(40, 50)]
    [InlineData(5, 300)]
    public void A_path_that_becomes_a_little_longer_does_not_stop_growth(double before, double after)
    {
        Path path = new(before, BytesPerSecond: 400e6);
        CongestionWindow window = new(1 << 20, Max);
        long least = Run(window, path, 1, 0);
        least = Run(window, path with { Milliseconds = after }, 120, least);
        Assert.Equal(TimeSpan.FromMilliseconds(after).Ticks, least);
        Assert.InRange(window.Size, Math.Min(Max, (long)(400e6 * after / 1000 * 0.75)), Max);
    }

    [Theory]
    [InlineData(40, 10e6)]
    [InlineData(1, 100e6)]
    [InlineData(200, 2e6)]
    [InlineData(20, 200e3)]
    public void Its_own_queue_is_never_taken_for_the_path(double milliseconds, double bytesPerSecond)
    {
        Path path = new(milliseconds, bytesPerSecond);
        CongestionWindow window = new(1 << 20, Max);
        long least = path.RoundTrip(1);
        for (int round = 0; round < 2000; round++)
        {
            least = Run(window, path, 1, least);
            Assert.InRange(least, path.RoundTrip(1), path.RoundTrip(Math.Max(65536, (long)(milliseconds / 1000 * bytesPerSecond))) * 5 / 4);
        }
    }

    [Fact]
    public void A_huge_window_on_a_path_that_becomes_slow_drains_its_queue()
    {
        CongestionWindow window = new(1 << 20, Max);
        long least = Run(window, new Path(40, 1e9), 40, 0);
        Assert.InRange(window.Size, 20 << 20, Max);
        Path slow = new(40, 1e6);
        least = Run(window, slow, 200, least);
        Assert.InRange(least, 0, TimeSpan.FromMilliseconds(80).Ticks);
        Assert.InRange(slow.RoundTrip(window.Size), 0, TimeSpan.FromMilliseconds(700).Ticks);
    }

    private long Run(CongestionWindow window, Path path, int rounds, long least)
    {
        for (int i = 0; i < rounds; i++)
        {
            window.MarkLimited();
            long sample = path.RoundTrip(window.Size);
            least = least == 0 ? sample : Math.Min(least, sample);
            long acked = _offset;
            _offset += window.Size;
            least = window.OnAck(acked, _offset, sample, least);
        }
        return least;
    }

    private sealed record Path(double Milliseconds, double BytesPerSecond)
    {
        public long RoundTrip(long bytes) => (long)(Math.Max(Milliseconds / 1000, bytes / BytesPerSecond) * TimeSpan.TicksPerSecond);
    }
}
