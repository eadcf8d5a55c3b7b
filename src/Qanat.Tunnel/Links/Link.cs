using Qanat.Wire;

namespace Qanat.Tunnel.Links;

/// <summary>Which kind of machine is at the other end of a link.</summary>
public enum LinkRole
{
    /// <summary>A participant's node.</summary>
    Node = 1,
    /// <summary>A hub.</summary>
    Hub = 2,
}

/// <summary>
/// One authenticated long-lived layer-1 link (WebSocket node-hub, TCP hub-hub) that carries header-1 frames both ways.
/// Created after the link handshake has succeeded, idle until <see cref="Start"/>. Members are safe to call from any thread.
/// </summary>
public abstract class Link : IAsyncDisposable
{
    /// <summary>The mid at this end.</summary>
    public abstract Mid LocalMid { get; }

    /// <summary>The mid at the other end, proven by its signature over the handshake transcript.</summary>
    public abstract Mid PeerMid { get; }

    /// <summary>What the other end is.</summary>
    public abstract LinkRole PeerRole { get; }

    /// <summary>Completes when the link is gone, with the cause; never faults.</summary>
    public abstract Task<LinkClosed> Completion { get; }

    /// <summary>Last measured heartbeat round trip; zero before the first.</summary>
    public abstract TimeSpan RoundTrip { get; }

    /// <summary>Bytes waiting in the queue fed by <see cref="TrySend"/>.</summary>
    public abstract long QueuedBytes { get; }

    /// <summary>Starts the receive and send loops. Call once.</summary>
    /// <param name="handler">Gets every frame received.</param>
    /// <param name="source">Asked for frames whenever the wire can take more; null when all sending goes through <see cref="TrySend"/>.</param>
    public abstract void Start(ILinkHandler handler, IFrameSource? source);

    /// <summary>Copies one frame into the bounded send queue. False when the queue is full or the link is closed: the frame was not taken.</summary>
    public abstract bool TrySend(in FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>Tells the send loop that the frame source has something. Cheap; may be called under a lock.</summary>
    public abstract void NotifyReady();

    /// <summary>Closes the link: flushes the queue for a short while when orderly, then closes the transport.</summary>
    public abstract ValueTask CloseAsync(LinkCloseCause cause);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>Receives what a link delivers.</summary>
public interface ILinkHandler
{
    /// <summary>
    /// One frame. Runs on the link's receive loop: must not block and must not throw on bad frames.
    /// <paramref name="payload"/> is the link's buffer, valid only during the call, and may be overwritten by the callee.
    /// </summary>
    void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>Called after all frames of one read have been delivered; reading goes on when it completes (quota back-pressure).</summary>
    /// <param name="link">The link.</param>
    /// <param name="wireBytes">Bytes taken off the wire since the last call, framing included.</param>
    ValueTask OnBatchAsync(Link link, int wireBytes);
}

/// <summary>Supplies outgoing frames when the wire can take them (pull model: what is not pulled stays in the sessions' replay buffers).</summary>
public interface IFrameSource
{
    /// <summary>Writes frames until <paramref name="writer"/> refuses or nothing is left. Runs on the link's send loop; must not block.</summary>
    /// <returns>True when more is ready now; false when <see cref="Link.NotifyReady"/> will tell.</returns>
    bool Fill(IFrameWriter writer);
}

/// <summary>Room in a link's send buffer.</summary>
public interface IFrameWriter
{
    /// <summary>
    /// Reserves room for a frame and writes its header. The caller must fill the whole returned payload span before the next call.
    /// </summary>
    /// <returns>False when the buffer is full for now.</returns>
    bool TryReserve(in FrameHeader header, int payloadLength, out Span<byte> payload);
}

/// <summary>Why a link ended, from this side's point of view.</summary>
public enum LinkCloseCause
{
    /// <summary>Closed by this side in order.</summary>
    Local,
    /// <summary>Closed by the peer in order.</summary>
    Remote,
    /// <summary>The transport failed (reset, end of stream without a close).</summary>
    TransportFailed,
    /// <summary>No heartbeat answer within the bound.</summary>
    HeartbeatLost,
    /// <summary>The peer broke the link protocol (bad frame, unmasked client frame, oversize length, ...).</summary>
    ProtocolError,
    /// <summary>A newer link of the same mid took this one's place.</summary>
    Replaced,
    /// <summary>The peer's membership was revoked or never granted.</summary>
    Denied,
    /// <summary>The hub drains before stopping.</summary>
    Draining,
}

/// <summary>How a link ended.</summary>
/// <param name="Cause">The cause.</param>
/// <param name="Detail">One line for a person; never holds a secret.</param>
public sealed record LinkClosed(LinkCloseCause Cause, string Detail);
