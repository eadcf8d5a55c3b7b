namespace Qanat.Tls;

/// <summary>The SM cipher suites (GB/T 38636-2020 section 6.4.5.2.1, RFC 8998 section 2); the values are those on the wire.</summary>
public enum SmCipherSuite : ushort
{
    /// <summary>None yet.</summary>
    None = 0,
    /// <summary>TLCP: SM2 key agreement with both ends' encryption certificates, SM4-CBC, HMAC-SM3. The client always authenticates.</summary>
    EcdheSm4CbcSm3 = 0xE011,
    /// <summary>TLCP: pre-master secret encrypted to the server's encryption certificate, SM4-CBC, HMAC-SM3.</summary>
    EccSm4CbcSm3 = 0xE013,
    /// <summary>TLCP: SM2 key agreement with both ends' encryption certificates, SM4-GCM. The client always authenticates.</summary>
    EcdheSm4GcmSm3 = 0xE051,
    /// <summary>TLCP: pre-master secret encrypted to the server's encryption certificate, SM4-GCM.</summary>
    EccSm4GcmSm3 = 0xE053,
    /// <summary>TLS 1.3: SM4-GCM, SM3.</summary>
    TlsSm4GcmSm3 = 0x00C6,
    /// <summary>TLS 1.3: SM4-CCM, SM3.</summary>
    TlsSm4CcmSm3 = 0x00C7,
}

/// <summary>How a suite protects records.</summary>
public enum SmCipherMode
{
    /// <summary>SM4-CBC with HMAC-SM3, MAC then encrypt.</summary>
    Cbc,
    /// <summary>SM4-GCM.</summary>
    Gcm,
    /// <summary>SM4-CCM with a tag of 16 bytes.</summary>
    Ccm,
}

/// <summary>What a suite is made of.</summary>
public static class SmCipherSuites
{
    /// <summary>Signals secure renegotiation in a list of suites (RFC 5746); not a suite.</summary>
    public const ushort EmptyRenegotiationInfoScsv = 0x00FF;

    /// <summary>Signals a retry with an older version in a list of suites (RFC 7507); not a suite.</summary>
    public const ushort FallbackScsv = 0x5600;

    /// <summary>True for the six suites of this library.</summary>
    public static bool IsKnown(ushort suite) => (SmCipherSuite)suite is
        SmCipherSuite.EcdheSm4CbcSm3 or SmCipherSuite.EccSm4CbcSm3 or SmCipherSuite.EcdheSm4GcmSm3 or SmCipherSuite.EccSm4GcmSm3
        or SmCipherSuite.TlsSm4GcmSm3 or SmCipherSuite.TlsSm4CcmSm3;

    /// <summary>The protocol a suite belongs to.</summary>
    public static SmProtocol Protocol(this SmCipherSuite suite) => suite switch
    {
        SmCipherSuite.TlsSm4GcmSm3 or SmCipherSuite.TlsSm4CcmSm3 => SmProtocol.Tls13,
        SmCipherSuite.None => SmProtocol.None,
        _ => SmProtocol.Tlcp,
    };

    /// <summary>True for the TLCP suites with SM2 key agreement.</summary>
    public static bool IsEcdhe(this SmCipherSuite suite) => suite is SmCipherSuite.EcdheSm4CbcSm3 or SmCipherSuite.EcdheSm4GcmSm3;

    /// <summary>How the suite protects records.</summary>
    public static SmCipherMode Mode(this SmCipherSuite suite) => suite switch
    {
        SmCipherSuite.EcdheSm4CbcSm3 or SmCipherSuite.EccSm4CbcSm3 => SmCipherMode.Cbc,
        SmCipherSuite.TlsSm4CcmSm3 => SmCipherMode.Ccm,
        _ => SmCipherMode.Gcm,
    };

    /// <summary>The name of the standard, such as <c>ECC_SM4_GCM_SM3</c> or <c>TLS_SM4_GCM_SM3</c>; four hex digits for other numbers.</summary>
    public static string Name(ushort suite) => (SmCipherSuite)suite switch
    {
        SmCipherSuite.EcdheSm4CbcSm3 => "ECDHE_SM4_CBC_SM3",
        SmCipherSuite.EccSm4CbcSm3 => "ECC_SM4_CBC_SM3",
        SmCipherSuite.EcdheSm4GcmSm3 => "ECDHE_SM4_GCM_SM3",
        SmCipherSuite.EccSm4GcmSm3 => "ECC_SM4_GCM_SM3",
        SmCipherSuite.TlsSm4GcmSm3 => "TLS_SM4_GCM_SM3",
        SmCipherSuite.TlsSm4CcmSm3 => "TLS_SM4_CCM_SM3",
        _ => suite.ToString("x4", System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>The name of the standard.</summary>
    public static string Name(this SmCipherSuite suite) => Name((ushort)suite);
}
