using System.Buffers.Binary;

namespace Qanat.Tls.Messages;

/// <summary>How a peer writes its ECDHE ClientKeyExchange.</summary>
public enum ClientKeyExchangeDialect
{
    /// <summary>Not an ECDHE exchange.</summary>
    None = 0,
    /// <summary>With a length of 16 bits in front, as GB/T 38636 section 6.4.5.8 says: 71 bytes.</summary>
    WithLength = 1,
    /// <summary>The parameters alone: 69 bytes.</summary>
    WithoutLength = 2,
}

/// <summary>ECDHE parameters: named_curve, curveSM2, an uncompressed point (GB/T 38636 section 6.4.5.4).</summary>
public static class EcdheParameters
{
    /// <summary>Encoded length in bytes: curve type, curve, length, point.</summary>
    public const int Length = 4 + PointLength;

    /// <summary>Length of an uncompressed SM2 point in bytes.</summary>
    public const int PointLength = 65;

    private const byte NamedCurve = 3;

    /// <summary>
    /// Reads exactly <see cref="Length"/> bytes. <see cref="SmTlsError.DecodeError"/> for another length, <see cref="SmTlsError.IllegalParameter"/> for another curve,
    /// <see cref="SmTlsError.InvalidKeyShare"/> for a point that is not uncompressed. Whether it is on the curve is for SM2 to check.
    /// </summary>
    public static SmTlsError Read(ReadOnlySpan<byte> parameters, out ReadOnlySpan<byte> point)
    {
        point = default;
        if (parameters.Length != Length || parameters[3] != PointLength)
        {
            return SmTlsError.DecodeError;
        }
        if (parameters[0] != NamedCurve || BinaryPrimitives.ReadUInt16BigEndian(parameters[1..]) != (ushort)NamedGroup.CurveSm2)
        {
            return SmTlsError.IllegalParameter;
        }
        if (parameters[4] != 4)
        {
            return SmTlsError.InvalidKeyShare;
        }
        point = parameters[4..];
        return SmTlsError.None;
    }

    /// <summary>Writes the parameters.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="point"/> has not 65 bytes.</exception>
    public static void Write(TlsWriter writer, ReadOnlySpan<byte> point)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentOutOfRangeException.ThrowIfNotEqual(point.Length, PointLength, nameof(point));
        writer.WriteByte(NamedCurve);
        writer.WriteUInt16((ushort)NamedGroup.CurveSm2);
        writer.WriteVector8(point);
    }
}

/// <summary>
/// ServerKeyExchange (GB/T 38636 section 6.4.5.4). ECC: a signature over client_random, server_random and the encryption certificate with its length of 24 bits. ECDHE: the
/// parameters and a signature over client_random, server_random and the parameters. A view; the bytes belong to the message.
/// </summary>
public readonly ref struct ServerKeyExchange
{
    /// <summary>Longest DER signature of SM2, in bytes.</summary>
    public const int MaxSignatureLength = 72;

    /// <summary>The parameters as signed (69 bytes); empty for ECC.</summary>
    public ReadOnlySpan<byte> Parameters { get; private init; }

    /// <summary>The ephemeral point (65 bytes); empty for ECC.</summary>
    public ReadOnlySpan<byte> Point { get; private init; }

    /// <summary>DER signature.</summary>
    public ReadOnlySpan<byte> Signature { get; private init; }

    /// <summary>Reads the body.</summary>
    /// <param name="body">The message's body.</param>
    /// <param name="isEcdhe">Which kind the suite demands.</param>
    /// <param name="message">The message when read.</param>
    public static SmTlsError Read(ReadOnlySpan<byte> body, bool isEcdhe, out ServerKeyExchange message)
    {
        message = default;
        TlsReader reader = new(body);
        ReadOnlySpan<byte> parameters = default, point = default;
        if (isEcdhe)
        {
            if (!reader.TryReadBytes(EcdheParameters.Length, out parameters))
            {
                return SmTlsError.DecodeError;
            }
            if (EcdheParameters.Read(parameters, out point) is var error and not SmTlsError.None)
            {
                return error;
            }
        }
        if (!reader.TryReadVector16(1, ushort.MaxValue, out ReadOnlySpan<byte> signature) || !reader.IsEmpty)
        {
            return SmTlsError.DecodeError;
        }
        message = new ServerKeyExchange { Parameters = parameters, Point = point, Signature = signature };
        return SmTlsError.None;
    }

    /// <summary>Writes the body of an ECC ServerKeyExchange.</summary>
    public static void WriteEcc(TlsWriter writer, ReadOnlySpan<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteVector16(signature);
    }

    /// <summary>Writes the body of an ECDHE ServerKeyExchange.</summary>
    public static void WriteEcdhe(TlsWriter writer, ReadOnlySpan<byte> point, ReadOnlySpan<byte> signature)
    {
        EcdheParameters.Write(writer, point);
        writer.WriteVector16(signature);
    }

    /// <summary>Writes what an ECC ServerKeyExchange signs: both randoms and the encryption certificate with its length of 24 bits.</summary>
    public static void WriteSignedEcc(TlsWriter writer, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom, ReadOnlySpan<byte> encryptionCertificate)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteBytes(clientRandom);
        writer.WriteBytes(serverRandom);
        writer.WriteVector24(encryptionCertificate);
    }

    /// <summary>Writes what an ECDHE ServerKeyExchange signs: both randoms and the parameters.</summary>
    public static void WriteSignedEcdhe(TlsWriter writer, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom, ReadOnlySpan<byte> parameters)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteBytes(clientRandom);
        writer.WriteBytes(serverRandom);
        writer.WriteBytes(parameters);
    }
}

/// <summary>
/// ClientKeyExchange (GB/T 38636 section 6.4.5.8). ECC: the pre-master secret encrypted to the server's encryption key (SM2 ciphertext in ASN.1, a length of 16 bits in
/// front). ECDHE: the client's parameters, with or without that length. A view; the bytes belong to the message.
/// </summary>
public readonly ref struct ClientKeyExchange
{
    /// <summary>The SM2 ciphertext; empty for ECDHE.</summary>
    public ReadOnlySpan<byte> EncryptedPreMasterSecret { get; private init; }

    /// <summary>The ephemeral point (65 bytes); empty for ECC.</summary>
    public ReadOnlySpan<byte> Point { get; private init; }

    /// <summary>How an ECDHE message was written.</summary>
    public ClientKeyExchangeDialect Dialect { get; private init; }

    /// <summary>Reads the body; an ECDHE message is told by its length: 71 or 69 bytes.</summary>
    public static SmTlsError Read(ReadOnlySpan<byte> body, bool isEcdhe, out ClientKeyExchange message)
    {
        message = default;
        TlsReader reader = new(body);
        if (!isEcdhe)
        {
            if (!reader.TryReadVector16(1, ushort.MaxValue, out ReadOnlySpan<byte> ciphertext) || !reader.IsEmpty)
            {
                return SmTlsError.DecodeError;
            }
            message = new ClientKeyExchange { EncryptedPreMasterSecret = ciphertext };
            return SmTlsError.None;
        }
        ReadOnlySpan<byte> parameters = body;
        bool hasLength = body.Length == 2 + EcdheParameters.Length;
        if (hasLength && (!reader.TryReadVector16(EcdheParameters.Length, EcdheParameters.Length, out parameters) || !reader.IsEmpty))
        {
            return SmTlsError.DecodeError;
        }
        SmTlsError error = EcdheParameters.Read(parameters, out ReadOnlySpan<byte> point);
        if (error == SmTlsError.None)
        {
            message = new ClientKeyExchange { Point = point, Dialect = hasLength ? ClientKeyExchangeDialect.WithLength : ClientKeyExchangeDialect.WithoutLength };
        }
        return error;
    }

    /// <summary>Writes the body of an ECC ClientKeyExchange.</summary>
    public static void WriteEcc(TlsWriter writer, ReadOnlySpan<byte> encryptedPreMasterSecret)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteVector16(encryptedPreMasterSecret);
    }

    /// <summary>Writes the body of an ECDHE ClientKeyExchange in the dialect given.</summary>
    public static void WriteEcdhe(TlsWriter writer, ReadOnlySpan<byte> point, ClientKeyExchangeDialect dialect)
    {
        ArgumentNullException.ThrowIfNull(writer);
        using (dialect == ClientKeyExchangeDialect.WithLength ? writer.Vector16() : default)
        {
            EcdheParameters.Write(writer, point);
        }
    }
}
