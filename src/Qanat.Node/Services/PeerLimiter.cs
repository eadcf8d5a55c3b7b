using System.Collections.Concurrent;
using Qanat.Wire;

namespace Qanat.Node.Services;

/// <summary>Per-peer connection count and open rate (token bucket). The opener pays: refused opens cost a token too. Thread-safe.</summary>
internal sealed class PeerLimiter(TimeProvider time)
{
    private const int SweepAt = 10_000;
    private readonly ConcurrentDictionary<Mid, Peer> _peers = new();

    public Peer Get(Mid mid)
    {
        if (_peers.TryGetValue(mid, out Peer? peer))
        {
            return peer;
        }
        if (_peers.Count >= SweepAt)
        {
            foreach ((Mid other, Peer idle) in _peers)
            {
                if (idle.Connections.Value == 0)
                {
                    _peers.TryRemove(other, out _);
                }
            }
        }
        return _peers.GetOrAdd(mid, static (_, t) => new Peer(t), time);
    }

    /// <summary>One peer.</summary>
    internal sealed class Peer(TimeProvider time)
    {
        private readonly Lock _lock = new();
        private double _tokens = double.NaN;
        private long _last;

        public ConnectionCount Connections { get; } = new();

        /// <summary>Takes one token; false when opens come faster than <paramref name="perSecond"/> beyond a burst of twice that.</summary>
        public bool TryOpen(int perSecond)
        {
            lock (_lock)
            {
                long now = time.GetTimestamp();
                double burst = 2.0 * perSecond;
                _tokens = double.IsNaN(_tokens) ? burst : Math.Min(burst, _tokens + (time.GetElapsedTime(_last, now).TotalSeconds * perSecond));
                _last = now;
                if (_tokens < 1)
                {
                    return false;
                }
                _tokens--;
                return true;
            }
        }
    }
}
