namespace Qanat.Tls;

/// <summary>The two protocols that carry SM suites; the values are the version numbers on the wire.</summary>
public enum SmProtocol : ushort
{
    /// <summary>None yet.</summary>
    None = 0,
    /// <summary>TLCP 1.1, GB/T 38636-2020.</summary>
    Tlcp = 0x0101,
    /// <summary>TLS 1.3, RFC 8446, with the suites of RFC 8998.</summary>
    Tls13 = 0x0304,
}

/// <summary>Version numbers that stand in records and hellos besides <see cref="SmProtocol"/>.</summary>
public static class ProtocolVersions
{
    /// <summary>TLCP 1.1.</summary>
    public const ushort Tlcp = 0x0101;
    /// <summary>TLS 1.0: the first record of a TLS 1.3 client may carry it (RFC 8446 section 5.1).</summary>
    public const ushort Tls10 = 0x0301;
    /// <summary>TLS 1.2: the frozen legacy_version of TLS 1.3 records and hellos.</summary>
    public const ushort Tls12 = 0x0303;
    /// <summary>TLS 1.3, in supported_versions only.</summary>
    public const ushort Tls13 = 0x0304;
}
