namespace Qanat.Gm;

/// <summary>The block cipher that encrypts a stored key; all in CBC mode with PKCS#7 padding.</summary>
public enum Sm2KeyCipher
{
    /// <summary>SM4 (GB/T 32907).</summary>
    Sm4Cbc,

    /// <summary>AES with a 128-bit key.</summary>
    Aes128Cbc,

    /// <summary>AES with a 256-bit key.</summary>
    Aes256Cbc,
}

/// <summary>The pseudo-random function of PBKDF2.</summary>
public enum Sm2KeyPrf
{
    /// <summary>HMAC with SM3.</summary>
    HmacSm3,

    /// <summary>HMAC with SHA-256.</summary>
    HmacSha256,
}

/// <summary>How a key is encrypted under a password: PBES2 with PBKDF2 (RFC 8018).</summary>
/// <param name="Cipher">The cipher.</param>
/// <param name="Prf">The pseudo-random function.</param>
/// <param name="Iterations">PBKDF2 iterations, 1,000 to 10,000,000.</param>
public sealed record Sm2KeyEncryption(Sm2KeyCipher Cipher, Sm2KeyPrf Prf, int Iterations)
{
    /// <summary>Fewest iterations that are written.</summary>
    public const int MinIterations = 1_000;

    /// <summary>Most iterations that are read or written, so that a key file cannot hold a reader up for hours.</summary>
    public const int MaxIterations = 10_000_000;

    /// <summary>SM4-CBC and HMAC-SM3: what GmSSL reads and writes.</summary>
    public static Sm2KeyEncryption Sm { get; } = new(Sm2KeyCipher.Sm4Cbc, Sm2KeyPrf.HmacSm3, 600_000);

    /// <summary>AES-256-CBC and HMAC-SHA256: what OpenSSL 3 and Tongsuo read and write.</summary>
    public static Sm2KeyEncryption Aes { get; } = new(Sm2KeyCipher.Aes256Cbc, Sm2KeyPrf.HmacSha256, 600_000);
}
