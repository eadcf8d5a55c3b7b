namespace Qanat.Tunnel.Links;

/// <summary>
/// Links that got frames while one read was handed out. Their send loops run when the read has been handed out whole, on the same thread: a relay then
/// moves bytes from one socket to the other without a thread switch, in one system call each.
/// </summary>
internal sealed class SendBatch
{
    [ThreadStatic]
    private static SendBatch? t_current;

    [ThreadStatic]
    private static SendBatch? t_spare;

    private readonly List<StreamLink> _links = [];

    /// <summary>The batch gathered on this thread; null when none is.</summary>
    public static SendBatch? Current => t_current;

    /// <summary>Starts gathering on this thread. A batch within a batch (a send loop that runs inline never receives) does not happen.</summary>
    public static SendBatch Begin()
    {
        SendBatch batch = t_spare ?? new SendBatch();
        t_spare = null;
        t_current = batch;
        return batch;
    }

    /// <summary>A link has got a frame.</summary>
    public void Add(StreamLink link)
    {
        // A read leads to few links: most often to one.
        if (!_links.Contains(link))
        {
            _links.Add(link);
        }
    }

    /// <summary>Stops gathering and runs the send loops. Call on the thread that called <see cref="Begin"/>.</summary>
    public void End()
    {
        t_current = null;
        foreach (StreamLink link in _links)
        {
            link.SendNow();
        }
        _links.Clear();
        t_spare = this;
    }
}
