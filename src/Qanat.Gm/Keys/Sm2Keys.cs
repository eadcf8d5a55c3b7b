using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// SM2 keys as others store them: SEC 1 ECPrivateKey (RFC 5915), PKCS#8 (RFC 5958), encrypted PKCS#8 (RFC 8018), SubjectPublicKeyInfo (RFC 5480), PEM (RFC 7468).
/// Reading is strict: DER only, the SM2 curve only, nothing after the structure, points checked, a stored public key must belong to the private one.
/// </summary>
/// <remarks>Static members may be used by many threads. Buffers with private keys that are returned belong to the caller, who should clear them.</remarks>
public static partial class Sm2Keys
{
    private static readonly Asn1Tag s_context0 = new(TagClass.ContextSpecific, 0);
    private static readonly Asn1Tag s_context1 = new(TagClass.ContextSpecific, 1);

    /// <summary>Reads an ECPrivateKey that names the SM2 curve.</summary>
    /// <exception cref="Sm2KeyException">Not such a key.</exception>
    public static Sm2 ReadECPrivateKey(ReadOnlyMemory<byte> der) =>
        Read("ECPrivateKey", der, reader => ReadECPrivateKey(reader, isCurveKnown: false));

    /// <summary>Reads an unencrypted PKCS#8 PrivateKeyInfo.</summary>
    /// <exception cref="Sm2KeyException">Not such a key.</exception>
    public static Sm2 ReadPkcs8PrivateKey(ReadOnlyMemory<byte> der) => Read("PrivateKeyInfo", der, ReadPrivateKeyInfo);

    /// <summary>Reads a SubjectPublicKeyInfo; the result can verify and encrypt.</summary>
    /// <exception cref="Sm2KeyException">Not such a key.</exception>
    public static Sm2 ReadSubjectPublicKeyInfo(ReadOnlyMemory<byte> der) => Read("SubjectPublicKeyInfo", der, reader =>
    {
        AsnReader info = reader.ReadSequence();
        ReadAlgorithm(info, "SubjectPublicKeyInfo.algorithm");
        Sm2 key = ImportPoint(ReadBits(info, "SubjectPublicKeyInfo.subjectPublicKey"));
        info.ThrowIfNotEmpty();
        return key;
    });

    /// <summary>Writes an ECPrivateKey with curve and public key. The caller clears the result.</summary>
    /// <exception cref="InvalidOperationException"><paramref name="key"/> has no private part.</exception>
    public static byte[] WriteECPrivateKey(Sm2 key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return WithWriter(writer => WriteECPrivateKey(writer, key));
    }

    /// <summary>Writes an unencrypted PKCS#8 PrivateKeyInfo. The caller clears the result.</summary>
    /// <exception cref="InvalidOperationException"><paramref name="key"/> has no private part.</exception>
    public static byte[] WritePkcs8PrivateKey(Sm2 key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return WithWriter(writer =>
        {
            using (writer.PushSequence())
            {
                writer.WriteInteger(0);
                WriteAlgorithm(writer);
                using (writer.PushOctetString())
                {
                    // GmSSL repeats the curve inside, and refuses a key that does not.
                    WriteECPrivateKey(writer, key);
                }
            }
        });
    }

    /// <summary>Writes the SubjectPublicKeyInfo of a key.</summary>
    public static byte[] WriteSubjectPublicKeyInfo(Sm2 key)
    {
        ArgumentNullException.ThrowIfNull(key);
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            WriteAlgorithm(writer);
            writer.WriteBitString(key.PublicKey);
        }
        return writer.Encode();
    }

    private static Sm2 ReadPrivateKeyInfo(AsnReader reader)
    {
        AsnReader info = reader.ReadSequence();
        if (!info.TryReadInt32(out int version) || version is not (0 or 1))
        {
            throw new Sm2KeyException(Sm2KeyError.MalformedDer, "PrivateKeyInfo.version is neither 0 nor 1; export the key again as PKCS#8");
        }
        ReadAlgorithm(info, "PrivateKeyInfo.privateKeyAlgorithm");
        AsnReader inner = new(ReadOctets(info, "PrivateKeyInfo.privateKey"), AsnEncodingRules.DER);
        Sm2 key = ReadECPrivateKey(inner, isCurveKnown: true);
        try
        {
            inner.ThrowIfNotEmpty();
            if (info.HasData && info.PeekTag().HasSameClassAndValue(s_context0))
            {
                info.ReadSetOf(skipSortOrderValidation: true, s_context0); // attributes say nothing about the key
            }
            if (version == 1 && info.HasData && info.PeekTag().HasSameClassAndValue(s_context1))
            {
                RequireSame(key, ReadBits(info, "PrivateKeyInfo.publicKey", s_context1));
            }
            info.ThrowIfNotEmpty();
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static Sm2 ReadECPrivateKey(AsnReader reader, bool isCurveKnown)
    {
        AsnReader body = reader.ReadSequence();
        if (!body.TryReadInt32(out int version) || version != 1)
        {
            throw new Sm2KeyException(Sm2KeyError.MalformedDer, "ECPrivateKey.version is not 1");
        }
        ReadOnlyMemory<byte> scalar = ReadOctets(body, "ECPrivateKey.privateKey");
        if (body.HasData && body.PeekTag().HasSameClassAndValue(s_context0))
        {
            AsnReader parameters = body.ReadSequence(s_context0);
            RequireCurve(parameters, "ECPrivateKey.parameters");
            parameters.ThrowIfNotEmpty();
        }
        else if (!isCurveKnown)
        {
            throw new Sm2KeyException(Sm2KeyError.NotSm2, "ECPrivateKey.parameters is missing, so the curve is unknown; export the key with its curve name, or as PKCS#8");
        }
        ReadOnlyMemory<byte>? point = null;
        if (body.HasData)
        {
            AsnReader publicKey = body.ReadSequence(s_context1);
            point = ReadBits(publicKey, "ECPrivateKey.publicKey");
            publicKey.ThrowIfNotEmpty();
        }
        body.ThrowIfNotEmpty();
        Sm2 key = ImportScalar(scalar.Span);
        if (point is { } stored)
        {
            RequireSame(key, stored);
        }
        return key;
    }

    private static Sm2 ImportScalar(ReadOnlySpan<byte> scalar)
    {
        if (scalar.Length != Sm2.KeySizeInBytes)
        {
            throw new Sm2KeyException(Sm2KeyError.InvalidPrivateKey, $"ECPrivateKey.privateKey has {scalar.Length} bytes; SM2 has {Sm2.KeySizeInBytes}");
        }
        try
        {
            return Sm2.Create(scalar);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new Sm2KeyException(Sm2KeyError.InvalidPrivateKey, "ECPrivateKey.privateKey is not within 1 to n-2; the file is damaged, use its backup", e);
        }
    }

    private static Sm2 ImportPoint(ReadOnlyMemory<byte> point)
    {
        if (point.Length != Sm2.PublicKeySizeInBytes || point.Span[0] != 0x04)
        {
            throw new Sm2KeyException(Sm2KeyError.InvalidPublicKey, "the public key is not an uncompressed point of 65 bytes; export it uncompressed");
        }
        try
        {
            return Sm2.ImportPublicKey(point.Span);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new Sm2KeyException(Sm2KeyError.InvalidPublicKey, "the public key is not a point of the SM2 curve", e);
        }
    }

    private static void RequireSame(Sm2 key, ReadOnlyMemory<byte> stored)
    {
        if (!key.PublicKey.SequenceEqual(stored.Span))
        {
            key.Dispose();
            throw new Sm2KeyException(Sm2KeyError.KeyPairMismatch, "the stored public key does not belong to the private key; the file is damaged or put together from two keys");
        }
    }

    private static void ReadAlgorithm(AsnReader reader, string field)
    {
        AsnReader algorithm = reader.ReadSequence();
        string oid = algorithm.ReadObjectIdentifier();
        if (oid != GmObjectIdentifiers.ECPublicKey)
        {
            throw new Sm2KeyException(Sm2KeyError.NotSm2, $"{field} is {Show(oid)}, not an elliptic-curve key; an SM2 key is needed");
        }
        RequireCurve(algorithm, field + ".parameters");
        algorithm.ThrowIfNotEmpty();
    }

    private static void RequireCurve(AsnReader reader, string field)
    {
        if (reader.PeekTag() != Asn1Tag.ObjectIdentifier)
        {
            throw new Sm2KeyException(Sm2KeyError.NotSm2, $"{field} does not name a curve; write the key with a named curve (openssl: -pkeyopt ec_param_enc:named_curve)");
        }
        string oid = reader.ReadObjectIdentifier();
        if (oid != GmObjectIdentifiers.Sm2Curve)
        {
            throw new Sm2KeyException(Sm2KeyError.NotSm2, $"{field} names curve {Show(oid)}, not SM2 ({GmObjectIdentifiers.Sm2Curve})");
        }
    }

    // A stranger can write an identifier of thousands of digits.
    private static string Show(string oid) => oid.Length <= 60 ? oid : oid[..60] + "...";

    private static ReadOnlyMemory<byte> ReadOctets(AsnReader reader, string field) =>
        reader.TryReadPrimitiveOctetString(out ReadOnlyMemory<byte> value) ? value : throw new Sm2KeyException(Sm2KeyError.MalformedDer, $"{field} is not a DER octet string");

    private static ReadOnlyMemory<byte> ReadBits(AsnReader reader, string field, Asn1Tag? tag = null) =>
        reader.TryReadPrimitiveBitString(out int unused, out ReadOnlyMemory<byte> value, tag) && unused == 0
            ? value
            : throw new Sm2KeyException(Sm2KeyError.MalformedDer, $"{field} is not a DER bit string of whole bytes");

    private static void WriteAlgorithm(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(GmObjectIdentifiers.ECPublicKey);
            writer.WriteObjectIdentifier(GmObjectIdentifiers.Sm2Curve);
        }
    }

    private static void WriteECPrivateKey(AsnWriter writer, Sm2 key)
    {
        Span<byte> scalar = stackalloc byte[Sm2.KeySizeInBytes];
        try
        {
            key.ExportPrivateKey(scalar);
            using (writer.PushSequence())
            {
                writer.WriteInteger(1);
                writer.WriteOctetString(scalar);
                using (writer.PushSequence(s_context0))
                {
                    writer.WriteObjectIdentifier(GmObjectIdentifiers.Sm2Curve);
                }
                using (writer.PushSequence(s_context1))
                {
                    writer.WriteBitString(key.PublicKey);
                }
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    // The writer's own buffer held the key; Reset clears it.
    private static byte[] WithWriter(Action<AsnWriter> write)
    {
        AsnWriter writer = new(AsnEncodingRules.DER, initialCapacity: 1024);
        try
        {
            write(writer);
            return writer.Encode();
        }
        finally
        {
            writer.Reset();
        }
    }

    private static Sm2 Read(string structure, ReadOnlyMemory<byte> der, Func<AsnReader, Sm2> read)
    {
        try
        {
            AsnReader reader = new(der, AsnEncodingRules.DER);
            Sm2 key = read(reader);
            if (reader.HasData)
            {
                key.Dispose();
                throw new Sm2KeyException(Sm2KeyError.MalformedDer, $"{structure} is followed by other bytes; cut the file after its end");
            }
            return key;
        }
        catch (AsnContentException e)
        {
            throw new Sm2KeyException(Sm2KeyError.MalformedDer, $"{structure} is not strict DER ({e.Message})", e);
        }
    }
}
