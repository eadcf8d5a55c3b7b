using Qanat.Wire;

namespace Qanat.Hub.Quotas;

/// <summary>
/// Enforces one member's quotas and counts its bytes. Outlives the member's links, so that reconnecting does not refill a bucket.
/// Thread-safe; the quotas may be changed live.
/// </summary>
internal sealed class MemberMeter
{
    /// <summary>Longest single pause of reading; the rest of the debt is carried on, so that heartbeats still get through.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private const int MostSessions = 65536;
    private readonly Lock _lock = new();
    private readonly TokenBucket _bytes;
    private readonly TokenBucket _opens;
    private readonly SessionTable _sessions;
    private readonly TimeProvider _time;
    private MemberQuotas _quotas;
    private (Mid Peer, ulong Session) _lastTouched;
    private long _lastTouch;
    private long _bytesFrom;
    private long _bytesTo;
    private long _savedFrom;
    private long _savedTo;
    private volatile bool _inDebt;

    /// <summary>Creates the meter with full buckets.</summary>
    public MemberMeter(MemberQuotas quotas, TimeProvider time)
    {
        (_quotas, _time) = (quotas, time);
        _bytes = new TokenBucket(quotas.BytesPerSecond, Burst(quotas), time);
        _opens = new TokenBucket(quotas.OpensPerSecond, quotas.OpensPerSecond, time);
        _sessions = new SessionTable(time);
    }

    /// <summary>The quotas in force; setting them takes effect at once.</summary>
    public MemberQuotas Quotas
    {
        get => Volatile.Read(ref _quotas);
        set
        {
            lock (_lock)
            {
                Volatile.Write(ref _quotas, value);
                _bytes.Change(value.BytesPerSecond, Burst(value));
                _opens.Change(value.OpensPerSecond, value.OpensPerSecond);
                _inDebt = false;
            }
        }
    }

    /// <summary>Bytes read from the member's links since this meter was made.</summary>
    public long BytesFrom => Volatile.Read(ref _bytesFrom);

    /// <summary>Bytes queued to the member's links since this meter was made.</summary>
    public long BytesTo => Volatile.Read(ref _bytesTo);

    /// <summary>Bytes counted and not yet taken by <see cref="TakeUnsaved"/>.</summary>
    public (long From, long To) Unsaved { get { lock (_lock) return (BytesFrom - _savedFrom, BytesTo - _savedTo); } }

    /// <summary>Sessions counted against the quota.</summary>
    public int Sessions { get { lock (_lock) return _sessions.Count; } }

    /// <summary>True while the debt is longer than one pause: DATA is dropped then, or a small quota could not hold.</summary>
    public bool DropsData => _inDebt;

    /// <summary>Bytes of this member's frames that one queue may hold.</summary>
    public long QueueCap => Quotas.QueueBytes is > 0 and long cap ? cap : long.MaxValue;

    /// <summary>Charges what one read took off the member's link.</summary>
    /// <returns>How long its reading must pause.</returns>
    public TimeSpan ChargeRead(int wireBytes)
    {
        Interlocked.Add(ref _bytesFrom, wireBytes);
        if (Quotas.BytesPerSecond == 0)
        {
            return TimeSpan.Zero;
        }
        lock (_lock)
        {
            TimeSpan debt = _quotas.BytesPerSecond == 0 ? TimeSpan.Zero : _bytes.Charge(wireBytes);
            _inDebt = debt > LongestPause;
            return _inDebt ? LongestPause : debt;
        }
    }

    /// <summary>Counts bytes queued to the member.</summary>
    public void CountTo(int bytes) => Interlocked.Add(ref _bytesTo, bytes);

    /// <summary>The member opens a session. A repeated OPEN costs nothing.</summary>
    /// <returns>False when a quota is used up.</returns>
    public bool TryOpen(Mid peer, ulong session)
    {
        lock (_lock)
        {
            if (_quotas is { Sessions: 0, OpensPerSecond: 0 })
            {
                return true;
            }
            if (_sessions.Contains(peer, session))
            {
                _sessions.Touch(peer, session);
                return true;
            }
            if (_quotas.OpensPerSecond > 0 && !_opens.TryTake(1))
            {
                return false;
            }
            return _sessions.TryAdd(peer, session, _quotas.Sessions == 0 ? MostSessions : _quotas.Sessions) || _quotas.Sessions == 0;
        }
    }

    /// <summary>A session frame of the member passed (either direction): keeps the session table true.</summary>
    public void Observe(FrameType type, Mid peer, ulong session)
    {
        if (Quotas is { Sessions: 0, OpensPerSecond: 0 })
        {
            return;
        }
        lock (_lock)
        {
            switch (type)
            {
                case FrameType.Reset or FrameType.Reject:
                    _sessions.Remove(peer, session);
                    break;
                case FrameType.Close:
                    _sessions.Closing(peer, session);
                    break;
                case FrameType.Ack or FrameType.Data:
                    // Bulk traffic: once a second is enough.
                    if (_lastTouched != (peer, session) || _time.GetElapsedTime(_lastTouch) >= TimeSpan.FromSeconds(1))
                    {
                        (_lastTouched, _lastTouch) = ((peer, session), _time.GetTimestamp());
                        _sessions.Touch(peer, session);
                    }
                    break;
                default:
                    _sessions.Touch(peer, session);
                    break;
            }
        }
    }

    /// <summary>Bytes counted since the last call that returned them, for billing. Put back with <see cref="ReturnUnsaved"/> when saving failed.</summary>
    public (long From, long To) TakeUnsaved()
    {
        lock (_lock)
        {
            (long from, long to) = (BytesFrom, BytesTo);
            (long, long) delta = (from - _savedFrom, to - _savedTo);
            (_savedFrom, _savedTo) = (from, to);
            return delta;
        }
    }

    /// <summary>Undoes a <see cref="TakeUnsaved"/> whose result could not be saved.</summary>
    public void ReturnUnsaved((long From, long To) delta)
    {
        lock (_lock)
        {
            _savedFrom -= delta.From;
            _savedTo -= delta.To;
        }
    }

    private static double Burst(MemberQuotas quotas) => Math.Max(quotas.BytesPerSecond / 4.0, 65536);
}
