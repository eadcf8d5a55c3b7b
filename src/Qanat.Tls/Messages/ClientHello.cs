namespace Qanat.Tls.Messages;

/// <summary>
/// ClientHello of TLCP (GB/T 38636 section 6.4.5.2.1), TLS 1.3 (RFC 8446 section 4.1.2) and older TLS. A view: the bytes belong to the caller. Every extension that this
/// library knows is checked for structure when the hello is read, so the accessors cannot fail.
/// </summary>
public readonly ref struct ClientHello
{
    /// <summary>Length of the random.</summary>
    public const int RandomLength = 32;

    /// <summary>Longest session id.</summary>
    public const int MaxSessionIdLength = 32;

    /// <summary>The version field: 0x0101 for TLCP, 0x0303 for TLS 1.2 and 1.3.</summary>
    public ushort LegacyVersion { get; private init; }

    /// <summary>32 bytes.</summary>
    public ReadOnlySpan<byte> Random { get; private init; }

    /// <summary>0 to 32 bytes.</summary>
    public ReadOnlySpan<byte> SessionId { get; private init; }

    /// <summary>Suites in order of preference, signalling values included.</summary>
    public UInt16List CipherSuites { get; private init; }

    /// <summary>Compression methods; null (0) is always among them.</summary>
    public ReadOnlySpan<byte> CompressionMethods { get; private init; }

    /// <summary>All extensions; empty when there is no extension block.</summary>
    public ExtensionList Extensions { get; private init; }

    /// <summary>Host name of server_name in ASCII as sent, 1 to 255 bytes; empty when absent.</summary>
    public ReadOnlySpan<byte> ServerName { get; private init; }

    /// <summary>Offered application protocols; empty when absent.</summary>
    public ProtocolNameList ApplicationProtocols { get; private init; }

    /// <summary>supported_versions; empty when absent.</summary>
    public UInt16List SupportedVersions { get; private init; }

    /// <summary>supported_groups; empty when absent.</summary>
    public UInt16List SupportedGroups { get; private init; }

    /// <summary>signature_algorithms; empty when absent.</summary>
    public UInt16List SignatureAlgorithms { get; private init; }

    /// <summary>signature_algorithms_cert; empty when absent.</summary>
    public UInt16List SignatureAlgorithmsCert { get; private init; }

    /// <summary>True when there is a key_share extension; it may be empty to ask for HelloRetryRequest.</summary>
    public bool HasKeyShare { get; private init; }

    /// <summary>key_share entries; empty when absent.</summary>
    public KeyShareList KeyShares { get; private init; }

    /// <summary>psk_key_exchange_modes; empty when absent.</summary>
    public ReadOnlySpan<byte> PskKeyExchangeModes { get; private init; }

    /// <summary>pre_shared_key; <see cref="OfferedPsks.Count"/> is 0 when absent.</summary>
    public OfferedPsks PreSharedKeys { get; private init; }

    /// <summary>cookie; empty when absent.</summary>
    public ReadOnlySpan<byte> Cookie { get; private init; }

    /// <summary>True when the client offers TLCP.</summary>
    public bool OffersTlcp => LegacyVersion == ProtocolVersions.Tlcp;

    /// <summary>True when the client offers TLS 1.3.</summary>
    public bool OffersTls13 => LegacyVersion == ProtocolVersions.Tls12 && SupportedVersions.Contains(ProtocolVersions.Tls13);

    /// <summary>True when the client offers an SM suite of the given protocol.</summary>
    public bool OffersSmSuite(SmProtocol protocol)
    {
        for (int i = 0; i < CipherSuites.Count; i++)
        {
            if (SmCipherSuites.IsKnown(CipherSuites[i]) && ((SmCipherSuite)CipherSuites[i]).Protocol() == protocol)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>
    /// Reads the body of a ClientHello: <see cref="SmTlsError.DecodeError"/> for wrong lengths, <see cref="SmTlsError.UnsupportedVersion"/> for a version before TLS 1.0 that is not TLCP,
    /// <see cref="SmTlsError.IllegalParameter"/> for repeated extensions or shares, a missing null compression, a bad host name, or pre_shared_key not in last place.
    /// </summary>
    public static SmTlsError Read(ReadOnlySpan<byte> body, out ClientHello hello)
    {
        hello = default;
        TlsReader reader = new(body);
        if (!reader.TryReadUInt16(out ushort version)
            || !reader.TryReadBytes(RandomLength, out ReadOnlySpan<byte> random)
            || !reader.TryReadVector8(0, MaxSessionIdLength, out ReadOnlySpan<byte> sessionId)
            || !reader.TryReadVector16(2, ushort.MaxValue - 1, out ReadOnlySpan<byte> suiteBytes)
            || !UInt16List.TryCreate(suiteBytes, out UInt16List suites)
            || !reader.TryReadVector8(1, byte.MaxValue, out ReadOnlySpan<byte> compression))
        {
            return SmTlsError.DecodeError;
        }
        if (version != ProtocolVersions.Tlcp && version < ProtocolVersions.Tls10)
        {
            return SmTlsError.UnsupportedVersion;
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
        if (!compression.Contains((byte)0))
        {
            return SmTlsError.IllegalParameter;
        }
        ClientHello core = new()
        {
            LegacyVersion = version,
            Random = random,
            SessionId = sessionId,
            CipherSuites = suites,
            CompressionMethods = compression,
            Extensions = extensions,
        };
        return ReadExtensions(body, core, out hello);
    }

    private static SmTlsError ReadExtensions(ReadOnlySpan<byte> body, ClientHello core, out ClientHello hello)
    {
        hello = default;
        ReadOnlySpan<byte> serverName = default, pskModes = default, cookie = default;
        ProtocolNameList protocols = default;
        UInt16List versions = default, groups = default, schemes = default, certificateSchemes = default;
        KeyShareList shares = default;
        OfferedPsks psks = default;
        bool hasKeyShare = false;
        foreach (Extension extension in core.Extensions)
        {
            if (psks.Count > 0)
            {
                return SmTlsError.IllegalParameter;
            }
            SmTlsError error = SmTlsError.None;
            switch (extension.Type)
            {
                case ExtensionType.ServerName:
                    error = TlsExtensions.ReadServerName(extension.Body, out serverName);
                    break;
                case ExtensionType.ApplicationLayerProtocolNegotiation:
                    error = ProtocolNameList.Read(extension.Body, out protocols);
                    break;
                case ExtensionType.SupportedVersions:
                    error = TlsExtensions.ReadUInt16List8(extension.Body, out versions);
                    break;
                case ExtensionType.SupportedGroups:
                    error = TlsExtensions.ReadUInt16List16(extension.Body, out groups);
                    break;
                case ExtensionType.SignatureAlgorithms:
                    error = TlsExtensions.ReadUInt16List16(extension.Body, out schemes);
                    break;
                case ExtensionType.SignatureAlgorithmsCert:
                    error = TlsExtensions.ReadUInt16List16(extension.Body, out certificateSchemes);
                    break;
                case ExtensionType.KeyShare:
                    hasKeyShare = true;
                    error = KeyShareList.Read(extension.Body, out shares);
                    break;
                case ExtensionType.PskKeyExchangeModes:
                    error = TlsExtensions.ReadVector8(extension.Body, 1, out pskModes);
                    break;
                case ExtensionType.Cookie:
                    error = TlsExtensions.ReadVector16(extension.Body, 1, out cookie);
                    break;
                case ExtensionType.PreSharedKey:
                    error = OfferedPsks.Read(extension.Body, body.Length, out psks);
                    break;
                default:
                    break;
            }
            if (error != SmTlsError.None)
            {
                return error;
            }
        }
        hello = new ClientHello
        {
            LegacyVersion = core.LegacyVersion,
            Random = core.Random,
            SessionId = core.SessionId,
            CipherSuites = core.CipherSuites,
            CompressionMethods = core.CompressionMethods,
            Extensions = core.Extensions,
            ServerName = serverName,
            ApplicationProtocols = protocols,
            SupportedVersions = versions,
            SupportedGroups = groups,
            SignatureAlgorithms = schemes,
            SignatureAlgorithmsCert = certificateSchemes,
            HasKeyShare = hasKeyShare,
            KeyShares = shares,
            PskKeyExchangeModes = pskModes,
            PreSharedKeys = psks,
            Cookie = cookie,
        };
        return SmTlsError.None;
    }

    /// <summary>
    /// Writes the fields in front of the extensions, with null compression only. Open the message and the extension block around and after it:
    /// <code>
    /// using (writer.Handshake(HandshakeType.ClientHello))
    /// {
    ///     ClientHello.WriteFields(writer, ProtocolVersions.Tls12, random, sessionId, suites);
    ///     using (writer.Vector16()) { TlsExtensions.WriteServerName(writer, "example.com"); }
    /// }
    /// </code>
    /// A hello without extensions ends after the fields: the minimal hello that some TLCP servers insist on.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A length is out of range.</exception>
    public static void WriteFields(TlsWriter writer, ushort legacyVersion, ReadOnlySpan<byte> random, ReadOnlySpan<byte> sessionId, ReadOnlySpan<ushort> cipherSuites)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentOutOfRangeException.ThrowIfNotEqual(random.Length, RandomLength, nameof(random));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sessionId.Length, MaxSessionIdLength, nameof(sessionId));
        ArgumentOutOfRangeException.ThrowIfLessThan(cipherSuites.Length, 1, nameof(cipherSuites));
        writer.WriteUInt16(legacyVersion);
        writer.WriteBytes(random);
        writer.WriteVector8(sessionId);
        using (writer.Vector16())
        {
            foreach (ushort suite in cipherSuites)
            {
                writer.WriteUInt16(suite);
            }
        }
        writer.WriteVector8([0]);
    }
}
