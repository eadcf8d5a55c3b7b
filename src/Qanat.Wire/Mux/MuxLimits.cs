namespace Qanat.Wire.Mux;

/// <summary>Bounds of one tunnel's multiplexer. Immutable.</summary>
public sealed record MuxLimits
{
    /// <summary>Credit of each direction of a new connection, in bytes. Fixed by the protocol.</summary>
    public const int InitialWindow = 256 * 1024;

    /// <summary>Opens per side and tunnel; after that the side sends GOAWAY. Fixed by the protocol.</summary>
    public const uint MaxOpens = int.MaxValue;

    /// <summary>Largest receive window of one connection, in bytes.</summary>
    public int MaxWindow { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// Bytes received but not yet read, plus windows beyond the start size, over all connections. Above it no window grows and
    /// none is renewed beyond the start size; at twice this many unread bytes a connection that receives more is reset.
    /// </summary>
    public long TunnelMemoryMaxBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Connections opened by this side at one time.</summary>
    public int MaxOutboundConnections { get; init; } = 100_000;

    /// <summary>Connections opened by the peer at one time; more are refused.</summary>
    public int MaxInboundConnections { get; init; } = 20_000;

    /// <summary>Opens by the peer per second, with a burst of as many; more are refused. Zero: no limit.</summary>
    public int MaxOpensPerSecond { get; init; }

    /// <summary>Opens that the peer may reset before they were served, per second in the long run (CVE-2023-44487).</summary>
    public int RapidResetsPerSecond { get; init; } = 200;

    /// <summary>Opens that the peer may reset before they were served, in one burst. Beyond it opens are refused; at ten times the burst the tunnel ends.</summary>
    public int RapidResetBurst { get; init; } = 1000;

    /// <summary>Refusals waiting to be written; a peer that causes more without reading them is cut off.</summary>
    public int MaxPendingRefusals { get; init; } = 4096;
}
