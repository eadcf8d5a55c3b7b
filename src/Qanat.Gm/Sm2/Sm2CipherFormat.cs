namespace Qanat.Gm;

/// <summary>How an SM2 ciphertext is written.</summary>
public enum Sm2CipherFormat
{
    /// <summary>C1 (0x04, x, y), C3 (32 bytes), C2, one after the other (GB/T 32918.4-2016 section 6.1).</summary>
    C1C3C2,

    /// <summary>SEQUENCE { INTEGER x, INTEGER y, OCTET STRING C3, OCTET STRING C2 }, DER (GM/T 0009-2012 section 7.2). The form of TLCP.</summary>
    Asn1,
}
