using System.Formats.Asn1;
using System.Net;

namespace Qanat.Tls.Certificates;

/// <summary>The X.509 extensions that are understood (RFC 5280 section 4.2): reading and writing.</summary>
internal static class SmExtensions
{
    public const string SubjectKeyIdentifier = "2.5.29.14";
    public const string KeyUsage = "2.5.29.15";
    public const string SubjectAltName = "2.5.29.17";
    public const string BasicConstraints = "2.5.29.19";
    public const string CrlNumber = "2.5.29.20";
    public const string NameConstraints = "2.5.29.30";
    public const string CrlDistributionPoints = "2.5.29.31";
    public const string CertificatePolicies = "2.5.29.32";
    public const string AuthorityKeyIdentifier = "2.5.29.35";
    public const string ExtendedKeyUsage = "2.5.29.37";
    public const string AuthorityInfoAccess = "1.3.6.1.5.5.7.1.1";

    private const int MaxNames = 1024;

    public static (string Oid, bool IsCritical, ReadOnlyMemory<byte> Value) ReadOne(AsnReader extensions)
    {
        AsnReader extension = extensions.ReadSequence();
        string oid = extension.ReadObjectIdentifier();
        bool isCritical = false;
        if (extension.HasData && extension.PeekTag() == Asn1Tag.Boolean)
        {
            isCritical = ReadNonDefaultTrue(extension, "critical");
        }
        ReadOnlyMemory<byte> value = SmDer.ReadOctets(extension, "extnValue");
        extension.ThrowIfNotEmpty();
        return (oid, isCritical, value);
    }

    public static (bool IsAuthority, int? PathLength) ReadBasicConstraints(AsnReader content)
    {
        AsnReader constraints = content.ReadSequence();
        bool isAuthority = constraints.HasData && constraints.PeekTag() == Asn1Tag.Boolean && ReadNonDefaultTrue(constraints, "basicConstraints.cA");
        int? pathLength = null;
        if (constraints.HasData)
        {
            if (!constraints.TryReadInt32(out int length) || length < 0 || !isAuthority)
            {
                throw Invalid("basicConstraints.pathLenConstraint is negative, too large, or without cA");
            }
            pathLength = length;
        }
        constraints.ThrowIfNotEmpty();
        return (isAuthority, pathLength);
    }

    public static IReadOnlyList<string> ReadExtendedKeyUsage(AsnReader content)
    {
        AsnReader sequence = content.ReadSequence();
        List<string> usages = [];
        while (sequence.HasData)
        {
            usages.Add(sequence.ReadObjectIdentifier());
        }
        return usages.Count is > 0 and <= MaxNames ? usages : throw Invalid("extKeyUsage is empty or too long");
    }

    public static (IReadOnlyList<string> Dns, IReadOnlyList<IPAddress> Ips) ReadSubjectAltName(AsnReader content)
    {
        AsnReader names = content.ReadSequence();
        if (!names.HasData)
        {
            throw Invalid("subjectAltName is empty");
        }
        List<string> dns = [];
        List<IPAddress> addresses = [];
        for (int count = 0; names.HasData; count++)
        {
            if (count == MaxNames)
            {
                throw Invalid($"subjectAltName has more than {MaxNames} names");
            }
            Asn1Tag tag = names.PeekTag();
            if (tag.TagClass != TagClass.ContextSpecific || tag.TagValue > 8)
            {
                throw Invalid("subjectAltName has a name of no known kind");
            }
            switch (tag.TagValue)
            {
                case 2:
                    // What is no host name (an old f*.example.com) can match none.
                    if (SmHostName.Normalize(names.ReadCharacterString(UniversalTagNumber.IA5String, tag)) is { } name)
                    {
                        dns.Add(name);
                    }
                    break;
                case 7:
                    ReadOnlySpan<byte> bytes = SmDer.ReadOctets(names, "subjectAltName.iPAddress", tag).Span;
                    addresses.Add(bytes.Length is 4 or 16 ? new IPAddress(bytes) : throw Invalid("subjectAltName has an iPAddress of neither 4 nor 16 bytes"));
                    break;
                default:
                    names.ReadEncodedValue();
                    break;
            }
        }
        return (dns, addresses);
    }

    public static ReadOnlyMemory<byte>? ReadAuthorityKeyIdentifier(AsnReader content)
    {
        AsnReader identifier = content.ReadSequence();
        ReadOnlyMemory<byte>? key = identifier.IsContext(0) ? SmDer.ReadOctets(identifier, "authorityKeyIdentifier", new Asn1Tag(TagClass.ContextSpecific, 0)) : null;
        for (int field = 1; field <= 2; field++)
        {
            if (identifier.IsContext(field))
            {
                identifier.ReadEncodedValue();
            }
        }
        identifier.ThrowIfNotEmpty();
        return key;
    }

    public static void Write(AsnWriter writer, string oid, bool isCritical, Action<AsnWriter> content)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            if (isCritical)
            {
                writer.WriteBoolean(true);
            }
            using (writer.PushOctetString())
            {
                content(writer);
            }
        }
    }

    public static void WriteSubjectAltName(AsnWriter writer, IReadOnlyList<string> dns, IReadOnlyList<IPAddress> addresses)
    {
        using (writer.PushSequence())
        {
            foreach (string name in dns)
            {
                writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2));
            }
            foreach (IPAddress address in addresses)
            {
                writer.WriteOctetString(address.GetAddressBytes(), new Asn1Tag(TagClass.ContextSpecific, 7));
            }
        }
    }

    public static void WriteAuthorityKeyIdentifier(AsnWriter writer, ReadOnlySpan<byte> keyIdentifier)
    {
        using (writer.PushSequence())
        {
            writer.WriteOctetString(keyIdentifier, new Asn1Tag(TagClass.ContextSpecific, 0));
        }
    }

    // DER leaves a DEFAULT FALSE out (X.690 section 11.5).
    private static bool ReadNonDefaultTrue(AsnReader reader, string field) =>
        reader.ReadBoolean() ? true : throw SmDer.Malformed($"{field} states its default; DER leaves it out");

    private static SmCertificateException Invalid(string what) => new(SmCertificateError.InvalidExtension, what);
}
