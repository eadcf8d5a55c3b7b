namespace Qanat.Tls.Certificates;

/// <summary>What a refused chain means for a connection.</summary>
public static class SmChainErrors
{
    /// <summary>The error of the connection, and by <see cref="SmTlsErrors.ToAlert"/> the alert (RFC 8446 section 6.2): bad, unsupported, expired, revoked, unknown authority or another reason.</summary>
    public static SmTlsError ToTlsError(this SmChainError error) => error switch
    {
        SmChainError.NoCertificate => SmTlsError.CertificateRequired,
        SmChainError.ChainTooLarge or SmChainError.MalformedCertificate or SmChainError.BadSignature or SmChainError.CertificatesIdentical => SmTlsError.BadCertificate,
        SmChainError.UnknownIssuer or SmChainError.TooManyPaths => SmTlsError.UnknownCa,
        SmChainError.NotYetValid or SmChainError.Expired => SmTlsError.CertificateExpired,
        SmChainError.Revoked => SmTlsError.CertificateRevoked,
        SmChainError.HostName or SmChainError.RevocationUnknown => SmTlsError.CertificateUnknown,
        _ => SmTlsError.UnsupportedCertificate,
    };
}
