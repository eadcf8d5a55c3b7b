namespace Qanat.Tls;

/// <summary>Named groups that this library uses or meets (IANA TLS Supported Groups).</summary>
public enum NamedGroup : ushort
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>secp256r1, met in ordinary hellos.</summary>
    Secp256R1 = 0x0017,
    /// <summary>X25519, met in ordinary hellos.</summary>
    X25519 = 0x001D,
    /// <summary>The SM2 curve (RFC 8998 section 3.1); shares are uncompressed points of 65 bytes.</summary>
    CurveSm2 = 0x0029,
    /// <summary>X25519MLKEM768, met in ordinary hellos.</summary>
    X25519MlKem768 = 0x11EC,
    /// <summary>SM2 with ML-KEM-768 (draft-yang-tls-hybrid-sm2-mlkem): client share 65 + 1184 bytes, server share 65 + 1088 bytes.</summary>
    CurveSm2MlKem768 = 0x11EE,
}

/// <summary>Signature schemes that this library uses or meets (IANA TLS SignatureScheme).</summary>
public enum SignatureScheme : ushort
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>SM2 with SM3 and the id <c>TLSv1.3+GM+Cipher+Suite</c> (RFC 8998 section 3.2.1).</summary>
    Sm2SigSm3 = 0x0708,
    /// <summary>SM2 with SM3 as TLCP peers write it in signature_algorithms.</summary>
    Sm2SigSm3Tlcp = 0x0704,
    /// <summary>ECDSA on P-256 with SHA-256, met in ordinary hellos.</summary>
    EcdsaSecp256R1Sha256 = 0x0403,
    /// <summary>RSA-PSS with SHA-256, met in ordinary hellos.</summary>
    RsaPssRsaeSha256 = 0x0804,
    /// <summary>Ed25519, met in ordinary hellos.</summary>
    Ed25519 = 0x0807,
}
