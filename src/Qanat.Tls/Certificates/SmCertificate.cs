using System.Net;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Certificates;

/// <summary>What a key may do (RFC 5280 section 4.2.1.3). The bits are those of the standard, counted from 0.</summary>
[Flags]
public enum SmKeyUsage
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Sign handshakes: the signing certificate of a TLCP pair, every TLS 1.3 certificate.</summary>
    DigitalSignature = 1 << 0,

    /// <summary>Sign documents that cannot be denied.</summary>
    NonRepudiation = 1 << 1,

    /// <summary>Decrypt keys: the encryption certificate of a TLCP pair, ECC suites.</summary>
    KeyEncipherment = 1 << 2,

    /// <summary>Decrypt data.</summary>
    DataEncipherment = 1 << 3,

    /// <summary>Agree on keys: the encryption certificate of a TLCP pair, ECDHE suites.</summary>
    KeyAgreement = 1 << 4,

    /// <summary>Sign certificates.</summary>
    KeyCertSign = 1 << 5,

    /// <summary>Sign revocation lists.</summary>
    CrlSign = 1 << 6,

    /// <summary>With <see cref="KeyAgreement"/>: only encrypt.</summary>
    EncipherOnly = 1 << 7,

    /// <summary>With <see cref="KeyAgreement"/>: only decrypt.</summary>
    DecipherOnly = 1 << 8,
}

/// <summary>
/// An X.509 certificate of an SM2 key, signed with SM2 and SM3 under the default user id (RFC 5280, GM/T 0015, GB/T 20518).
/// Parsed once and strictly; immutable; may be used by many threads.
/// </summary>
public sealed partial class SmCertificate : IEquatable<SmCertificate>
{
    /// <summary>Longest certificate that is read, in bytes. Real ones have 400 to 2,000.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>The certificate in DER.</summary>
    public ReadOnlyMemory<byte> RawData { get; }

    /// <summary>The signed part in DER.</summary>
    public ReadOnlyMemory<byte> TbsCertificate { get; private set; }

    /// <summary>The signature: DER of r and s.</summary>
    public ReadOnlyMemory<byte> Signature { get; private set; }

    /// <summary>The serial number, big-endian, at most 20 bytes.</summary>
    public ReadOnlyMemory<byte> SerialNumber { get; private set; }

    /// <summary>Whose key this is.</summary>
    public SmName Subject { get; private set; }

    /// <summary>Who says so.</summary>
    public SmName Issuer { get; private set; }

    /// <summary>First moment of validity.</summary>
    public DateTimeOffset NotBefore { get; private set; }

    /// <summary>Last moment of validity.</summary>
    public DateTimeOffset NotAfter { get; private set; }

    /// <summary>The public key; it can verify and encrypt. One instance for the life of the certificate; do not dispose it.</summary>
    public Sm2 PublicKey { get; private set; }

    /// <summary>The SubjectPublicKeyInfo in DER.</summary>
    public ReadOnlyMemory<byte> SubjectPublicKeyInfo { get; private set; }

    /// <summary>What the key may do; null when the certificate does not say.</summary>
    public SmKeyUsage? KeyUsage { get; private set; }

    /// <summary>Object identifiers of the extended key usages; null when the certificate does not say.</summary>
    public IReadOnlyList<string>? ExtendedKeyUsage { get; private set; }

    /// <summary>True when the key may sign certificates (basicConstraints cA).</summary>
    public bool IsCertificateAuthority { get; private set; }

    /// <summary>How many intermediate authorities may stand below; null: no limit.</summary>
    public int? PathLength { get; private set; }

    /// <summary>DNS names of the subjectAltName, lower case ASCII.</summary>
    public IReadOnlyList<string> DnsNames { get; private set; } = [];

    /// <summary>IP addresses of the subjectAltName.</summary>
    public IReadOnlyList<IPAddress> IPAddresses { get; private set; } = [];

    /// <summary>The subject's key id, if stated.</summary>
    public ReadOnlyMemory<byte>? SubjectKeyIdentifier { get; private set; }

    /// <summary>The issuer's key id, if stated.</summary>
    public ReadOnlyMemory<byte>? AuthorityKeyIdentifier { get; private set; }

    /// <summary>True when there are nameConstraints. They are not evaluated, so such an authority is refused.</summary>
    public bool HasNameConstraints { get; private set; }

    /// <summary>Object identifiers of critical extensions that are not understood here; a chain with one is refused.</summary>
    public IReadOnlyList<string> UnknownCriticalExtensions { get; private set; } = [];

    /// <summary>True when subject and issuer are the same name.</summary>
    public bool IsSelfIssued => Subject.Equals(Issuer);

    /// <summary>True when the key of <paramref name="issuer"/> made the signature. Names and usages are not looked at.</summary>
    public bool IsSignedBy(SmCertificate issuer)
    {
        ArgumentNullException.ThrowIfNull(issuer);
        return SmDer.Verify(issuer.PublicKey, TbsCertificate, Signature);
    }

    /// <summary>The certificate as PEM.</summary>
    public string ToPem() => PemEncoding.WriteString(SmPem.CertificateLabel, RawData.Span);

    /// <summary>True when every byte is the same.</summary>
    public bool Equals(SmCertificate? other) => other is not null && (ReferenceEquals(this, other) || RawData.Span.SequenceEqual(other.RawData.Span));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SmCertificate);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        // The signature is as good as random.
        HashCode hash = default;
        hash.AddBytes(Signature.Span);
        return hash.ToHashCode();
    }

    /// <summary>The subject and the serial number, for messages.</summary>
    public override string ToString() => $"{Subject} (serial {Convert.ToHexStringLower(SerialNumber.Span)})";
}
