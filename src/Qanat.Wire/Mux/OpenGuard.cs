namespace Qanat.Wire.Mux;

/// <summary>What to do with an OPEN.</summary>
internal enum OpenVerdict : byte
{
    Allow,
    Refuse,
    EndTunnel,
}

/// <summary>
/// Charges a peer for its opens: a plain rate, and resets before the connection was served (CVE-2023-44487). Token buckets over
/// times passed in (100 ns ticks).
/// </summary>
internal struct OpenGuard(int opensPerSecond, int resetsPerSecond, int resetBurst)
{
    private TokenBucket _opens = new(opensPerSecond, opensPerSecond);
    private TokenBucket _resets = new(resetsPerSecond, resetBurst);

    public OpenVerdict OnOpen(long now)
    {
        if (_resets.Level(now) <= -9.0 * resetBurst)
        {
            return OpenVerdict.EndTunnel;
        }
        if (_resets.Level(now) < 0)
        {
            // Each further try costs too, so that a peer that goes on ends its tunnel.
            _resets.Take(now);
            return OpenVerdict.Refuse;
        }
        return opensPerSecond == 0 || _opens.TryTake(now) ? OpenVerdict.Allow : OpenVerdict.Refuse;
    }

    /// <summary>The peer reset a connection before it was served; false when the tunnel must end.</summary>
    public bool OnUnservedReset(long now) => _resets.Take(now) > -9.0 * resetBurst;

    private struct TokenBucket(int perSecond, int burst)
    {
        private double _tokens = burst;
        private long _at;

        public double Level(long now)
        {
            if (now > _at)
            {
                _tokens = Math.Min(burst, _tokens + ((double)perSecond * (now - _at) / TimeSpan.TicksPerSecond));
                _at = now;
            }
            return _tokens;
        }

        public bool TryTake(long now)
        {
            if (Level(now) < 1)
            {
                return false;
            }
            _tokens--;
            return true;
        }

        /// <summary>Takes one token; what is left, below zero when there was none.</summary>
        public double Take(long now) => _tokens = Level(now) - 1;
    }
}
