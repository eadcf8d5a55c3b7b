using Qanat.Wire;

namespace Qanat.Hub.Quotas;

/// <summary>
/// The sessions a member has opened, as far as the hub has seen: soft state that only serves the sessions quota. Losing it costs
/// nothing but a laxer count. Bounded by the quota itself; entries die by RESET, REJECT, CLOSE (after a while) or silence.
/// Not thread-safe: its owner serialises.
/// </summary>
internal sealed class SessionTable(TimeProvider time)
{
    private static readonly TimeSpan s_silence = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_afterClose = TimeSpan.FromSeconds(5);
    private readonly Dictionary<(Mid Peer, ulong Session), long> _deadlines = [];
    private long _nextPrune = long.MinValue;

    /// <summary>Sessions counted as live.</summary>
    public int Count => _deadlines.Count;

    /// <summary>True when the session is counted already.</summary>
    public bool Contains(Mid peer, ulong session) => _deadlines.ContainsKey((peer, session));

    /// <summary>Adds a session if fewer than <paramref name="limit"/> live.</summary>
    public bool TryAdd(Mid peer, ulong session, int limit)
    {
        if (_deadlines.Count >= limit)
        {
            Prune();
            if (_deadlines.Count >= limit)
            {
                return false;
            }
        }
        _deadlines[(peer, session)] = Deadline(s_silence);
        return true;
    }

    /// <summary>The session lives: it was seen now.</summary>
    public void Touch(Mid peer, ulong session) => Set(peer, session, s_silence);

    /// <summary>One side has ended its stream; the session counts a little longer.</summary>
    public void Closing(Mid peer, ulong session) => Set(peer, session, s_afterClose);

    /// <summary>The session is gone.</summary>
    public void Remove(Mid peer, ulong session) => _deadlines.Remove((peer, session));

    // At most once a second: a flood of opens at the limit must not buy a scan each.
    private void Prune()
    {
        long now = time.GetTimestamp();
        if (now < _nextPrune)
        {
            return;
        }
        _nextPrune = now + time.TimestampFrequency;
        foreach (((Mid, ulong) key, long deadline) in _deadlines)
        {
            if (deadline <= now)
            {
                _deadlines.Remove(key);
            }
        }
    }

    private void Set(Mid peer, ulong session, TimeSpan span)
    {
        if (_deadlines.ContainsKey((peer, session)))
        {
            _deadlines[(peer, session)] = Deadline(span);
        }
    }

    private long Deadline(TimeSpan span) => time.GetTimestamp() + (long)(span.TotalSeconds * time.TimestampFrequency);
}
