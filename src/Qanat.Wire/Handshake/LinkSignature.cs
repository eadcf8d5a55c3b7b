using System.Security.Cryptography;

namespace Qanat.Wire.Handshake;

/// <summary>Signs statement bytes with ECDSA P-256/SHA-256; returns 64 bytes (IEEE P1363).</summary>
public delegate byte[] LinkSigner(ReadOnlySpan<byte> statement);

/// <summary>Checks ECDSA P-256/SHA-256 signatures of links, tickets and records.</summary>
public static class LinkSignature
{
    /// <summary>Length of a signature (IEEE P1363: r and s, 32 bytes each).</summary>
    public const int Length = 64;

    /// <summary>Longest SubjectPublicKeyInfo read; that of a P-256 key is 91 bytes.</summary>
    public const int MaxKeyBytes = 256;

    private const int P256KeyBytes = 91;

    // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of an uncompressed point } (RFC 5480 section 2): the one encoding taken. Other
    // curves, explicit parameters and compressed points never reach the platform, and a key has one mid only.
    private static ReadOnlySpan<byte> P256KeyPrefix =>
        [0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04];

    /// <summary>False for any key that is not a P-256 SubjectPublicKeyInfo and any signature that is not right; never throws on input.</summary>
    public static bool Verify(ReadOnlySpan<byte> subjectPublicKeyInfo, ReadOnlySpan<byte> statement, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != Length || subjectPublicKeyInfo.Length != P256KeyBytes || !subjectPublicKeyInfo.StartsWith(P256KeyPrefix))
        {
            return false;
        }
        try
        {
            using ECDsa key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(subjectPublicKeyInfo, out int read);
            return read == subjectPublicKeyInfo.Length
                && key.VerifyData(statement, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
