using System.Collections.Concurrent;
using Qanat.Wire;

namespace Qanat.Tunnel.Access;

/// <summary>
/// How many log lines refusals of one peer are worth: ten, then one a second. A peer that is refused thousands of times a second must not fill the disk;
/// metrics count all. Bounded in memory; thread-safe.
/// </summary>
public sealed class PeerLogLimit(TimeProvider time)
{
    /// <summary>Most peers remembered; beyond, those that have been quiet are forgotten, and newcomers wait while there are none.</summary>
    public const int MaxPeers = 10_000;

    private const int Burst = 10;
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<Mid, Allowance> _peers = new();
    private long _lookedAt;

    /// <summary>True when a line about this peer may be written; takes one from its allowance.</summary>
    public bool MayLog(Mid peer)
    {
        if (!_peers.TryGetValue(peer, out Allowance? allowance))
        {
            if (_peers.Count >= MaxPeers && !ForgetQuiet())
            {
                return false;
            }
            allowance = _peers.GetOrAdd(peer, static _ => new Allowance());
        }
        return allowance.TryTake(time);
    }

    private bool ForgetQuiet()
    {
        // A look at all of them is dear: a flood of newcomers pays for one a second, not for one each.
        long now = time.GetTimestamp();
        long looked = Interlocked.Read(ref _lookedAt);
        if ((looked != 0 && time.GetElapsedTime(looked, now) < s_lookEvery) || Interlocked.CompareExchange(ref _lookedAt, now, looked) != looked)
        {
            return false;
        }
        foreach ((Mid peer, Allowance allowance) in _peers)
        {
            if (allowance.IsQuiet(time))
            {
                _peers.TryRemove(peer, out _);
            }
        }
        return _peers.Count < MaxPeers;
    }

    private sealed class Allowance
    {
        private readonly Lock _lock = new();
        private int _lines = Burst;
        private long _last;

        /// <summary>True when a forgotten peer would have no more than this one.</summary>
        public bool IsQuiet(TimeProvider time)
        {
            lock (_lock)
            {
                return _lines + time.GetElapsedTime(_last).TotalSeconds >= Burst;
            }
        }

        public bool TryTake(TimeProvider time)
        {
            lock (_lock)
            {
                long now = time.GetTimestamp();
                int seconds = (int)Math.Min(Burst, time.GetElapsedTime(_last, now).TotalSeconds);
                if (seconds > 0)
                {
                    (_lines, _last) = (Math.Min(Burst, _lines + seconds), now);
                }
                return _lines > 0 && _lines-- > 0;
            }
        }
    }
}
