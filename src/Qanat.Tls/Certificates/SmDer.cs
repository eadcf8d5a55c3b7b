using System.Formats.Asn1;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Certificates;

/// <summary>What certificates, requests and revocation lists have in common in their DER (X.690 chapter 10; RFC 5280 section 4.1).</summary>
internal static class SmDer
{
    private const int MaxShownChars = 60;

    /// <summary>Reads one structure that fills <paramref name="der"/>.</summary>
    public static T Read<T>(string structure, ReadOnlyMemory<byte> der, Func<AsnReader, T> read)
    {
        try
        {
            AsnReader reader = new(der, AsnEncodingRules.DER);
            T result = read(reader);
            reader.ThrowIfNotEmpty();
            return result;
        }
        catch (AsnContentException e)
        {
            throw new SmCertificateException(SmCertificateError.MalformedDer, $"{structure} is not strict DER ({e.Message})", e);
        }
    }

    /// <summary>An object identifier for a message; a stranger can write one of thousands of digits.</summary>
    public static string Show(string oid) => oid.Length <= MaxShownChars ? oid : oid[..MaxShownChars] + "...";

    public static SmCertificateException Malformed(string what) => new(SmCertificateError.MalformedDer, what);

    public static bool IsContext(this AsnReader reader, int number) =>
        reader.HasData && reader.PeekTag() is { TagClass: TagClass.ContextSpecific } tag && tag.TagValue == number;

    /// <summary>Reads the AlgorithmIdentifier of a signature, which must be SM2 with SM3.</summary>
    /// <returns>Its bytes, to compare the two places where it stands.</returns>
    public static ReadOnlyMemory<byte> ReadSignatureAlgorithm(AsnReader reader)
    {
        ReadOnlyMemory<byte> encoded = reader.PeekEncodedValue();
        AsnReader algorithm = reader.ReadSequence();
        string oid = algorithm.ReadObjectIdentifier();
        if (oid != GmObjectIdentifiers.Sm2SignWithSm3)
        {
            throw new SmCertificateException(SmCertificateError.UnsupportedSignatureAlgorithm, $"signatureAlgorithm is {Show(oid)}, not SM2 with SM3 ({GmObjectIdentifiers.Sm2SignWithSm3}); have it issued by an SM2 authority");
        }
        if (algorithm.HasData)
        {
            algorithm.ReadNull(); // some authorities write NULL where GM/T 0015 has nothing
        }
        algorithm.ThrowIfNotEmpty();
        return encoded;
    }

    /// <summary>Reads signatureAlgorithm and signatureValue, which end all three structures.</summary>
    public static ReadOnlyMemory<byte> ReadSignature(AsnReader reader, ReadOnlyMemory<byte>? statedInside)
    {
        ReadOnlyMemory<byte> algorithm = ReadSignatureAlgorithm(reader);
        if (statedInside is { } inside && !inside.Span.SequenceEqual(algorithm.Span))
        {
            throw new SmCertificateException(SmCertificateError.UnsupportedSignatureAlgorithm, "signatureAlgorithm differs from the algorithm in the signed part; somebody changed it");
        }
        ReadOnlyMemory<byte> signature = ReadBits(reader, "signatureValue");
        RequireSignatureForm(signature);
        return signature;
    }

    /// <summary>Reads a SubjectPublicKeyInfo of SM2 and checks the point.</summary>
    public static Sm2 ReadPublicKey(AsnReader reader, out ReadOnlyMemory<byte> encoded)
    {
        encoded = reader.ReadEncodedValue();
        try
        {
            return Sm2Keys.ReadSubjectPublicKeyInfo(encoded);
        }
        catch (Sm2KeyException e)
        {
            SmCertificateError error = e.Error switch
            {
                Sm2KeyError.NotSm2 => SmCertificateError.NotSm2Key,
                Sm2KeyError.InvalidPublicKey => SmCertificateError.InvalidPublicKey,
                _ => SmCertificateError.MalformedDer,
            };
            throw new SmCertificateException(error, e.Message, e);
        }
    }

    public static ReadOnlyMemory<byte> ReadBits(AsnReader reader, string field, Asn1Tag? tag = null) =>
        reader.TryReadPrimitiveBitString(out int unused, out ReadOnlyMemory<byte> value, tag) && unused == 0 ? value : throw Malformed($"{field} is not a bit string of whole bytes");

    public static ReadOnlyMemory<byte> ReadOctets(AsnReader reader, string field, Asn1Tag? tag = null) =>
        reader.TryReadPrimitiveOctetString(out ReadOnlyMemory<byte> value, tag) ? value : throw Malformed($"{field} is not a primitive octet string");

    /// <summary>Reads a Time (RFC 5280 section 4.1.2.5): UTCTime until 2049, GeneralizedTime, both in whole seconds of UTC.</summary>
    public static DateTimeOffset ReadTime(AsnReader reader)
    {
        DateTimeOffset time = reader.PeekTag() == Asn1Tag.UtcTime ? reader.ReadUtcTime(twoDigitYearMax: 2049) : reader.ReadGeneralizedTime();
        return time.Ticks % TimeSpan.TicksPerSecond == 0 ? time : throw Malformed("a time has fractions of a second");
    }

    public static void WriteTime(AsnWriter writer, DateTimeOffset time)
    {
        if (time.UtcDateTime.Year is >= 1950 and < 2050)
        {
            writer.WriteUtcTime(time, twoDigitYearMax: 2049);
        }
        else
        {
            writer.WriteGeneralizedTime(time, omitFractionalSeconds: true);
        }
    }

    /// <summary>A serial number: positive, at most 20 bytes (RFC 5280 section 4.1.2.2).</summary>
    public static ReadOnlyMemory<byte> ReadSerialNumber(AsnReader reader)
    {
        ReadOnlyMemory<byte> serial = reader.ReadIntegerBytes();
        return serial.Length <= 20 && (serial.Span[0] & 0x80) == 0 ? serial : throw Malformed("serialNumber is negative or has more than 20 bytes");
    }

    /// <summary>Signs the encoded signed part and puts the structure together.</summary>
    public static byte[] Sign(byte[] signedPart, Sm2 key)
    {
        byte[] signature = key.SignData(signedPart, Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence);
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(signedPart);
            WriteSignatureAlgorithm(writer);
            writer.WriteBitString(signature);
        }
        return writer.Encode();
    }

    public static bool Verify(Sm2 key, ReadOnlyMemory<byte> signedPart, ReadOnlyMemory<byte> signature) =>
        key.VerifyData(signedPart.Span, Sm2.DefaultUserId, signature.Span, DSASignatureFormat.Rfc3279DerSequence);

    public static void WriteSignatureAlgorithm(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(GmObjectIdentifiers.Sm2SignWithSm3);
        }
    }

    // One signature has one encoding, or a stranger could make a second certificate with another hash out of one that he has seen.
    private static void RequireSignatureForm(ReadOnlyMemory<byte> signature)
    {
        AsnReader reader = new(signature, AsnEncodingRules.DER);
        AsnReader pair = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        for (int i = 0; i < 2; i++)
        {
            ReadOnlySpan<byte> number = pair.ReadIntegerBytes().Span;
            if ((number[0] & 0x80) != 0 || number.Length > 33 || (number.Length == 33 && number[0] != 0))
            {
                throw Malformed("signatureValue is not a pair of numbers of 256 bits");
            }
        }
        pair.ThrowIfNotEmpty();
    }
}
