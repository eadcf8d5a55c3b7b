using Qanat.Tls.Messages;

namespace Qanat.Tls;

/// <summary>What a client signs in TLCP's CertificateVerify.</summary>
public enum TlcpCertificateVerifyDialect
{
    /// <summary>SM3 of the handshake messages (GB/T 38636 section 6.4.5.9).</summary>
    TranscriptHash = 0,

    /// <summary>The handshake messages themselves: GmSSL.</summary>
    RawTranscript = 1,
}

/// <summary>Which end certificates a client shows in TLCP's Certificate message.</summary>
public enum TlcpClientCertificatesDialect
{
    /// <summary>Signing and encryption certificate.</summary>
    Pair = 0,

    /// <summary>The signing certificate alone: GmSSL in ECC suites.</summary>
    One = 1,
}

/// <summary>
/// The ways in which TLCP peers write the same handshake. A server tells its client's by what arrives; a client must know its server's, and learns them with <see cref="SmPeerDialects"/>.
/// Immutable; the default is the standard's.
/// </summary>
public sealed record SmTlcpDialect
{
    /// <summary>What GB/T 38636-2020 says.</summary>
    public static SmTlcpDialect Standard { get; } = new();

    /// <summary>How an ECDHE ClientKeyExchange is written.</summary>
    public ClientKeyExchangeDialect ClientKeyExchange { get; init; } = ClientKeyExchangeDialect.WithLength;

    /// <summary>What CertificateVerify signs.</summary>
    public TlcpCertificateVerifyDialect CertificateVerify { get; init; }

    /// <summary>Which end certificates the client shows.</summary>
    public TlcpClientCertificatesDialect ClientCertificates { get; init; }

    /// <summary>True for a ClientHello without extensions, so without server_name and application protocols: some servers refuse every other one.</summary>
    public bool IsHelloMinimal { get; init; }
}
