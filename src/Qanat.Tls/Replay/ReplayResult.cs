namespace Qanat.Tls.Replay;

/// <summary>Why a replayed connection is not in order. The kebab-case name is the stable code.</summary>
public enum ReplayCause
{
    /// <summary>Nothing is wrong.</summary>
    None,
    /// <summary>Bytes that no standard allows, or messages out of order.</summary>
    Malformed,
    /// <summary>Neither the key log nor a private key opens the records.</summary>
    KeysMissing,
    /// <summary>A record does not open with the keys, or two sources of keys contradict each other.</summary>
    KeysWrong,
    /// <summary>A handshake signature does not verify in any dialect.</summary>
    SignatureInvalid,
    /// <summary>A Finished or binder does not verify.</summary>
    FinishedInvalid,
    /// <summary>A chain is not good by the PKI given, at the time given.</summary>
    CertificateRefused,
    /// <summary>The server found no suite that both have.</summary>
    NoCommonSuite,
    /// <summary>The server gave up on a ClientHello, as those do that take no extensions they do not know.</summary>
    HelloExtensionRefused,
    /// <summary>The server refused an ECDHE ClientKeyExchange with a length in front.</summary>
    KeyExchangeWithLength,
    /// <summary>The server refused an ECDHE ClientKeyExchange without a length in front.</summary>
    KeyExchangeWithoutLength,
    /// <summary>The server refused a CertificateVerify over the raw transcript.</summary>
    RawTranscriptVerify,
    /// <summary>The server refused a client's list with one end certificate.</summary>
    SingleClientCertificate,
    /// <summary>An ECDHE suite was chosen and no client certificate asked for; ECDHE needs the client's encryption certificate.</summary>
    EcdheWithoutClientCertificate,
    /// <summary>A peer does not trust the other's authority.</summary>
    UnknownCa,
    /// <summary>The server requires a client certificate and got none.</summary>
    CertificateRequired,
    /// <summary>A peer ended the connection with another alert.</summary>
    PeerAlert,
    /// <summary>A direction ended without close_notify.</summary>
    Truncated,
    /// <summary>The recording ends before the handshake does.</summary>
    Incomplete,
}

/// <summary>How the peers speak, where the standard leaves room or peers differ.</summary>
public sealed record ReplayDialect
{
    /// <summary>Extensions of the ClientHello in wire order, by the names of their standards.</summary>
    public IReadOnlyList<string> ClientHelloExtensions { get; set; } = [];
    /// <summary>TLCP ECDHE: <c>with-length</c> (71 bytes) or <c>without-length</c> (69 bytes).</summary>
    public string? ClientKeyExchange { get; set; }
    /// <summary>TLCP: <c>transcript-hash</c> or <c>raw-transcript</c>, what CertificateVerify signs; TLS 1.3: the id it is signed with.</summary>
    public string? CertificateVerify { get; set; }
    /// <summary><c>double</c> (signing and encryption certificate), <c>single</c>, or <c>none</c> when asked for and not sent.</summary>
    public string? ClientCertificates { get; set; }
    /// <summary>How a session was resumed: <c>session-id</c>, <c>session-ticket</c> or <c>psk</c>.</summary>
    public string? Resumption { get; set; }
    /// <summary>TLS 1.3: the group of the key exchange.</summary>
    public string? Group { get; set; }
    /// <summary>TLS 1.3: the server asked for another ClientHello.</summary>
    public bool? HelloRetryRequest { get; set; }
    /// <summary>TLS 1.3: ChangeCipherSpec and a session id for middleboxes (RFC 8446 appendix D.4).</summary>
    public bool? MiddleboxCompatibility { get; set; }
    /// <summary>NewSessionTicket messages sent.</summary>
    public int Tickets { get; set; }
}

/// <summary>What the replay of a recorded connection showed. Immutable but for its dialect.</summary>
public sealed class ReplayResult
{
    /// <summary>True when every record opened, everything verified, and both ends closed in order.</summary>
    public bool Ok => Cause == ReplayCause.None;

    /// <summary>The protocol; <see cref="SmProtocol.None"/> when not even a hello was read.</summary>
    public SmProtocol Protocol { get; init; }

    /// <summary>The suite; <see cref="SmCipherSuite.None"/> before a ServerHello.</summary>
    public SmCipherSuite Suite { get; init; }

    /// <summary>Records read in both directions.</summary>
    public int Records { get; init; }

    /// <summary>True when both Finished were there and verified.</summary>
    public bool FinishedOk { get; init; }

    /// <summary>True when every handshake signature that was there verified, and every chain.</summary>
    public bool SignaturesOk { get; init; }

    /// <summary>True when the client proved a certificate.</summary>
    public bool ClientAuthenticated { get; init; }

    /// <summary>How the peers speak.</summary>
    public required ReplayDialect Dialect { get; init; }

    /// <summary>Why it is not in order.</summary>
    public ReplayCause Cause { get; init; }

    /// <summary>The finer error, when there is one.</summary>
    public SmTlsError Error { get; init; }

    /// <summary>The first fatal alert, when there is one.</summary>
    public TlsAlert? Alert { get; init; }

    /// <summary>Who sent <see cref="Alert"/>.</summary>
    public bool IsAlertFromServer { get; init; }

    /// <summary>One line for a person; empty when in order.</summary>
    public string Message { get; init; } = "";

    /// <summary>Code and line, or null when in order.</summary>
    public string? ErrorText => Ok ? null : $"{SmTlsErrors.Kebab(Cause.ToString())}: {Message}";

    /// <summary>Application data of the client.</summary>
    public byte[] ClientData { get; init; } = [];

    /// <summary>Application data of the server.</summary>
    public byte[] ServerData { get; init; } = [];
}
