namespace Qanat.Tls.Messages;

/// <summary>CertificateRequest of TLCP (GB/T 38636 section 6.4.5.5). A view; the bytes belong to the message.</summary>
public readonly ref struct TlcpCertificateRequest
{
    /// <summary>rsa_sign.</summary>
    public const byte RsaSign = 1;

    /// <summary>ecdsa_sign, which stands for SM2.</summary>
    public const byte EcdsaSign = 64;

    /// <summary>ibc_params.</summary>
    public const byte IbcParameters = 80;

    /// <summary>Certificate types in order of preference.</summary>
    public ReadOnlySpan<byte> CertificateTypes { get; private init; }

    /// <summary>Names of acceptable authorities; empty when any will do.</summary>
    public DistinguishedNameList Authorities { get; private init; }

    /// <summary>Reads the body.</summary>
    public static SmTlsError Read(ReadOnlySpan<byte> body, out TlcpCertificateRequest message)
    {
        message = default;
        TlsReader reader = new(body);
        if (!reader.TryReadVector8(1, byte.MaxValue, out ReadOnlySpan<byte> types)
            || !reader.TryReadVector16(0, ushort.MaxValue, out ReadOnlySpan<byte> names)
            || !reader.IsEmpty
            || !DistinguishedNameList.TryCreate(names, out DistinguishedNameList authorities))
        {
            return SmTlsError.DecodeError;
        }
        message = new TlcpCertificateRequest { CertificateTypes = types, Authorities = authorities };
        return SmTlsError.None;
    }

    /// <summary>Writes the body.</summary>
    public static void Write(TlsWriter writer, ReadOnlySpan<byte> certificateTypes, IReadOnlyList<byte[]> authorities)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(authorities);
        ArgumentOutOfRangeException.ThrowIfLessThan(certificateTypes.Length, 1, nameof(certificateTypes));
        writer.WriteVector8(certificateTypes);
        using (writer.Vector16())
        {
            foreach (byte[] name in authorities)
            {
                writer.WriteVector16(name);
            }
        }
    }
}

/// <summary>The messages of TLCP that hold one field or none.</summary>
public static class TlcpMessages
{
    /// <summary>Length of verify_data in Finished (GB/T 38636 section 6.4.5.10).</summary>
    public const int VerifyDataLength = 12;

    /// <summary>Reads the body of CertificateVerify: a DER signature with a length of 16 bits (GB/T 38636 section 6.4.5.9).</summary>
    public static SmTlsError ReadCertificateVerify(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> signature) => TlsExtensions.ReadVector16(body, 1, out signature);

    /// <summary>Writes the body of CertificateVerify.</summary>
    public static void WriteCertificateVerify(TlsWriter writer, ReadOnlySpan<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteVector16(signature);
    }

    /// <summary>Reads the body of ServerHelloDone, which is empty.</summary>
    public static SmTlsError ReadServerHelloDone(ReadOnlySpan<byte> body) => body.IsEmpty ? SmTlsError.None : SmTlsError.DecodeError;

    /// <summary>Reads the body of Finished: 12 bytes.</summary>
    public static SmTlsError ReadFinished(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> verifyData)
    {
        bool isRight = body.Length == VerifyDataLength;
        verifyData = isRight ? body : default;
        return isRight ? SmTlsError.None : SmTlsError.DecodeError;
    }

    /// <summary>Reads the body of NewSessionTicket (RFC 5077 section 3.3); the ticket may be empty.</summary>
    /// <param name="body">The message's body.</param>
    /// <param name="lifetimeHintSeconds">Seconds; 0 says nothing.</param>
    /// <param name="ticket">Opaque to the client.</param>
    public static SmTlsError ReadNewSessionTicket(ReadOnlySpan<byte> body, out uint lifetimeHintSeconds, out ReadOnlySpan<byte> ticket)
    {
        ticket = default;
        TlsReader reader = new(body);
        return reader.TryReadUInt32(out lifetimeHintSeconds) && reader.TryReadVector16(0, ushort.MaxValue, out ticket) && reader.IsEmpty
            ? SmTlsError.None
            : SmTlsError.DecodeError;
    }

    /// <summary>Writes the body of NewSessionTicket.</summary>
    public static void WriteNewSessionTicket(TlsWriter writer, uint lifetimeHintSeconds, ReadOnlySpan<byte> ticket)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteUInt32(lifetimeHintSeconds);
        writer.WriteVector16(ticket);
    }
}
