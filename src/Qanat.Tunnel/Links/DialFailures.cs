namespace Qanat.Tunnel.Links;

/// <summary>
/// Which failed attempts to reach a hub are worth a line in the log: the first of each kind since the last link, and then one a minute. A node that
/// cannot link must say why, and one that tries four times a second must not fill the disk. Not thread-safe.
/// </summary>
internal sealed class DialFailures(TimeProvider time)
{
    private const int MaxTold = 1_000;
    private static readonly TimeSpan s_repeat = TimeSpan.FromMinutes(1);
    private readonly Dictionary<(Uri Hub, TunnelError Error), long> _told = [];

    /// <summary>True when this failure should be told now; it counts as told then.</summary>
    public bool MayTell(Uri hub, TunnelError error)
    {
        if (_told.TryGetValue((hub, error), out long last) && time.GetElapsedTime(last) < s_repeat)
        {
            return false;
        }
        if (_told.Count >= MaxTold)
        {
            _told.Clear();
        }
        _told[(hub, error)] = time.GetTimestamp();
        return true;
    }

    /// <summary>A link is up: the next failure is news again.</summary>
    public void Forget() => _told.Clear();
}
