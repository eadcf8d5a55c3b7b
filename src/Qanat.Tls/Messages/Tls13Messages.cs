namespace Qanat.Tls.Messages;

/// <summary>CertificateRequest of TLS 1.3 (RFC 8446 section 4.3.2). A view; the bytes belong to the message.</summary>
public readonly ref struct Tls13CertificateRequest
{
    /// <summary>The context to be echoed; empty in the handshake.</summary>
    public ReadOnlySpan<byte> RequestContext { get; private init; }

    /// <summary>signature_algorithms; never empty.</summary>
    public UInt16List SignatureAlgorithms { get; private init; }

    /// <summary>signature_algorithms_cert; empty when absent.</summary>
    public UInt16List SignatureAlgorithmsCert { get; private init; }

    /// <summary>certificate_authorities; empty when absent.</summary>
    public DistinguishedNameList Authorities { get; private init; }

    /// <summary>All extensions.</summary>
    public ExtensionList Extensions { get; private init; }

    /// <summary>Reads the body; <see cref="SmTlsError.MissingExtension"/> without signature_algorithms.</summary>
    public static SmTlsError Read(ReadOnlySpan<byte> body, out Tls13CertificateRequest message)
    {
        message = default;
        TlsReader reader = new(body);
        if (!reader.TryReadVector8(0, byte.MaxValue, out ReadOnlySpan<byte> context))
        {
            return SmTlsError.DecodeError;
        }
        if (ExtensionList.Read(ref reader, out ExtensionList extensions) is var error and not SmTlsError.None)
        {
            return error;
        }
        UInt16List schemes = default, certificateSchemes = default;
        DistinguishedNameList authorities = default;
        bool isRight = reader.IsEmpty;
        foreach (Extension extension in extensions)
        {
            switch (extension.Type)
            {
                case ExtensionType.SignatureAlgorithms:
                    isRight &= TlsExtensions.ReadUInt16List16(extension.Body, out schemes) == SmTlsError.None;
                    break;
                case ExtensionType.SignatureAlgorithmsCert:
                    isRight &= TlsExtensions.ReadUInt16List16(extension.Body, out certificateSchemes) == SmTlsError.None;
                    break;
                case ExtensionType.CertificateAuthorities:
                    isRight &= TlsExtensions.ReadVector16(extension.Body, 3, out ReadOnlySpan<byte> names) == SmTlsError.None && DistinguishedNameList.TryCreate(names, out authorities);
                    break;
                default:
                    break;
            }
        }
        if (!isRight)
        {
            return SmTlsError.DecodeError;
        }
        if (schemes.Count == 0)
        {
            return SmTlsError.MissingExtension;
        }
        message = new Tls13CertificateRequest
        {
            RequestContext = context,
            SignatureAlgorithms = schemes,
            SignatureAlgorithmsCert = certificateSchemes,
            Authorities = authorities,
            Extensions = extensions,
        };
        return SmTlsError.None;
    }
}

/// <summary>NewSessionTicket of TLS 1.3 (RFC 8446 section 4.6.1). A view; the bytes belong to the message.</summary>
public readonly ref struct Tls13NewSessionTicket
{
    /// <summary>No ticket lives longer, in seconds: seven days.</summary>
    public const uint MaxLifetimeSeconds = 604_800;

    /// <summary>Seconds; 0 says discard at once.</summary>
    public uint LifetimeSeconds { get; private init; }

    /// <summary>Hides the ticket's age on the wire.</summary>
    public uint AgeAdd { get; private init; }

    /// <summary>Unique among the tickets of the connection; 0 to 255 bytes.</summary>
    public ReadOnlySpan<byte> Nonce { get; private init; }

    /// <summary>Opaque to the client; 1 to 65,535 bytes.</summary>
    public ReadOnlySpan<byte> Ticket { get; private init; }

    /// <summary>All extensions.</summary>
    public ExtensionList Extensions { get; private init; }

    /// <summary>Bytes of early data allowed; 0 when none.</summary>
    public uint MaxEarlyDataSize { get; private init; }

    /// <summary>Reads the body; <see cref="SmTlsError.IllegalParameter"/> for a lifetime over seven days.</summary>
    public static SmTlsError Read(ReadOnlySpan<byte> body, out Tls13NewSessionTicket message)
    {
        message = default;
        TlsReader reader = new(body);
        if (!reader.TryReadUInt32(out uint lifetime)
            || !reader.TryReadUInt32(out uint ageAdd)
            || !reader.TryReadVector8(0, byte.MaxValue, out ReadOnlySpan<byte> nonce)
            || !reader.TryReadVector16(1, ushort.MaxValue, out ReadOnlySpan<byte> ticket))
        {
            return SmTlsError.DecodeError;
        }
        if (ExtensionList.Read(ref reader, out ExtensionList extensions) is var error and not SmTlsError.None)
        {
            return error;
        }
        uint earlyData = 0;
        if (extensions.TryGet(ExtensionType.EarlyData, out ReadOnlySpan<byte> earlyBody))
        {
            TlsReader early = new(earlyBody);
            if (!early.TryReadUInt32(out earlyData) || !early.IsEmpty)
            {
                return SmTlsError.DecodeError;
            }
        }
        if (!reader.IsEmpty)
        {
            return SmTlsError.DecodeError;
        }
        if (lifetime > MaxLifetimeSeconds)
        {
            return SmTlsError.IllegalParameter;
        }
        message = new Tls13NewSessionTicket
        {
            LifetimeSeconds = lifetime,
            AgeAdd = ageAdd,
            Nonce = nonce,
            Ticket = ticket,
            Extensions = extensions,
            MaxEarlyDataSize = earlyData,
        };
        return SmTlsError.None;
    }

    /// <summary>Writes the body without extensions.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A field is out of range.</exception>
    public static void Write(TlsWriter writer, uint lifetimeSeconds, uint ageAdd, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ticket)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lifetimeSeconds, MaxLifetimeSeconds);
        ArgumentOutOfRangeException.ThrowIfLessThan(ticket.Length, 1, nameof(ticket));
        writer.WriteUInt32(lifetimeSeconds);
        writer.WriteUInt32(ageAdd);
        writer.WriteVector8(nonce);
        writer.WriteVector16(ticket);
        writer.WriteUInt16(0);
    }
}

/// <summary>The messages of TLS 1.3 that hold one or two fields.</summary>
public static class Tls13Messages
{
    /// <summary>Length of verify_data in Finished with SM3 (RFC 8446 section 4.4.4).</summary>
    public const int VerifyDataLength = 32;

    /// <summary>The SM2 id under which CertificateVerify is signed (RFC 8998 section 3.2.1); certificates have the default id.</summary>
    public static ReadOnlySpan<byte> Sm2Id => "TLSv1.3+GM+Cipher+Suite"u8;

    /// <summary>Reads the body of CertificateVerify (RFC 8446 section 4.4.3).</summary>
    public static SmTlsError ReadCertificateVerify(ReadOnlySpan<byte> body, out SignatureScheme scheme, out ReadOnlySpan<byte> signature)
    {
        signature = default;
        TlsReader reader = new(body);
        bool isRight = reader.TryReadUInt16(out ushort value) && reader.TryReadVector16(1, ushort.MaxValue, out signature) && reader.IsEmpty;
        scheme = (SignatureScheme)value;
        return isRight ? SmTlsError.None : SmTlsError.DecodeError;
    }

    /// <summary>Writes the body of CertificateVerify.</summary>
    public static void WriteCertificateVerify(TlsWriter writer, SignatureScheme scheme, ReadOnlySpan<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteUInt16((ushort)scheme);
        writer.WriteVector16(signature);
    }

    /// <summary>Writes what CertificateVerify signs: 64 spaces, the context string, a zero byte, the transcript hash (RFC 8446 section 4.4.3).</summary>
    public static void WriteSigned(TlsWriter writer, bool isServer, ReadOnlySpan<byte> transcriptHash)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Reserve(64).Fill(0x20);
        writer.WriteBytes(isServer ? "TLS 1.3, server CertificateVerify"u8 : "TLS 1.3, client CertificateVerify"u8);
        writer.WriteByte(0);
        writer.WriteBytes(transcriptHash);
    }

    /// <summary>Reads the body of Finished: 32 bytes.</summary>
    public static SmTlsError ReadFinished(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> verifyData)
    {
        bool isRight = body.Length == VerifyDataLength;
        verifyData = isRight ? body : default;
        return isRight ? SmTlsError.None : SmTlsError.DecodeError;
    }

    /// <summary>Reads the body of KeyUpdate (RFC 8446 section 4.6.3).</summary>
    public static SmTlsError ReadKeyUpdate(ReadOnlySpan<byte> body, out bool isUpdateRequested)
    {
        isUpdateRequested = body is [1];
        return body switch
        {
            [0 or 1] => SmTlsError.None,
            [_] => SmTlsError.IllegalParameter,
            _ => SmTlsError.DecodeError,
        };
    }

    /// <summary>Writes the body of KeyUpdate.</summary>
    public static void WriteKeyUpdate(TlsWriter writer, bool isUpdateRequested)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteByte(isUpdateRequested ? (byte)1 : (byte)0);
    }
}
