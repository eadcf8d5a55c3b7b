namespace Qanat.Tls.Messages;

/// <summary>
/// ServerHello of TLCP (GB/T 38636 section 6.4.5.2.2) and TLS 1.3 (RFC 8446 section 4.1.3), and HelloRetryRequest (section 4.1.4). A view: the bytes belong to the caller.
/// </summary>
public readonly ref struct ServerHello
{
    /// <summary>The random that marks a HelloRetryRequest: SHA-256 of "HelloRetryRequest", with SM3 suites too.</summary>
    public static ReadOnlySpan<byte> HelloRetryRequestRandom =>
    [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
        0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];

    /// <summary>The version field: 0x0101 for TLCP, 0x0303 for TLS 1.3.</summary>
    public ushort LegacyVersion { get; private init; }

    /// <summary>32 bytes.</summary>
    public ReadOnlySpan<byte> Random { get; private init; }

    /// <summary>TLCP: the session's id; TLS 1.3: the client's echoed. 0 to 32 bytes.</summary>
    public ReadOnlySpan<byte> SessionId { get; private init; }

    /// <summary>The suite chosen, known or not.</summary>
    public SmCipherSuite CipherSuite { get; private init; }

    /// <summary>All extensions; empty when there is no extension block.</summary>
    public ExtensionList Extensions { get; private init; }

    /// <summary>The version in supported_versions; 0 when absent.</summary>
    public ushort SelectedVersion { get; private init; }

    /// <summary>The group in key_share: of the share, or wanted by a HelloRetryRequest; <see cref="NamedGroup.None"/> when absent.</summary>
    public NamedGroup Group { get; private init; }

    /// <summary>The share in key_share; empty when absent or in a HelloRetryRequest.</summary>
    public ReadOnlySpan<byte> KeyShare { get; private init; }

    /// <summary>Index in pre_shared_key; -1 when absent.</summary>
    public int SelectedIdentity { get; private init; }

    /// <summary>cookie of a HelloRetryRequest; empty when absent.</summary>
    public ReadOnlySpan<byte> Cookie { get; private init; }

    /// <summary>The application protocol chosen (TLCP); empty when absent.</summary>
    public ReadOnlySpan<byte> ApplicationProtocol { get; private init; }

    /// <summary>True for a HelloRetryRequest.</summary>
    public bool IsHelloRetryRequest => LegacyVersion == ProtocolVersions.Tls12 && Random.SequenceEqual(HelloRetryRequestRandom);

    /// <summary>The protocol chosen: TLCP, TLS 1.3, or none of the two.</summary>
    public SmProtocol Protocol => LegacyVersion switch
    {
        ProtocolVersions.Tlcp => SmProtocol.Tlcp,
        ProtocolVersions.Tls12 when SelectedVersion == ProtocolVersions.Tls13 => SmProtocol.Tls13,
        _ => SmProtocol.None,
    };

    /// <summary>
    /// Reads the body of a ServerHello: <see cref="SmTlsError.DecodeError"/> for wrong lengths, <see cref="SmTlsError.IllegalParameter"/> for repeated extensions or a compression
    /// other than null. Whether the choices were offered is the caller's to check.
    /// </summary>
    public static SmTlsError Read(ReadOnlySpan<byte> body, out ServerHello hello)
    {
        hello = default;
        TlsReader reader = new(body);
        if (!reader.TryReadUInt16(out ushort version)
            || !reader.TryReadBytes(ClientHello.RandomLength, out ReadOnlySpan<byte> random)
            || !reader.TryReadVector8(0, ClientHello.MaxSessionIdLength, out ReadOnlySpan<byte> sessionId)
            || !reader.TryReadUInt16(out ushort suite)
            || !reader.TryReadByte(out byte compression))
        {
            return SmTlsError.DecodeError;
        }
        ExtensionList extensions = default;
        if (!reader.IsEmpty && ExtensionList.Read(ref reader, out extensions) is var error and not SmTlsError.None)
        {
            return error;
        }
        if (!reader.IsEmpty)
        {
            return SmTlsError.DecodeError;
        }
        if (compression != 0)
        {
            return SmTlsError.IllegalParameter;
        }
        ServerHello core = new()
        {
            LegacyVersion = version,
            Random = random,
            SessionId = sessionId,
            CipherSuite = (SmCipherSuite)suite,
            Extensions = extensions,
        };
        return ReadExtensions(core, out hello);
    }

    private static SmTlsError ReadExtensions(ServerHello core, out ServerHello hello)
    {
        hello = default;
        ushort version = 0, group = 0, identity = 0;
        bool hasIdentity = false;
        ReadOnlySpan<byte> share = default, cookie = default, protocol = default;
        foreach (Extension extension in core.Extensions)
        {
            TlsReader body = new(extension.Body);
            bool isRight = true;
            switch (extension.Type)
            {
                case ExtensionType.SupportedVersions:
                    isRight = body.TryReadUInt16(out version) && body.IsEmpty;
                    break;
                case ExtensionType.KeyShare:
                    isRight = body.TryReadUInt16(out group) && (core.IsHelloRetryRequest || body.TryReadVector16(1, ushort.MaxValue, out share)) && body.IsEmpty;
                    break;
                case ExtensionType.PreSharedKey:
                    hasIdentity = true;
                    isRight = body.TryReadUInt16(out identity) && body.IsEmpty;
                    break;
                case ExtensionType.Cookie:
                    isRight = TlsExtensions.ReadVector16(extension.Body, 1, out cookie) == SmTlsError.None;
                    break;
                case ExtensionType.ApplicationLayerProtocolNegotiation:
                    isRight = ProtocolNameList.Read(extension.Body, out ProtocolNameList names) == SmTlsError.None && names.TryGetOnly(out protocol);
                    break;
                default:
                    break;
            }
            if (!isRight)
            {
                return SmTlsError.DecodeError;
            }
        }
        hello = new ServerHello
        {
            LegacyVersion = core.LegacyVersion,
            Random = core.Random,
            SessionId = core.SessionId,
            CipherSuite = core.CipherSuite,
            Extensions = core.Extensions,
            SelectedVersion = version,
            Group = (NamedGroup)group,
            KeyShare = share,
            SelectedIdentity = hasIdentity ? identity : -1,
            Cookie = cookie,
            ApplicationProtocol = protocol,
        };
        return SmTlsError.None;
    }

    /// <summary>
    /// Writes the fields in front of the extensions, with null compression. Open the message around it, and the extension block after it when there are extensions
    /// (TLCP sends none rather than an empty block).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A length is out of range.</exception>
    public static void WriteFields(TlsWriter writer, ushort legacyVersion, ReadOnlySpan<byte> random, ReadOnlySpan<byte> sessionId, SmCipherSuite cipherSuite)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentOutOfRangeException.ThrowIfNotEqual(random.Length, ClientHello.RandomLength, nameof(random));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sessionId.Length, ClientHello.MaxSessionIdLength, nameof(sessionId));
        writer.WriteUInt16(legacyVersion);
        writer.WriteBytes(random);
        writer.WriteVector8(sessionId);
        writer.WriteUInt16((ushort)cipherSuite);
        writer.WriteByte(0);
    }
}
