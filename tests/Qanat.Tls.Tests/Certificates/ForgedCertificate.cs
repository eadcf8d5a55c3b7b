using System.Formats.Asn1;
using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>Writes certificates that an honest authority would not: every field can be wrong, the signature is right unless asked otherwise.</summary>
internal sealed record ForgedCertificate
{
    private static int s_serial = 1000;

    public required SmName Subject { get; init; }
    public required SmName Issuer { get; init; }
    public required byte[] PublicKeyInfo { get; init; }
    public DateTimeOffset NotBefore { get; init; } = TestPki.Now.AddDays(-1);
    public DateTimeOffset NotAfter { get; init; } = TestPki.Now.AddDays(90);
    public SmKeyUsage? KeyUsage { get; init; } = SmKeyUsage.DigitalSignature;
    public bool? IsAuthority { get; init; }
    public int? PathLength { get; init; }
    public string[] ExtendedKeyUsage { get; init; } = [];
    public string[] DnsNames { get; init; } = [];

    /// <summary>Extensions beside: id, critical, content.</summary>
    public (string Oid, bool IsCritical, byte[] Content)[] Extra { get; init; } = [];

    public string SignatureOid { get; init; } = GmObjectIdentifiers.Sm2SignWithSm3;
    public byte[] UserId { get; init; } = Sm2.DefaultUserId.ToArray();

    /// <summary>Writes the version field; by default v3.</summary>
    public Action<AsnWriter>? Version { get; init; }

    /// <summary>Writes one more extension by hand.</summary>
    public Action<AsnWriter>? RawExtension { get; init; }

    public SmCertificate Sign(Sm2 issuerKey) => SmCertificate.Parse(Encode(issuerKey));

    public byte[] Encode(Sm2 issuerKey)
    {
        byte[] tbs = EncodeTbs();
        return Assemble(tbs, SignatureOid, issuerKey.SignData(tbs, UserId, DSASignatureFormat.Rfc3279DerSequence));
    }

    public static byte[] Assemble(byte[] tbs, string signatureOid, byte[] signature, int unusedBits = 0)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(tbs);
            WriteAlgorithm(writer, signatureOid);
            writer.WriteBitString(signature, unusedBits);
        }
        return writer.Encode();
    }

    public byte[] EncodeTbs()
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            if (Version is not null)
            {
                Version(writer);
            }
            else
            {
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    writer.WriteInteger(2);
                }
            }
            writer.WriteInteger(Interlocked.Increment(ref s_serial));
            WriteAlgorithm(writer, SignatureOid);
            writer.WriteEncodedValue(Issuer.RawData.Span);
            using (writer.PushSequence())
            {
                WriteTime(writer, NotBefore);
                WriteTime(writer, NotAfter);
            }
            writer.WriteEncodedValue(Subject.RawData.Span);
            writer.WriteEncodedValue(PublicKeyInfo);
            WriteExtensions(writer);
        }
        return writer.Encode();
    }

    private void WriteExtensions(AsnWriter writer)
    {
        if (KeyUsage is null && IsAuthority is null && ExtendedKeyUsage.Length + DnsNames.Length + Extra.Length == 0 && RawExtension is null)
        {
            return;
        }
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 3)))
        using (writer.PushSequence())
        {
            if (IsAuthority is { } isAuthority)
            {
                Extension(writer, "2.5.29.19", true, Encoded(w =>
                {
                    using (w.PushSequence())
                    {
                        if (isAuthority)
                        {
                            w.WriteBoolean(true);
                        }
                        if (PathLength is { } length)
                        {
                            w.WriteInteger(length);
                        }
                    }
                }));
            }
            if (KeyUsage is { } usage)
            {
                Extension(writer, "2.5.29.15", true, Encoded(w => w.WriteNamedBitList(usage)));
            }
            if (ExtendedKeyUsage.Length > 0)
            {
                Extension(writer, "2.5.29.37", false, Encoded(w =>
                {
                    using (w.PushSequence())
                    {
                        Array.ForEach(ExtendedKeyUsage, oid => w.WriteObjectIdentifier(oid));
                    }
                }));
            }
            if (DnsNames.Length > 0)
            {
                Extension(writer, "2.5.29.17", false, Encoded(w =>
                {
                    using (w.PushSequence())
                    {
                        Array.ForEach(DnsNames, name => w.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2)));
                    }
                }));
            }
            foreach ((string oid, bool isCritical, byte[] content) in Extra)
            {
                Extension(writer, oid, isCritical, content);
            }
            RawExtension?.Invoke(writer);
        }
    }

    public static byte[] Encoded(Action<AsnWriter> write)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        write(writer);
        return writer.Encode();
    }

    private static void Extension(AsnWriter writer, string oid, bool isCritical, byte[] content)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            if (isCritical)
            {
                writer.WriteBoolean(true);
            }
            writer.WriteOctetString(content);
        }
    }

    private static void WriteAlgorithm(AsnWriter writer, string oid)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
        }
    }

    private static void WriteTime(AsnWriter writer, DateTimeOffset time)
    {
        if (time.Year < 2050)
        {
            writer.WriteUtcTime(time, 2049);
        }
        else
        {
            writer.WriteGeneralizedTime(time, omitFractionalSeconds: true);
        }
    }
}
