namespace Qanat.Hub.Quotas;

/// <summary>A token bucket that may go into debt. Not thread-safe: its owner serialises.</summary>
internal sealed class TokenBucket
{
    private readonly TimeProvider _time;
    private double _rate;
    private double _burst;
    private double _tokens;
    private long _last;

    /// <summary>Creates a full bucket.</summary>
    public TokenBucket(double ratePerSecond, double burst, TimeProvider time)
    {
        (_time, _rate, _burst, _tokens) = (time, ratePerSecond, burst, burst);
        _last = time.GetTimestamp();
    }

    /// <summary>Changes rate and burst; tokens beyond the new burst are lost.</summary>
    public void Change(double ratePerSecond, double burst)
    {
        Refill();
        (_rate, _burst) = (ratePerSecond, burst);
        _tokens = Math.Min(_tokens, burst);
    }

    /// <summary>Takes tokens if there are that many.</summary>
    public bool TryTake(double amount)
    {
        Refill();
        if (_tokens < amount)
        {
            return false;
        }
        _tokens -= amount;
        return true;
    }

    /// <summary>Takes tokens whatever there are and says how long the debt lasts.</summary>
    public TimeSpan Charge(double amount)
    {
        Refill();
        _tokens -= amount;
        return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / _rate);
    }

    private void Refill()
    {
        long now = _time.GetTimestamp();
        _tokens = Math.Min(_burst, _tokens + (_time.GetElapsedTime(_last, now).TotalSeconds * _rate));
        _last = now;
    }
}
