namespace Qanat.Gm;

/// <summary>Object identifiers of SM2, SM3 and SM4 keys and signatures, dotted. Source: GM/T 0006, RFC 5480, RFC 8018.</summary>
public static class GmObjectIdentifiers
{
    /// <summary>An elliptic-curve public key of any use (RFC 5480 section 2.1.1).</summary>
    public const string ECPublicKey = "1.2.840.10045.2.1";

    /// <summary>The curve of SM2, sm2p256v1.</summary>
    public const string Sm2Curve = "1.2.156.10197.1.301";

    /// <summary>SM2 signature over SM3.</summary>
    public const string Sm2SignWithSm3 = "1.2.156.10197.1.501";

    /// <summary>SM3.</summary>
    public const string Sm3 = "1.2.156.10197.1.401";

    /// <summary>HMAC with SM3.</summary>
    public const string HmacSm3 = "1.2.156.10197.1.401.2";

    /// <summary>SM4 in CBC mode.</summary>
    public const string Sm4Cbc = "1.2.156.10197.1.104.2";

    // The name that GM/T 0091 table A.1 gives HMAC-SM3, and those it gives PBKDF2 and PBES2. Some tools write them; read, never written here.
    internal const string HmacSm3Gmt0091 = "1.2.156.10197.1.401.3.1";
    internal const string Pbkdf2Gmt0091 = "1.2.156.10197.6.1.4.1.5.1";
    internal const string Pbes2Gmt0091 = "1.2.156.10197.6.1.4.1.5.2";

    internal const string Pbkdf2 = "1.2.840.113549.1.5.12";
    internal const string Pbes2 = "1.2.840.113549.1.5.13";
    internal const string HmacSha1 = "1.2.840.113549.2.7";
    internal const string HmacSha256 = "1.2.840.113549.2.9";
    internal const string HmacSha384 = "1.2.840.113549.2.10";
    internal const string HmacSha512 = "1.2.840.113549.2.11";
    internal const string Aes128Cbc = "2.16.840.1.101.3.4.1.2";
    internal const string Aes192Cbc = "2.16.840.1.101.3.4.1.22";
    internal const string Aes256Cbc = "2.16.840.1.101.3.4.1.42";
}
