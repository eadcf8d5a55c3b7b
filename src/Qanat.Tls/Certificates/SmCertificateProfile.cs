using System.Net;

namespace Qanat.Tls.Certificates;

/// <summary>What an authority writes into a certificate beside the subject and its key.</summary>
/// <remarks>The profiles made here have the usages that Tongsuo, GmSSL and gotlcp accept: no extended key usage unless asked for, an encryption key that may also agree on keys.</remarks>
public sealed record SmCertificateProfile
{
    /// <summary>Object identifier of the extended key usage for TLS servers.</summary>
    public const string ServerAuth = "1.3.6.1.5.5.7.3.1";

    /// <summary>Object identifier of the extended key usage for TLS clients.</summary>
    public const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    /// <summary>Object identifier of the extended key usage that stands for all (RFC 5280 section 4.2.1.12).</summary>
    public const string AnyExtendedKeyUsage = "2.5.29.37.0";

    /// <summary>First moment of validity; whole seconds are written.</summary>
    public required DateTimeOffset NotBefore { get; init; }

    /// <summary>Last moment of validity; not after that of the issuer.</summary>
    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>What the key may do; written as a critical extension.</summary>
    public required SmKeyUsage KeyUsage { get; init; }

    /// <summary>Extended key usages; none: no restriction.</summary>
    public IReadOnlyList<string> ExtendedKeyUsage { get; init; } = [];

    /// <summary>Whether the key may sign certificates.</summary>
    public bool IsCertificateAuthority { get; init; }

    /// <summary>How many intermediate authorities may stand below; null: no limit.</summary>
    public int? PathLength { get; init; }

    /// <summary>DNS names the certificate is for.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>IP addresses the certificate is for.</summary>
    public IReadOnlyList<IPAddress> IPAddresses { get; init; } = [];

    /// <summary>An authority.</summary>
    /// <param name="notBefore">First moment of validity.</param>
    /// <param name="notAfter">Last moment of validity.</param>
    /// <param name="pathLength">How many authorities may stand below it. GmSSL wants it stated for all but roots.</param>
    public static SmCertificateProfile Authority(DateTimeOffset notBefore, DateTimeOffset notAfter, int? pathLength) => new()
    {
        NotBefore = notBefore,
        NotAfter = notAfter,
        KeyUsage = SmKeyUsage.KeyCertSign | SmKeyUsage.CrlSign,
        IsCertificateAuthority = true,
        PathLength = pathLength,
    };

    /// <summary>The signing certificate of a TLCP pair, and the certificate of TLS 1.3.</summary>
    public static SmCertificateProfile Sign(DateTimeOffset notBefore, DateTimeOffset notAfter) => new()
    {
        NotBefore = notBefore,
        NotAfter = notAfter,
        KeyUsage = SmKeyUsage.DigitalSignature,
    };

    /// <summary>The encryption certificate of a TLCP pair. Tongsuo wants keyAgreement of clients, ECC suites want keyEncipherment.</summary>
    public static SmCertificateProfile Encrypt(DateTimeOffset notBefore, DateTimeOffset notAfter) => new()
    {
        NotBefore = notBefore,
        NotAfter = notAfter,
        KeyUsage = SmKeyUsage.KeyEncipherment | SmKeyUsage.DataEncipherment | SmKeyUsage.KeyAgreement,
    };

    /// <summary>The same profile for these hosts, DNS names and IP addresses mixed.</summary>
    /// <exception cref="ArgumentException">One is neither.</exception>
    public SmCertificateProfile For(params IEnumerable<string> hosts)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        List<string> names = [];
        List<IPAddress> addresses = [];
        foreach (string host in hosts)
        {
            if (SmHostName.ParseAddress(host) is { } address)
            {
                addresses.Add(address);
            }
            else
            {
                names.Add(SmHostName.Normalize(host) ?? throw new ArgumentException($"'{host}' is neither a host name nor an IP address", nameof(hosts)));
            }
        }
        return this with { DnsNames = names, IPAddresses = addresses };
    }
}
