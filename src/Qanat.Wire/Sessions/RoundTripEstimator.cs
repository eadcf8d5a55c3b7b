namespace Qanat.Wire.Sessions;

/// <summary>Round-trip samples of a session from marks on sent offsets (RFC 6298 smoothing, Karn's rule). Times are TimeSpan ticks.</summary>
internal sealed class RoundTripEstimator
{
    private const int Marks = 32;
    private const long Epoch = 10 * TimeSpan.TicksPerSecond;
    private long _epochStart, _leastOfEpoch, _leastOfEpochBefore;
    private long[]? _offsets;
    private long[]? _times;
    private int _first;
    private int _count;

    /// <summary>Smoothed round trip; 0 before the first sample.</summary>
    public long Smoothed { get; private set; }

    /// <summary>Least round trip since the last change of path; 0 before the first sample.</summary>
    public long Least { get; private set; }

    /// <summary>Least round trip of the last 10 to 20 seconds; 0 before the first sample. For the side that only receives, which cannot look into a delay.</summary>
    public long RecentLeast => _leastOfEpochBefore == 0 ? _leastOfEpoch : Math.Min(_leastOfEpoch, _leastOfEpochBefore);

    /// <summary>Remembers when fresh bytes up to <paramref name="endOffset"/> went out, at most one mark each <paramref name="spacing"/> bytes.</summary>
    public void MarkSent(long endOffset, long now, long spacing)
    {
        _offsets ??= new long[Marks];
        _times ??= new long[Marks];
        if (_count > 0)
        {
            int last = (_first + _count - 1) % Marks;
            if (_count == Marks || endOffset - _offsets[last] < spacing)
            {
                return;
            }
        }
        int slot = (_first + _count) % Marks;
        _offsets[slot] = endOffset;
        _times[slot] = now;
        _count++;
    }

    /// <summary>Takes the sample that an acknowledgement up to <paramref name="acked"/> gives; 0 when it gives none.</summary>
    public long OnAck(long acked, long now)
    {
        long sent = -1;
        while (_count > 0 && _offsets![_first] <= acked)
        {
            sent = _times![_first];
            _first = (_first + 1) % Marks;
            _count--;
        }
        if (sent < 0)
        {
            return 0;
        }
        long sample = Math.Max(1, now - sent);
        Add(sample, now);
        return sample;
    }

    public void Add(long sample, long now)
    {
        if (_leastOfEpoch == 0 || now - _epochStart > Epoch)
        {
            (_leastOfEpochBefore, _leastOfEpoch, _epochStart) = (_leastOfEpoch, sample, now);
        }
        _leastOfEpoch = Math.Min(_leastOfEpoch, sample);
        Smoothed = Smoothed == 0 ? sample : Smoothed + ((sample - Smoothed) / 8);
        Least = Least == 0 ? sample : Math.Min(Least, sample);
    }

    /// <summary>Takes over what the congestion window found: the path may become longer without a new link here.</summary>
    public void GoBy(long least) => Least = least;

    /// <summary>Bytes will be sent again: marks no longer say which sending was acknowledged.</summary>
    public void DropMarks() => _count = 0;

    /// <summary>The path changed: the least round trip starts anew.</summary>
    public void PathChanged()
    {
        DropMarks();
        Least = _leastOfEpoch = _leastOfEpochBefore = 0;
    }
}
