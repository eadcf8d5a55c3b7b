namespace Qanat.Tls;

/// <summary>
/// What went wrong in a TLCP or TLS 1.3 connection, sorted by blame: 1xx network, 2xx the peer broke the protocol, 3xx no
/// agreement, 4xx security, 5xx local. The kebab-case form of the name is the stable code users see (<see cref="SmTlsErrors.ToCode"/>).
/// </summary>
public enum SmTlsError
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Network: the connection ended without close_notify; what came last may be missing (RFC 8446 section 6.1).</summary>
    Truncated = 100,
    /// <summary>Network: the handshake was not done in time.</summary>
    HandshakeTimeout = 101,

    /// <summary>Peer: a message or record has lengths or fields that no standard allows.</summary>
    DecodeError = 200,
    /// <summary>Peer: a record is longer than the standard allows.</summary>
    RecordOverflow = 201,
    /// <summary>Peer: a record of unknown type, or of a type not allowed now.</summary>
    InvalidRecordType = 202,
    /// <summary>Peer: a record header of a version that is not this protocol's.</summary>
    InvalidRecordVersion = 203,
    /// <summary>Peer: a handshake message longer than the configured bound.</summary>
    MessageTooLarge = 204,
    /// <summary>Peer: a message that is not allowed now: out of order, twice, or across a key change.</summary>
    UnexpectedMessage = 205,
    /// <summary>Peer: a field that is well formed and not allowed.</summary>
    IllegalParameter = 206,
    /// <summary>Peer: a required extension is missing.</summary>
    MissingExtension = 207,
    /// <summary>Peer: an extension that was not offered.</summary>
    UnsupportedExtension = 208,
    /// <summary>Peer: asks for renegotiation, which neither protocol has.</summary>
    RenegotiationRefused = 209,
    /// <summary>Peer: too many empty records, warnings, key updates or small fragments in a row.</summary>
    TooManyMessages = 210,
    /// <summary>Peer: it ended the connection with a fatal alert.</summary>
    PeerAlert = 211,
    /// <summary>Peer: it gave up on the handshake with user_canceled.</summary>
    PeerCanceled = 212,

    /// <summary>No agreement: no common protocol version.</summary>
    UnsupportedVersion = 300,
    /// <summary>No agreement: no common cipher suite.</summary>
    NoCommonSuite = 301,
    /// <summary>No agreement: no common named group.</summary>
    NoCommonGroup = 302,
    /// <summary>No agreement: no common signature scheme.</summary>
    NoCommonSignatureScheme = 303,
    /// <summary>No agreement: no common application protocol (RFC 7301).</summary>
    NoCommonApplicationProtocol = 304,
    /// <summary>No agreement: the server has no certificate for the name asked for.</summary>
    UnrecognizedName = 305,
    /// <summary>No agreement: the peer does not take what was asked for under the handshake's policy.</summary>
    InsufficientSecurity = 306,

    /// <summary>Security: a record's tag, MAC or padding is wrong. All three look alike from outside.</summary>
    BadRecordMac = 400,
    /// <summary>Security: a handshake signature does not verify.</summary>
    BadSignature = 401,
    /// <summary>Security: a Finished message does not verify.</summary>
    BadFinished = 402,
    /// <summary>Security: a pre-shared-key binder does not verify.</summary>
    BadBinder = 403,
    /// <summary>Security: a public key or key share is not a valid point or has a wrong length.</summary>
    InvalidKeyShare = 404,
    /// <summary>Security: the client fell back to an older version although the server has a newer one (RFC 7507).</summary>
    InappropriateFallback = 405,
    /// <summary>Security: a certificate cannot be parsed or its signature is wrong.</summary>
    BadCertificate = 410,
    /// <summary>Security: a certificate may not be used for this (key usage, key type, double-certificate roles).</summary>
    UnsupportedCertificate = 411,
    /// <summary>Security: a certificate was revoked.</summary>
    CertificateRevoked = 412,
    /// <summary>Security: a certificate is not valid at this time.</summary>
    CertificateExpired = 413,
    /// <summary>Security: a certificate was refused for another reason, such as its name or the application's own check.</summary>
    CertificateUnknown = 414,
    /// <summary>Security: the chain ends in no trusted root.</summary>
    UnknownCa = 415,
    /// <summary>Security: the peer sent no certificate where one is required.</summary>
    CertificateRequired = 416,

    /// <summary>Local: the keys have sealed as many records as they may; no more can be sent.</summary>
    KeyLimitReached = 500,
    /// <summary>Local: no certificate or key is configured that this handshake needs.</summary>
    CertificateMissing = 501,
    /// <summary>Local: the options contradict each other or the standard.</summary>
    InvalidOptions = 502,
    /// <summary>Local: the connection was closed or has failed before.</summary>
    ConnectionClosed = 503,
    /// <summary>Local: a fault of this library.</summary>
    InternalError = 504,
}
