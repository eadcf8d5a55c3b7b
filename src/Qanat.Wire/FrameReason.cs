namespace Qanat.Wire;

/// <summary>Reason byte of header 1 in REJECT, RESET and UNREACHABLE.</summary>
public enum FrameReason : byte
{
    /// <summary>No reason: every frame type that carries none.</summary>
    None = 0,
    /// <summary>Orderly end at the peer's wish.</summary>
    Normal = 1,
    /// <summary>No member of that mid is enrolled anywhere in the network.</summary>
    UnknownMember = 2,
    /// <summary>The member is enrolled but has no live link now.</summary>
    PeerOffline = 3,
    /// <summary>The hub that serves the member cannot be reached.</summary>
    HubUnreachable = 4,
    /// <summary>The receiver's access rules refuse this peer.</summary>
    Denied = 5,
    /// <summary>A quota is used up (sessions, opens per second).</summary>
    QuotaExceeded = 6,
    /// <summary>The receiver does not know the session (it was restarted, or the grace time ran out).</summary>
    UnknownSession = 7,
    /// <summary>A session with that id exists already.</summary>
    DuplicateSession = 8,
    /// <summary>The peer broke the protocol: an acknowledgement beyond what was sent, data beyond the window, a changed overlap.</summary>
    ProtocolError = 9,
    /// <summary>The peer was away longer than the grace time.</summary>
    GraceExpired = 10,
    /// <summary>The end-to-end layer (TLS) failed.</summary>
    SecurityFailure = 11,
    /// <summary>The node is shutting down.</summary>
    ShuttingDown = 12,
    /// <summary>No common protocol version.</summary>
    UnsupportedVersion = 13,
    /// <summary>A hub dropped the frame because its queue to the next hop is full; the session retransmits.</summary>
    Congested = 14,
    /// <summary>The frame went round in a circle or its source does not belong to the link it came in on.</summary>
    Misrouted = 15,
}
