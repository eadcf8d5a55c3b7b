namespace Qanat.Tls.Certificates;

/// <summary>Why a certificate chain is refused. The kebab-case name is the stable code.</summary>
public enum SmChainError
{
    /// <summary>The peer sent no certificate.</summary>
    NoCertificate,

    /// <summary>More certificates or bytes than a chain may have.</summary>
    ChainTooLarge,

    /// <summary>A certificate that cannot be read as an SM2 certificate.</summary>
    MalformedCertificate,

    /// <summary>No trusted authority of the issuer's name.</summary>
    UnknownIssuer,

    /// <summary>An authority of the issuer's name is there, and its key did not make the signature.</summary>
    BadSignature,

    /// <summary>The search for a path took more signatures than allowed.</summary>
    TooManyPaths,

    /// <summary>Not valid yet.</summary>
    NotYetValid,

    /// <summary>Not valid any more.</summary>
    Expired,

    /// <summary>An issuer without the CA bit.</summary>
    NotAnAuthority,

    /// <summary>An authority where an end certificate belongs.</summary>
    EndCertificateIsAuthority,

    /// <summary>More authorities below one than it allows.</summary>
    PathLengthExceeded,

    /// <summary>An issuer whose key usage does not let it sign certificates.</summary>
    IssuerKeyUsage,

    /// <summary>The signing certificate may not sign.</summary>
    SignKeyUsage,

    /// <summary>The encryption certificate may not encrypt, or may also sign.</summary>
    EncryptKeyUsage,

    /// <summary>The extended key usage is for something else (a client's shown by a server, ...).</summary>
    ExtendedKeyUsage,

    /// <summary>A critical extension that is not understood.</summary>
    UnknownCriticalExtension,

    /// <summary>Name constraints, which are not evaluated.</summary>
    NameConstraints,

    /// <summary>The certificate is for another host.</summary>
    HostName,

    /// <summary>Revoked by its issuer.</summary>
    Revoked,

    /// <summary>No usable revocation list, and one is required.</summary>
    RevocationUnknown,

    /// <summary>The encryption certificate of a TLCP pair is missing.</summary>
    EncryptCertificateMissing,

    /// <summary>The encryption certificate stands before the signing certificate.</summary>
    CertificatesSwapped,

    /// <summary>The same certificate, or the same key, twice.</summary>
    CertificatesIdentical,

    /// <summary>The pair is of two subjects.</summary>
    SubjectMismatch,

    /// <summary>The pair is of two issuers.</summary>
    IssuerMismatch,
}

/// <summary>Which certificate of a chain.</summary>
public enum SmChainPosition
{
    /// <summary>The chain as a whole.</summary>
    Chain,

    /// <summary>The signing certificate, or the only one.</summary>
    Sign,

    /// <summary>The encryption certificate of a TLCP pair.</summary>
    Encrypt,

    /// <summary>An authority on the way to the anchor.</summary>
    Authority,
}

/// <summary>One reason why a chain is refused.</summary>
/// <param name="Error">What is wrong.</param>
/// <param name="Position">Where in the chain.</param>
/// <param name="Certificate">The certificate, when it could be read.</param>
/// <param name="Message">One line for a person: which certificate, what is wrong, what to do.</param>
public sealed record SmChainFailure(SmChainError Error, SmChainPosition Position, SmCertificate? Certificate, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => Message;
}
