namespace Qanat.Wire.Sessions;

/// <summary>Receive window of a session: doubles when the application keeps up with a window per few round trips and memory allows. Times are TimeSpan ticks.</summary>
internal sealed class ReceiveWindow(long initial, long max, SessionMemory memory)
{
    private const long ShortestRoundTrip = TimeSpan.TicksPerMillisecond / 2;
    private const long UnknownRoundTrip = 50 * TimeSpan.TicksPerMillisecond;
    private long _epochStart;
    private long _epochBytes;
    private long _reserved;

    /// <summary>The window, in bytes.</summary>
    public long Size { get; private set; } = initial;

    /// <summary>The application consumed bytes and left <paramref name="unread"/>: with a queue of unread bytes it is the slow part, and a larger window only adds delay.</summary>
    public void OnConsumed(long bytes, long unread, long now, long leastRoundTrip)
    {
        if (_epochBytes == 0)
        {
            _epochStart = now;
        }
        _epochBytes += bytes;
        if (_epochBytes < Size / 2)
        {
            return;
        }
        long roundTrip = leastRoundTrip == 0 ? UnknownRoundTrip : Math.Max(ShortestRoundTrip, leastRoundTrip);
        if (now - _epochStart <= 2 * roundTrip && unread < Size / 4 && Size < max)
        {
            long larger = Math.Min(max, Size * 2);
            if (memory.TryReserve(larger - Size))
            {
                _reserved += larger - Size;
                Size = larger;
            }
        }
        _epochBytes = 0;
    }

    public void Release()
    {
        memory.Release(_reserved);
        _reserved = 0;
    }
}
