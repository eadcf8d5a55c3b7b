namespace Qanat.Wire;

/// <summary>Type byte of header 1. Values 0x01-0x1f travel end to end between nodes; 0x20-0x3f are spoken with or between hubs.</summary>
public enum FrameType : byte
{
    /// <summary>Never sent.</summary>
    None = 0,
    /// <summary>Initiator asks for a session. Offset 0. Payload: <see cref="SessionParameters"/>.</summary>
    Open = 0x01,
    /// <summary>Acceptor agrees. Offset 0. Payload: <see cref="SessionParameters"/>.</summary>
    Accept = 0x02,
    /// <summary>Acceptor refuses; the reason byte says why.</summary>
    Reject = 0x03,
    /// <summary>Session bytes; offset is that of the first byte. Payload 1 to 65,536 bytes.</summary>
    Data = 0x04,
    /// <summary>Cumulative acknowledgement; offset is the next byte expected. Payload: receive limit (u64, absolute offset), stamp (u64). Flag bit 0: gap, bit 1: CLOSE seen.</summary>
    Ack = 0x05,
    /// <summary>The sender of this frame has a new link; offset is the next byte it expects. Payload: receive limit (u64), flags (u8: bit 0 = answer wanted, bit 1 = new link), stamp (u64).</summary>
    Resume = 0x06,
    /// <summary>Orderly end; offset is the end of the sender's stream. Repeated until acknowledged (ACK with flag bit 1).</summary>
    Close = 0x07,
    /// <summary>The session is gone; the reason byte says why. Never answered.</summary>
    Reset = 0x08,

    /// <summary>Round-trip probe to any mid; the payload comes back in PONG unless flag bit 0 (discard) is set.</summary>
    Ping = 0x20,
    /// <summary>Answer to PING, same payload.</summary>
    Pong = 0x21,
    /// <summary>Question to a hub: who is this name or mid? Session id = request id. Payload CBOR.</summary>
    Resolve = 0x22,
    /// <summary>Answer to RESOLVE. Payload CBOR.</summary>
    Resolved = 0x23,
    /// <summary>A hub could not deliver a session frame; source = the unreachable mid, session id = the session's, reason says why.</summary>
    Unreachable = 0x24,
    /// <summary>Hub table pushed by a hub. Payload CBOR.</summary>
    Hubs = 0x25,
    /// <summary>The hub is going away; members should move to another hub of the list now.</summary>
    Drain = 0x26,
    /// <summary>Hub to hub: this member is linked to me; its frames follow. Payload CBOR with the member's signed attachment.</summary>
    Announce = 0x27,
    /// <summary>Hub to hub: this member is no longer linked to me.</summary>
    Withdraw = 0x28,
    /// <summary>Hub to hub: mids revoked by their home hub. Payload CBOR.</summary>
    Revoked = 0x29,
    /// <summary>A hub renews a member's membership ticket. Payload CBOR.</summary>
    Ticket = 0x2a,
}
