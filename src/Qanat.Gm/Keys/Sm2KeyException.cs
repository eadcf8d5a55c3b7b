using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>Why a stored SM2 key could not be read. The kebab-case name is the stable code.</summary>
public enum Sm2KeyError
{
    /// <summary>The bytes are not strict DER of the expected structure.</summary>
    MalformedDer,

    /// <summary>No PEM block with a key in it.</summary>
    NoKeyInPem,

    /// <summary>A key of another algorithm or curve (RSA, P-256, ...).</summary>
    NotSm2,

    /// <summary>The private scalar is not within 1 to n-2.</summary>
    InvalidPrivateKey,

    /// <summary>The public point is not an uncompressed point of the curve.</summary>
    InvalidPublicKey,

    /// <summary>The public key stored beside the private key does not belong to it.</summary>
    KeyPairMismatch,

    /// <summary>The key is encrypted and no password was given.</summary>
    PasswordRequired,

    /// <summary>The password is wrong, or the encrypted bytes are damaged.</summary>
    WrongPassword,

    /// <summary>The encryption of the key is one that this library does not read.</summary>
    UnsupportedEncryption,
}

/// <summary>A stored SM2 key that could not be read. The message names the field and what to do, and never holds key material.</summary>
public sealed class Sm2KeyException : CryptographicException
{
    /// <summary>Makes one.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="message">One line for a person: the field, what is wrong, the fix.</param>
    /// <param name="innerException">What was thrown below, if anything.</param>
    public Sm2KeyException(Sm2KeyError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>The reason.</summary>
    public Sm2KeyError Error { get; }
}
