using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Qanat.Tls.Certificates;

/// <summary>A full revocation list of an SM2 authority (RFC 5280 chapter 5). Immutable; may be used by many threads.</summary>
public sealed class SmCertificateRevocationList
{
    /// <summary>Longest list that is read, in bytes: some 400,000 entries.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    private readonly Dictionary<string, DateTimeOffset> _revoked = new(StringComparer.Ordinal);

    private SmCertificateRevocationList(byte[] der)
    {
        RawData = der;
        Issuer = SmDer.Read("CertificateList", der, Read);
    }

    /// <summary>The list in DER.</summary>
    public ReadOnlyMemory<byte> RawData { get; }

    /// <summary>The authority whose certificates are listed.</summary>
    public SmName Issuer { get; }

    /// <summary>Moment of issue.</summary>
    public DateTimeOffset ThisUpdate { get; private set; }

    /// <summary>When the next list is out at the latest; after it this one says nothing.</summary>
    public DateTimeOffset NextUpdate { get; private set; }

    /// <summary>How many certificates are listed.</summary>
    public int Count => _revoked.Count;

    /// <summary>The issuer's key id, if stated.</summary>
    public ReadOnlyMemory<byte>? AuthorityKeyIdentifier { get; private set; }

    private ReadOnlyMemory<byte> SignedPart { get; set; }

    private ReadOnlyMemory<byte> Signature { get; set; }

    /// <summary>Reads a list; the bytes are copied. The signature is not verified: <see cref="IsSignedBy"/>.</summary>
    /// <exception cref="SmCertificateException">Not a full list of an SM2 authority in strict DER.</exception>
    public static SmCertificateRevocationList Parse(ReadOnlySpan<byte> der) => der.Length <= MaxBytes
        ? new SmCertificateRevocationList(der.ToArray())
        : throw new SmCertificateException(SmCertificateError.TooLarge, $"a revocation list of {der.Length} bytes; at most {MaxBytes} are read");

    /// <summary>Reads the first list of a PEM text.</summary>
    /// <exception cref="SmCertificateException">No list, or a bad one.</exception>
    public static SmCertificateRevocationList FromPem(ReadOnlySpan<char> pem) => Parse(SmPem.ReadOne(pem, SmPem.CrlLabel));

    /// <summary>When the serial number was revoked; false when it is not listed.</summary>
    public bool TryGetRevocation(ReadOnlySpan<byte> serialNumber, out DateTimeOffset at) => _revoked.TryGetValue(Convert.ToHexString(serialNumber), out at);

    /// <summary>True when the authority made the signature and may sign lists.</summary>
    public bool IsSignedBy(SmCertificate authority)
    {
        ArgumentNullException.ThrowIfNull(authority);
        return authority.Subject.Equals(Issuer) && (authority.KeyUsage is not { } usage || usage.HasFlag(SmKeyUsage.CrlSign)) && SmDer.Verify(authority.PublicKey, SignedPart, Signature);
    }

    /// <summary>The list as PEM.</summary>
    public string ToPem() => PemEncoding.WriteString(SmPem.CrlLabel, RawData.Span);

    /// <summary>Every revoked serial number with its moment.</summary>
    public IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, DateTimeOffset>> Revoked =>
        _revoked.Select(entry => KeyValuePair.Create((ReadOnlyMemory<byte>)Convert.FromHexString(entry.Key), entry.Value));

    private SmName Read(AsnReader reader)
    {
        AsnReader list = reader.ReadSequence();
        SignedPart = list.PeekEncodedValue();
        AsnReader tbs = list.ReadSequence();
        if (!tbs.TryReadInt32(out int version) || version != 1)
        {
            throw new SmCertificateException(SmCertificateError.UnsupportedVersion, "the revocation list is not version 2");
        }
        ReadOnlyMemory<byte> algorithm = SmDer.ReadSignatureAlgorithm(tbs);
        SmName issuer = SmName.Read(tbs);
        ThisUpdate = SmDer.ReadTime(tbs);
        if (!tbs.HasData || tbs.PeekTag() is not { TagClass: TagClass.Universal } tag || tag.TagValue is not ((int)UniversalTagNumber.UtcTime or (int)UniversalTagNumber.GeneralizedTime))
        {
            throw SmDer.Malformed("nextUpdate is missing, so nobody could say when the list is too old");
        }
        NextUpdate = SmDer.ReadTime(tbs);
        if (tbs.HasData && tbs.PeekTag() == Asn1Tag.Sequence)
        {
            ReadEntries(tbs.ReadSequence());
        }
        if (tbs.IsContext(0))
        {
            AsnReader wrapper = tbs.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0));
            ReadExtensions(wrapper.ReadSequence());
            wrapper.ThrowIfNotEmpty();
        }
        tbs.ThrowIfNotEmpty();
        Signature = SmDer.ReadSignature(list, algorithm);
        list.ThrowIfNotEmpty();
        return issuer;
    }

    private void ReadEntries(AsnReader entries)
    {
        while (entries.HasData)
        {
            AsnReader entry = entries.ReadSequence();
            ReadOnlyMemory<byte> serial = SmDer.ReadSerialNumber(entry);
            DateTimeOffset at = SmDer.ReadTime(entry);
            if (entry.HasData)
            {
                RefuseCritical(entry.ReadSequence());
            }
            entry.ThrowIfNotEmpty();
            _revoked[Convert.ToHexString(serial.Span)] = at;
        }
    }

    private void ReadExtensions(AsnReader extensions)
    {
        while (extensions.HasData)
        {
            (string oid, bool isCritical, ReadOnlyMemory<byte> value) = SmExtensions.ReadOne(extensions);
            if (oid == SmExtensions.AuthorityKeyIdentifier)
            {
                AsnReader content = new(value, AsnEncodingRules.DER);
                AuthorityKeyIdentifier = SmExtensions.ReadAuthorityKeyIdentifier(content);
                content.ThrowIfNotEmpty();
            }
            else if (isCritical)
            {
                throw Unsupported(oid);
            }
        }
    }

    // A critical entry extension (certificateIssuer) changes whose certificate the entry means.
    private static void RefuseCritical(AsnReader extensions)
    {
        while (extensions.HasData)
        {
            (string oid, bool isCritical, _) = SmExtensions.ReadOne(extensions);
            if (isCritical)
            {
                throw Unsupported(oid);
            }
        }
    }

    private static SmCertificateException Unsupported(string oid) =>
        new(SmCertificateError.InvalidExtension, $"the revocation list has the critical extension {SmDer.Show(oid)} (a delta, partial or indirect list); a full list of the authority itself is needed");
}
