namespace Qanat.Tls.Messages;

/// <summary>EncryptedExtensions (RFC 8446 section 4.3.1). A view; the bytes belong to the message.</summary>
public readonly ref struct EncryptedExtensions
{
    /// <summary>All extensions.</summary>
    public ExtensionList Extensions { get; private init; }

    /// <summary>The application protocol chosen; empty when absent.</summary>
    public ReadOnlySpan<byte> ApplicationProtocol { get; private init; }

    /// <summary>The server's groups in order of preference; empty when absent.</summary>
    public UInt16List SupportedGroups { get; private init; }

    /// <summary>
    /// Reads the body. Extensions that belong elsewhere in the handshake are <see cref="SmTlsError.IllegalParameter"/> (RFC 8446 section 4.2); whether the others were
    /// offered is the caller's to check.
    /// </summary>
    public static SmTlsError Read(ReadOnlySpan<byte> body, out EncryptedExtensions message)
    {
        message = default;
        TlsReader reader = new(body);
        if (ExtensionList.Read(ref reader, out ExtensionList extensions) is var error and not SmTlsError.None)
        {
            return error;
        }
        if (!reader.IsEmpty)
        {
            return SmTlsError.DecodeError;
        }
        ReadOnlySpan<byte> protocol = default;
        UInt16List groups = default;
        foreach (Extension extension in extensions)
        {
            bool isRight = true;
            switch (extension.Type)
            {
                case ExtensionType.ServerName or ExtensionType.EarlyData:
                    isRight = extension.Body.IsEmpty;
                    break;
                case ExtensionType.ApplicationLayerProtocolNegotiation:
                    isRight = ProtocolNameList.Read(extension.Body, out ProtocolNameList names) == SmTlsError.None && names.TryGetOnly(out protocol);
                    break;
                case ExtensionType.SupportedGroups:
                    isRight = TlsExtensions.ReadUInt16List16(extension.Body, out groups) == SmTlsError.None;
                    break;
                case ExtensionType.KeyShare or ExtensionType.PreSharedKey or ExtensionType.SupportedVersions or ExtensionType.Cookie
                    or ExtensionType.SignatureAlgorithms or ExtensionType.SignatureAlgorithmsCert or ExtensionType.PskKeyExchangeModes:
                    return SmTlsError.IllegalParameter;
                default:
                    break;
            }
            if (!isRight)
            {
                return SmTlsError.DecodeError;
            }
        }
        message = new EncryptedExtensions { Extensions = extensions, ApplicationProtocol = protocol, SupportedGroups = groups };
        return SmTlsError.None;
    }
}
