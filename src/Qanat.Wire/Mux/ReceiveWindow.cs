namespace Qanat.Wire.Mux;

/// <summary>
/// Receiver's side of one direction's credit: what the peer may still send, what waits to be read, and how large the window is.
/// Invariant: credit + unread never exceeds the window, or the window it had before it shrank.
/// </summary>
internal struct ReceiveWindow
{
    private long _epochStart;
    private long _epochRead;

    public ReceiveWindow()
    {
    }

    /// <summary>Bytes the peer may still send.</summary>
    public long Credit { get; private set; } = MuxLimits.InitialWindow;

    /// <summary>Bytes received and not read.</summary>
    public long Unread { get; private set; }

    /// <summary>Window size aimed at.</summary>
    public int Size { get; private set; } = MuxLimits.InitialWindow;

    /// <summary>Absolute offset up to which the peer may send.</summary>
    public ulong Limit { get; private set; } = MuxLimits.InitialWindow;

    /// <summary>Absolute offset received.</summary>
    public readonly ulong Received => Limit - (ulong)Credit;

    /// <summary>Takes arriving bytes; false when they exceed the credit.</summary>
    public bool TryReceive(int bytes, long now, TunnelMemory memory)
    {
        if (bytes > Credit)
        {
            return false;
        }
        if (_epochStart == 0)
        {
            _epochStart = now;
        }
        Credit -= bytes;
        Unread += bytes;
        memory.Unread += bytes;
        return true;
    }

    /// <summary>The application has read bytes; returns the credit to grant now, 0 when it is not yet worth a frame.</summary>
    public int Read(long bytes, long now, long roundTrip, int maxWindow, TunnelMemory memory)
    {
        Unread -= bytes;
        memory.Unread -= bytes;
        Tune(bytes, now, roundTrip, maxWindow, memory);
        long grant = Size - Credit - Unread;
        if (grant < Size / 2)
        {
            return 0;
        }
        Credit += grant;
        Limit += (ulong)grant;
        return (int)grant;
    }

    /// <summary>The connection is gone: gives its share of the tunnel's memory back.</summary>
    public void Release(TunnelMemory memory)
    {
        memory.Unread -= Unread;
        memory.ExtraWindows -= Size - MuxLimits.InitialWindow;
        Unread = 0;
        Size = MuxLimits.InitialWindow;
    }

    private void Tune(long bytes, long now, long roundTrip, int maxWindow, TunnelMemory memory)
    {
        if (memory.IsAbove)
        {
            memory.ExtraWindows -= Size - MuxLimits.InitialWindow;
            Size = MuxLimits.InitialWindow;
            _epochRead = 0;
            _epochStart = now;
            return;
        }
        _epochRead += bytes;
        if (_epochRead < Size)
        {
            return;
        }
        // From one full window read to the next: a reader that comes late and takes all at once is slow all the same.
        int larger = Math.Min(Size * 2, maxWindow);
        if (now - _epochStart <= 2 * roundTrip && larger > Size && memory.TryGrow(larger - Size))
        {
            Size = larger;
        }
        _epochRead = 0;
        _epochStart = now;
    }
}

/// <summary>What all connections of one tunnel hold together.</summary>
internal sealed class TunnelMemory(long cap)
{
    /// <summary>Bytes received and not read.</summary>
    public long Unread;

    /// <summary>Window sizes beyond the start size.</summary>
    public long ExtraWindows;

    /// <summary>Above the cap: windows fall back to the start size.</summary>
    public bool IsAbove => Unread + ExtraWindows > cap;

    /// <summary>Far above the cap: who receives more is reset.</summary>
    public bool IsFarAbove => Unread > 2 * cap;

    public bool TryGrow(int bytes)
    {
        if (Unread + ExtraWindows + bytes > cap)
        {
            return false;
        }
        ExtraWindows += bytes;
        return true;
    }
}

/// <summary>
/// Round trip of credit: the time from granting bytes to the first byte that needed the grant. Exact when the sender was waiting
/// for it, too long otherwise; so the least of the last 10 to 20 seconds counts. Times are in 100 ns ticks.
/// </summary>
internal struct CreditRoundTrip
{
    private const long Epoch = 10 * TimeSpan.TicksPerSecond;
    private long _least, _leastBefore, _epochStart, _grantedAt;
    private MuxChannel? _probe;
    private ulong _probeLimit;

    /// <summary>The estimate; 0 before the first sample.</summary>
    public readonly long Ticks => _least == 0 ? _leastBefore : _leastBefore == 0 ? _least : Math.Min(_least, _leastBefore);

    public void Granted(MuxChannel channel, ulong limitBefore, long now)
    {
        // A probe whose answer never comes (its sender went quiet) must not block new ones.
        if (_probe is null || now - _grantedAt > Epoch)
        {
            (_probe, _probeLimit, _grantedAt) = (channel, limitBefore, now);
        }
    }

    public void Received(MuxChannel channel, ulong offset, long now)
    {
        if (!ReferenceEquals(_probe, channel) || offset <= _probeLimit)
        {
            return;
        }
        _probe = null;
        long sample = Math.Max(1, now - _grantedAt);
        if (now - _epochStart > Epoch)
        {
            (_leastBefore, _least, _epochStart) = (_least, 0, now);
        }
        _least = _least == 0 ? sample : Math.Min(_least, sample);
    }

    public void Forget(MuxChannel channel)
    {
        if (ReferenceEquals(_probe, channel))
        {
            _probe = null;
        }
    }
}
