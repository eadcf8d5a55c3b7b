namespace Qanat.Wire.Sessions;

/// <summary>Constants of a session; see docs/protocol/session.md. Immutable. All sizes in bytes.</summary>
public sealed record SessionSettings
{
    /// <summary>Receive window told in OPEN and ACCEPT.</summary>
    public long InitialWindow { get; init; } = 1 << 20;

    /// <summary>Largest receive window and congestion window.</summary>
    public long MaxWindow { get; init; } = 64L << 20;

    /// <summary>Unsent bytes by which layer 2 may run ahead of the wire.</summary>
    public int Backlog { get; init; } = 256 << 10;

    /// <summary>Shortest retransmission time-out.</summary>
    public TimeSpan MinRetransmit { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest retransmission time-out.</summary>
    public TimeSpan MaxRetransmit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest delay of an acknowledgement.</summary>
    public TimeSpan AckDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long a session outlives silence of the peer.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long an OPEN is repeated.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an OPEN is repeated after a hub said that the peer is offline (a node that changes hubs is offline for a moment).</summary>
    public TimeSpan OfflinePatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a session that the application gave up may take to deliver its last bytes and its CLOSE.</summary>
    public TimeSpan CloseLinger { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a finished session still answers a repeated CLOSE.</summary>
    public TimeSpan FinishedLinger { get; init; } = TimeSpan.FromSeconds(1);
}
