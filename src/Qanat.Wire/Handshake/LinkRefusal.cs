namespace Qanat.Wire.Handshake;

/// <summary>Result code in WELCOME (key 16). The kebab-case form of the name is the stable code users see.</summary>
public enum LinkRefusal
{
    /// <summary>Welcome: not refused.</summary>
    None = 0,
    /// <summary>A handshake message that is not well-formed.</summary>
    Malformed = 1,
    /// <summary>No common protocol version.</summary>
    UnsupportedVersion = 2,
    /// <summary>The clocks differ by more than the bound.</summary>
    ClockSkew = 3,
    /// <summary>The signature over the transcript or the attachment is not that of the key shown (replay, another hub, forgery).</summary>
    BadSignature = 4,
    /// <summary>This listener does not take that role.</summary>
    WrongRole = 5,
    /// <summary>The mid is not enrolled and showed no token, ticket or certificate that enrols it.</summary>
    NotEnrolled = 6,
    /// <summary>The enrolment token is unknown or its MAC is wrong.</summary>
    InvalidToken = 7,
    /// <summary>The enrolment token has been spent by another mid, or is past its time.</summary>
    SpentToken = 8,
    /// <summary>The requested name belongs to another mid.</summary>
    NameTaken = 9,
    /// <summary>The requested name is not made of name characters.</summary>
    InvalidName = 10,
    /// <summary>The mid is revoked.</summary>
    Revoked = 11,
    /// <summary>The organisation certificate is missing or not from the required CA.</summary>
    UntrustedCertificate = 12,
    /// <summary>The membership ticket is expired or not signed by its home hub.</summary>
    InvalidTicket = 13,
    /// <summary>Too many links or handshakes now; try again later.</summary>
    Busy = 14,
    /// <summary>The hub is shutting down; try another.</summary>
    ShuttingDown = 15,
    /// <summary>The initiator is not a hub of this mesh.</summary>
    UnknownHub = 16,
}
