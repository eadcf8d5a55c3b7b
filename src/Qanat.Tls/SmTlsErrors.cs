namespace Qanat.Tls;

/// <summary>The stable code and the alert of each error.</summary>
public static class SmTlsErrors
{
    /// <summary>The stable kebab-case code, such as <c>bad-record-mac</c>.</summary>
    public static string ToCode(this SmTlsError error) => Kebab(error.ToString());

    /// <summary>The alert that tells the peer of this error, or null when nothing is to be sent (RFC 8446 section 6.2, GB/T 38636 section 6.4.2).</summary>
    public static AlertDescription? ToAlert(this SmTlsError error) => error switch
    {
        SmTlsError.DecodeError => AlertDescription.DecodeError,
        SmTlsError.RecordOverflow => AlertDescription.RecordOverflow,
        SmTlsError.InvalidRecordType or SmTlsError.UnexpectedMessage or SmTlsError.TooManyMessages => AlertDescription.UnexpectedMessage,
        SmTlsError.InvalidRecordVersion or SmTlsError.UnsupportedVersion => AlertDescription.ProtocolVersion,
        SmTlsError.MessageTooLarge or SmTlsError.IllegalParameter or SmTlsError.InvalidKeyShare => AlertDescription.IllegalParameter,
        SmTlsError.MissingExtension => AlertDescription.MissingExtension,
        SmTlsError.UnsupportedExtension => AlertDescription.UnsupportedExtension,
        SmTlsError.RenegotiationRefused => AlertDescription.NoRenegotiation,
        SmTlsError.NoCommonSuite or SmTlsError.NoCommonGroup or SmTlsError.NoCommonSignatureScheme => AlertDescription.HandshakeFailure,
        SmTlsError.NoCommonApplicationProtocol => AlertDescription.NoApplicationProtocol,
        SmTlsError.UnrecognizedName => AlertDescription.UnrecognizedName,
        SmTlsError.InsufficientSecurity => AlertDescription.InsufficientSecurity,
        SmTlsError.BadRecordMac => AlertDescription.BadRecordMac,
        SmTlsError.BadSignature or SmTlsError.BadFinished or SmTlsError.BadBinder => AlertDescription.DecryptError,
        SmTlsError.InappropriateFallback => AlertDescription.InappropriateFallback,
        SmTlsError.BadCertificate => AlertDescription.BadCertificate,
        SmTlsError.UnsupportedCertificate => AlertDescription.UnsupportedCertificate,
        SmTlsError.CertificateRevoked => AlertDescription.CertificateRevoked,
        SmTlsError.CertificateExpired => AlertDescription.CertificateExpired,
        SmTlsError.CertificateUnknown => AlertDescription.CertificateUnknown,
        SmTlsError.UnknownCa => AlertDescription.UnknownCa,
        SmTlsError.CertificateRequired => AlertDescription.CertificateRequired,
        SmTlsError.HandshakeTimeout => AlertDescription.UserCanceled,
        SmTlsError.KeyLimitReached or SmTlsError.CertificateMissing or SmTlsError.InvalidOptions or SmTlsError.InternalError => AlertDescription.InternalError,
        _ => null,
    };

    internal static string Kebab(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? "-" : "") + char.ToLowerInvariant(c) : c.ToString()));
}
