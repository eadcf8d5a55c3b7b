using System.Formats.Asn1;
using Qanat.Gm;

namespace Qanat.Tls.Certificates;

public sealed partial class SmCertificate
{
    private const int MaxExtensions = 64;

    private SmCertificate(byte[] der)
    {
        RawData = der;
        (Subject, Issuer, PublicKey) = SmDer.Read("Certificate", der, ReadCertificate);
    }

    /// <summary>Reads a certificate; the bytes are copied.</summary>
    /// <exception cref="SmCertificateException">Not an SM2 certificate in strict DER.</exception>
    public static SmCertificate Parse(ReadOnlySpan<byte> der) => der.Length <= MaxBytes
        ? new SmCertificate(der.ToArray())
        : throw new SmCertificateException(SmCertificateError.TooLarge, $"a certificate of {der.Length} bytes; at most {MaxBytes} are read");

    /// <summary>Reads the first certificate of a PEM text.</summary>
    /// <exception cref="SmCertificateException">No certificate, or not an SM2 certificate.</exception>
    public static SmCertificate FromPem(ReadOnlySpan<char> pem) => Parse(SmPem.ReadOne(pem, SmPem.CertificateLabel));

    /// <summary>Reads every certificate of a PEM text, in order.</summary>
    /// <exception cref="SmCertificateException">No certificate, or one that is not an SM2 certificate.</exception>
    public static IReadOnlyList<SmCertificate> ListFromPem(ReadOnlySpan<char> pem) => [.. SmPem.ReadAll(pem, SmPem.CertificateLabel).Select(der => Parse(der))];

    private (SmName Subject, SmName Issuer, Sm2 PublicKey) ReadCertificate(AsnReader reader)
    {
        AsnReader certificate = reader.ReadSequence();
        TbsCertificate = certificate.PeekEncodedValue();
        AsnReader tbs = certificate.ReadSequence();
        bool isVersion3 = ReadVersion(tbs);
        SerialNumber = SmDer.ReadSerialNumber(tbs);
        ReadOnlyMemory<byte> algorithm = SmDer.ReadSignatureAlgorithm(tbs);
        SmName issuer = SmName.Read(tbs);
        AsnReader validity = tbs.ReadSequence();
        NotBefore = SmDer.ReadTime(validity);
        NotAfter = SmDer.ReadTime(validity);
        validity.ThrowIfNotEmpty();
        SmName subject = SmName.Read(tbs);
        Sm2 publicKey = SmDer.ReadPublicKey(tbs, out ReadOnlyMemory<byte> info);
        SubjectPublicKeyInfo = info;
        if (tbs.IsContext(1) || tbs.IsContext(2))
        {
            throw new SmCertificateException(SmCertificateError.UnsupportedVersion, "issuerUniqueID and subjectUniqueID are not read (RFC 5280 forbids them)");
        }
        if (isVersion3 && tbs.IsContext(3))
        {
            AsnReader wrapper = tbs.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 3));
            ReadExtensions(wrapper.ReadSequence());
            wrapper.ThrowIfNotEmpty();
        }
        tbs.ThrowIfNotEmpty();
        Signature = SmDer.ReadSignature(certificate, algorithm);
        certificate.ThrowIfNotEmpty();
        return (subject, issuer, publicKey);
    }

    // v1 has no extensions and so can be no authority here; it may still be a trust anchor that signs nothing but itself.
    private static bool ReadVersion(AsnReader tbs)
    {
        if (!tbs.IsContext(0))
        {
            return false;
        }
        AsnReader wrapper = tbs.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0));
        if (!wrapper.TryReadInt32(out int version) || version != 2)
        {
            throw new SmCertificateException(SmCertificateError.UnsupportedVersion, "version is not v3");
        }
        wrapper.ThrowIfNotEmpty();
        return true;
    }

    private void ReadExtensions(AsnReader extensions)
    {
        HashSet<string> seen = [];
        List<string> unknown = [];
        while (extensions.HasData)
        {
            (string oid, bool isCritical, ReadOnlyMemory<byte> value) = SmExtensions.ReadOne(extensions);
            if (!seen.Add(oid) || seen.Count > MaxExtensions)
            {
                throw new SmCertificateException(SmCertificateError.InvalidExtension, seen.Count > MaxExtensions ? $"more than {MaxExtensions} extensions" : $"extension {SmDer.Show(oid)} is there twice");
            }
            AsnReader content = new(value, AsnEncodingRules.DER);
            if (!ReadKnown(oid, content))
            {
                if (isCritical)
                {
                    unknown.Add(oid);
                }
                continue;
            }
            if (content.HasData)
            {
                throw new SmCertificateException(SmCertificateError.InvalidExtension, $"extension {oid} is followed by other bytes");
            }
        }
        if (seen.Count == 0)
        {
            throw SmDer.Malformed("extensions are there and empty");
        }
        UnknownCriticalExtensions = unknown;
    }

    private bool ReadKnown(string oid, AsnReader content)
    {
        switch (oid)
        {
            case SmExtensions.KeyUsage:
                KeyUsage = content.ReadNamedBitListValue<SmKeyUsage>();
                return true;
            case SmExtensions.BasicConstraints:
                (IsCertificateAuthority, PathLength) = SmExtensions.ReadBasicConstraints(content);
                return true;
            case SmExtensions.ExtendedKeyUsage:
                ExtendedKeyUsage = SmExtensions.ReadExtendedKeyUsage(content);
                return true;
            case SmExtensions.SubjectAltName:
                (DnsNames, IPAddresses) = SmExtensions.ReadSubjectAltName(content);
                return true;
            case SmExtensions.SubjectKeyIdentifier:
                SubjectKeyIdentifier = SmDer.ReadOctets(content, "subjectKeyIdentifier");
                return true;
            case SmExtensions.AuthorityKeyIdentifier:
                AuthorityKeyIdentifier = SmExtensions.ReadAuthorityKeyIdentifier(content);
                return true;
            case SmExtensions.NameConstraints:
                HasNameConstraints = true;
                content.ReadEncodedValue();
                return true;
            // With no policy asked for, policies of any kind pass (RFC 5280 section 6.1.1, any-policy).
            case SmExtensions.CertificatePolicies or SmExtensions.CrlDistributionPoints or SmExtensions.AuthorityInfoAccess:
                content.ReadEncodedValue();
                return true;
            default:
                return false;
        }
    }
}
