namespace Qanat.Tunnel.Links;

/// <summary>Bounds and deadlines of links, for both ends.</summary>
public sealed record LinkOptions
{
    /// <summary>Longest time to reach the hub's (or proxy's) TCP port.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest time for TLS, upgrade and link handshake together.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How far the two ends' clocks may be apart.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>Bound of the <see cref="Link.TrySend"/> queue, framing included, in bytes.</summary>
    public int SendQueueBytes { get; init; } = 1024 * 1024;

    /// <summary>How long an orderly close may take: flushing, the close frame, and waiting for the peer's end of stream.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>True when two clocks, in milliseconds since 1970, are within <see cref="ClockSkew"/>. The peer's may be any number.</summary>
    internal bool IsFresh(ulong ownTime, ulong peerTime) =>
        (ownTime > peerTime ? ownTime - peerTime : peerTime - ownTime) <= (ulong)ClockSkew.TotalMilliseconds;
}
