using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>One live link as the router sees it: counts, fair queueing, and what to do with frames. One port per link, never reused.</summary>
internal abstract class Port : ILinkHandler
{
    private readonly FairShare _share;
    private readonly long _contendedAbove;
    private long _enqueued;
    private long _framesOut;
    private long _dropped;
    private ulong _lastUnreachableSession;
    private long _lastUnreachable;

    protected Port(Link link, Router router)
    {
        (Link, Router) = (link, router);
        _share = new FairShare(router.Limits.LinkQueueBytes);
        _contendedAbove = router.Limits.LinkQueueBytes / 4;
    }

    /// <summary>The link behind the port.</summary>
    public Link Link { get; }

    /// <summary>The mid at the other end.</summary>
    public Mid Mid => Link.PeerMid;

    /// <summary>Bytes ever queued to the link.</summary>
    public long BytesOut => Volatile.Read(ref _enqueued);

    /// <summary>Frames ever queued to the link.</summary>
    public long FramesOut => Volatile.Read(ref _framesOut);

    /// <summary>Frames dropped because this link's queue was full or contended.</summary>
    public long FramesDropped => Volatile.Read(ref _dropped);

    /// <summary>True when the queue is so full that drops are near.</summary>
    public bool Crowded => Link.QueuedBytes > _contendedAbove * 2;

    protected Router Router { get; }

    /// <inheritdoc/>
    public abstract void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload);

    /// <inheritdoc/>
    public abstract ValueTask OnBatchAsync(Link link, int wireBytes);

    /// <summary>
    /// Queues a frame, copying it once. On a contended queue the frame's source may hold only its share.
    /// </summary>
    /// <param name="header">Header as it goes out.</param>
    /// <param name="payload">Payload; copied.</param>
    /// <param name="cap">Most bytes the source may hold in this queue.</param>
    /// <param name="reason">Why it was not taken.</param>
    public bool TrySend(in FrameHeader header, ReadOnlySpan<byte> payload, long cap, out DropReason reason)
    {
        int bytes = FrameHeader.Length + payload.Length;
        long queued = Link.QueuedBytes;
        if (queued + bytes > Math.Min(_contendedAbove, cap))
        {
            int weight = header.Type == FrameType.Data ? FairShare.DataWeight : FairShare.ControlWeight;
            if (!_share.TryAdmit(header.Source, bytes, Volatile.Read(ref _enqueued), queued, weight, cap))
            {
                Interlocked.Increment(ref _dropped);
                reason = DropReason.OverShare;
                return false;
            }
        }
        if (!Link.TrySend(header, payload))
        {
            Interlocked.Increment(ref _dropped);
            reason = DropReason.Congested;
            return false;
        }
        Interlocked.Add(ref _enqueued, bytes);
        Interlocked.Increment(ref _framesOut);
        reason = default;
        return true;
    }

    /// <summary>Queues a frame of the hub's own.</summary>
    public bool TrySendControl(in FrameHeader header, ReadOnlySpan<byte> payload) => TrySend(header, payload, long.MaxValue, out _);

    /// <summary>Tells the port's owner that a session frame could not be delivered; at most once per session in 20 ms.</summary>
    public void SendUnreachable(Mid unreachable, Mid source, ulong session, FrameReason reason)
    {
        long now = Router.Time.GetTimestamp();
        if (session == _lastUnreachableSession && Router.Time.GetElapsedTime(_lastUnreachable, now) < TimeSpan.FromMilliseconds(20))
        {
            return;
        }
        (_lastUnreachableSession, _lastUnreachable) = (session, now);
        TrySendControl(new FrameHeader(FrameType.Unreachable, reason, 0, unreachable, source, session, 0), default);
    }
}
