namespace Qanat.Tunnel.Links;

/// <summary>Token bucket in whole events. Looks at the clock only when the bucket is empty. Not thread-safe.</summary>
internal struct RateMeter
{
    private readonly TimeProvider _time;
    private readonly int _burst;
    private readonly int _perSecond;
    private int _left;
    private long _since;

    public RateMeter(TimeProvider time, int burst, int perSecond)
    {
        _time = time;
        _burst = burst;
        _perSecond = perSecond;
        _left = burst;
        _since = time.GetTimestamp();
    }

    /// <summary>Takes one event; false when the rate bound is passed.</summary>
    public bool TryTake()
    {
        if (_left == 0)
        {
            double refill = _time.GetElapsedTime(_since).TotalSeconds * _perSecond;
            if (refill < 1)
            {
                return false;
            }
            _left = (int)Math.Min(_burst, refill);
            _since = _time.GetTimestamp();
        }
        _left--;
        return true;
    }
}
