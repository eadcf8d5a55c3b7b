using System.Security.Cryptography;

namespace Qanat.Tls.Certificates;

/// <summary>Why bytes are no SM2 certificate, certificate request or revocation list that can be used. The kebab-case name is the stable code.</summary>
public enum SmCertificateError
{
    /// <summary>More bytes than a certificate or list may have.</summary>
    TooLarge,

    /// <summary>Not strict DER of the structure: another encoding, a missing field, bytes too many.</summary>
    MalformedDer,

    /// <summary>No PEM block of the kind, or one that is not base64.</summary>
    MalformedPem,

    /// <summary>A version or an optional field that RFC 5280 profiles do not use.</summary>
    UnsupportedVersion,

    /// <summary>Signed by another algorithm than SM2 with SM3, or the two statements of the algorithm differ.</summary>
    UnsupportedSignatureAlgorithm,

    /// <summary>A public key of another algorithm or curve than SM2.</summary>
    NotSm2Key,

    /// <summary>The public key is not an uncompressed point of the curve.</summary>
    InvalidPublicKey,

    /// <summary>An extension that is there twice or whose content is wrong.</summary>
    InvalidExtension,

    /// <summary>The signature does not verify under the key that must have made it.</summary>
    BadSignature,
}

/// <summary>Bytes that are no usable SM2 certificate, request or list. The message names the field and the fix.</summary>
public sealed class SmCertificateException : CryptographicException
{
    /// <summary>Makes one.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="message">One line for a person.</param>
    /// <param name="innerException">What was thrown below, if anything.</param>
    public SmCertificateException(SmCertificateError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>The reason.</summary>
    public SmCertificateError Error { get; }
}
