namespace Qanat.Tls;

/// <summary>Severity of an alert (RFC 8446 section 6, GB/T 38636 section 6.4.2).</summary>
public enum AlertLevel : byte
{
    /// <summary>The connection may go on.</summary>
    Warning = 1,
    /// <summary>The connection ends.</summary>
    Fatal = 2,
}

/// <summary>What an alert says (RFC 8446 section 6; 200 and up: GB/T 38636 section 6.4.2).</summary>
public enum AlertDescription : byte
{
    /// <summary>The sender will send no more.</summary>
    CloseNotify = 0,
    /// <summary>A message that is not allowed now.</summary>
    UnexpectedMessage = 10,
    /// <summary>A record that does not authenticate.</summary>
    BadRecordMac = 20,
    /// <summary>A record that does not decrypt (TLCP only; never sent, see RFC 5246 section 7.2.2).</summary>
    DecryptionFailed = 21,
    /// <summary>A record that is too long.</summary>
    RecordOverflow = 22,
    /// <summary>A record that does not decompress (TLCP only).</summary>
    DecompressionFailure = 30,
    /// <summary>No agreement on parameters.</summary>
    HandshakeFailure = 40,
    /// <summary>A certificate is corrupt.</summary>
    BadCertificate = 42,
    /// <summary>A certificate of an unsupported kind.</summary>
    UnsupportedCertificate = 43,
    /// <summary>A certificate was revoked.</summary>
    CertificateRevoked = 44,
    /// <summary>A certificate has expired or is not yet valid.</summary>
    CertificateExpired = 45,
    /// <summary>A certificate is not acceptable for another reason.</summary>
    CertificateUnknown = 46,
    /// <summary>A field is out of range or contradicts another.</summary>
    IllegalParameter = 47,
    /// <summary>No trusted CA for the chain.</summary>
    UnknownCa = 48,
    /// <summary>The certificate is valid, access is refused.</summary>
    AccessDenied = 49,
    /// <summary>A message does not decode.</summary>
    DecodeError = 50,
    /// <summary>A signature, Finished or binder is wrong.</summary>
    DecryptError = 51,
    /// <summary>The version is not supported.</summary>
    ProtocolVersion = 70,
    /// <summary>The server wants more secure parameters.</summary>
    InsufficientSecurity = 71,
    /// <summary>A fault of the sender that is not the peer's.</summary>
    InternalError = 80,
    /// <summary>An inappropriate retry with an older version (RFC 7507).</summary>
    InappropriateFallback = 86,
    /// <summary>The user gave up.</summary>
    UserCanceled = 90,
    /// <summary>No renegotiation (TLCP).</summary>
    NoRenegotiation = 100,
    /// <summary>A mandatory extension is missing.</summary>
    MissingExtension = 109,
    /// <summary>An extension that was not offered or is not allowed here.</summary>
    UnsupportedExtension = 110,
    /// <summary>No server of that name.</summary>
    UnrecognizedName = 112,
    /// <summary>A bad certificate status response.</summary>
    BadCertificateStatusResponse = 113,
    /// <summary>A pre-shared key is not known.</summary>
    UnknownPskIdentity = 115,
    /// <summary>A client certificate is required.</summary>
    CertificateRequired = 116,
    /// <summary>No common application protocol.</summary>
    NoApplicationProtocol = 120,
    /// <summary>The two ends do not use the same site-to-site protocol (TLCP).</summary>
    UnsupportedSite2Site = 200,
    /// <summary>There is no protected area (TLCP).</summary>
    NoArea = 201,
    /// <summary>The protected area's type is not supported (TLCP).</summary>
    UnsupportedAreaType = 202,
    /// <summary>A bad IBC parameter (TLCP).</summary>
    BadIbcParameter = 203,
    /// <summary>An unsupported IBC parameter (TLCP).</summary>
    UnsupportedIbcParameter = 204,
    /// <summary>An identity that is needed is missing (TLCP).</summary>
    IdentityNeed = 205,
}

/// <summary>An alert: the two bytes of an alert record.</summary>
/// <param name="Level">Severity. TLS 1.3 peers ignore it.</param>
/// <param name="Description">What it says.</param>
public readonly record struct TlsAlert(AlertLevel Level, AlertDescription Description)
{
    /// <summary>Encoded length in bytes.</summary>
    public const int Length = 2;

    /// <summary>True when the connection ends in error: every alert but close_notify, user_canceled and TLCP's warnings.</summary>
    public bool IsFatal => Description is not (AlertDescription.CloseNotify or AlertDescription.UserCanceled) && Level != AlertLevel.Warning;

    /// <summary>The name of the standard, such as <c>handshake_failure</c>, or the number when it has none.</summary>
    public string Name => NameOf(Description);

    /// <summary>The name of the standard, such as <c>handshake_failure</c>, or the number when it has none.</summary>
    public static string NameOf(AlertDescription description) => Enum.IsDefined(description)
        ? SmTlsErrors.Kebab(description.ToString()).Replace('-', '_')
        : ((byte)description).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The alert that closes one direction in order.</summary>
    public static TlsAlert CloseNotify { get; } = new(AlertLevel.Warning, AlertDescription.CloseNotify);

    /// <summary>Writes the two bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="Length"/>.</exception>
    public void Write(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Length);
        destination[0] = (byte)Level;
        destination[1] = (byte)Description;
    }

    /// <summary>Reads the content of an alert record: exactly two bytes, a known level, any description (RFC 8446 section 5.1: alerts are not fragmented).</summary>
    public static SmTlsError Read(ReadOnlySpan<byte> content, out TlsAlert alert)
    {
        alert = default;
        if (content.Length != Length)
        {
            return SmTlsError.DecodeError;
        }
        if (content[0] is not ((byte)AlertLevel.Warning or (byte)AlertLevel.Fatal))
        {
            return SmTlsError.IllegalParameter;
        }
        alert = new TlsAlert((AlertLevel)content[0], (AlertDescription)content[1]);
        return SmTlsError.None;
    }
}
