namespace Qanat.Wire.Sessions;

/// <summary>
/// Bytes a session may have under way. Links are TCP, so the only loss is a full queue in a hub (halve), and the only harm of a
/// large window is delay for what comes next: it doubles, later grows by a quarter, per round trip while the queueing delay is short, and
/// shrinks by an eighth while it is long. Delay that stays is looked into: the window is halved for two rounds. When the round trip does not
/// fall with it, the queue is not this session's and the path has become longer. Times are TimeSpan ticks.
/// </summary>
internal sealed class CongestionWindow(long initial, long max)
{
    private const long Min = 64 << 10;
    private const long GentleMin = 512 << 10;
    private const long ShortDelay = 2 * TimeSpan.TicksPerMillisecond;
    private const long LongDelay = 20 * TimeSpan.TicksPerMillisecond;
    private const long HugeDelay = 150 * TimeSpan.TicksPerMillisecond;
    private const long Step = 64 << 10;

    /// <summary>Rounds in a row with a delay too long, and with any delay, before a probe.</summary>
    private const int LongPatience = 8, Patience = 32;

    private const int ProbeRounds = 2;
    private bool _doubling = true;
    private long _overflowedAt = long.MaxValue;
    private int _slowRounds, _longRounds, _probeRoundsLeft;
    private long _sizeBeforeDelay, _sizeBeforeProbe, _roundTripBeforeProbe;
    private bool _limited;
    private long _roundEnd;
    private long _roundLeast = long.MaxValue;

    /// <summary>The window, in bytes.</summary>
    public long Size { get; private set; } = initial;

    /// <summary>The window, not the peer or the application, held bytes back in this round.</summary>
    public void MarkLimited() => _limited = true;

    /// <summary>Bytes up to <paramref name="acked"/> arrived; a round ends when all that was under way at its start has.</summary>
    /// <returns>The least round trip to go by from now on: <paramref name="leastRoundTrip"/>, or more when the path has become longer.</returns>
    public long OnAck(long acked, long next, long sample, long leastRoundTrip)
    {
        if (sample > 0)
        {
            _roundLeast = Math.Min(_roundLeast, sample);
        }
        if (acked < _roundEnd)
        {
            return leastRoundTrip;
        }
        if (_limited && _roundLeast != long.MaxValue)
        {
            leastRoundTrip = _probeRoundsLeft > 0 ? Probe(_roundLeast, leastRoundTrip) : Adapt(_roundLeast, leastRoundTrip);
        }
        _limited = false;
        _roundEnd = next;
        _roundLeast = long.MaxValue;
        return leastRoundTrip;
    }

    /// <summary>A queue overflowed on the way.</summary>
    public void OnLoss()
    {
        EndProbe(_sizeBeforeProbe);
        // The queue's size is known now: come near it quickly and then only feel for more.
        _doubling = false;
        _overflowedAt = Math.Max(Min, Size / 4 * 3);
        Size = Math.Max(Min, Size / 2);
    }

    /// <summary>Offsets under way were given up: the round ends with what goes out next.</summary>
    public void OnGoBack(long next) => (_roundEnd, _roundLeast) = (next, long.MaxValue);

    private long Adapt(long roundTrip, long leastRoundTrip)
    {
        long delay = roundTrip - leastRoundTrip;
        if (delay < Math.Max(ShortDelay, leastRoundTrip / 8))
        {
            _slowRounds = _longRounds = 0;
            Size = Math.Min(max, _doubling ? Size * 2 : Size < _overflowedAt ? Math.Min(Size + (Size / 4), _overflowedAt) : Size + Step);
            return leastRoundTrip;
        }
        if (_slowRounds++ == 0)
        {
            _sizeBeforeDelay = Size;
        }
        else
        {
            _doubling = false;
        }
        long tooLong = Size > GentleMin ? Math.Max(LongDelay, leastRoundTrip / 2) : HugeDelay;
        if (delay > tooLong)
        {
            _longRounds++;
            Size = Math.Max(Min, Size - (Size / 8));
        }
        if (_longRounds >= LongPatience || _slowRounds >= Patience)
        {
            (_sizeBeforeProbe, _roundTripBeforeProbe, _probeRoundsLeft) = (Size, roundTrip, ProbeRounds);
            Size = Math.Max(Min, Size / 2);
        }
        return leastRoundTrip;
    }

    private long Probe(long roundTrip, long leastRoundTrip)
    {
        // The first round still acknowledges what went out under the whole window.
        if (_probeRoundsLeft > 1)
        {
            _probeRoundsLeft--;
            return leastRoundTrip;
        }
        bool isOwnQueue = roundTrip < _roundTripBeforeProbe / 4 * 3;
        EndProbe(isOwnQueue ? _sizeBeforeProbe : _sizeBeforeDelay);
        return isOwnQueue ? leastRoundTrip : roundTrip;
    }

    private void EndProbe(long size)
    {
        if (_probeRoundsLeft > 0)
        {
            _probeRoundsLeft = 0;
            Size = size;
        }
        _slowRounds = _longRounds = 0;
    }
}
