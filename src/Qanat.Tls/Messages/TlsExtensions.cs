using System.Text;

namespace Qanat.Tls.Messages;

/// <summary>Reads and writes extension bodies. Writers write the whole extension, type and length included, into the open extension block.</summary>
public static class TlsExtensions
{
    /// <summary>Longest host name in server_name, in bytes.</summary>
    public const int MaxServerNameLength = 255;

    /// <summary>psk_ke (RFC 8446 section 4.2.9).</summary>
    public const byte PskKe = 0;

    /// <summary>psk_dhe_ke (RFC 8446 section 4.2.9).</summary>
    public const byte PskDheKe = 1;

    /// <summary>Writes server_name with one host name (RFC 6066 section 3).</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="hostName">ASCII (punycode) name without a trailing dot, 1 to 255 characters.</param>
    /// <exception cref="ArgumentException">The name is empty, too long or not printable ASCII.</exception>
    public static void WriteServerName(TlsWriter writer, string hostName)
    {
        ArgumentNullException.ThrowIfNull(hostName);
        byte[] name = Encoding.ASCII.GetBytes(hostName);
        if (!Ascii.IsValid(hostName) || !IsHostName(name))
        {
            throw new ArgumentException("A server name is 1 to 255 printable ASCII characters; write other names in punycode.", nameof(hostName));
        }
        using (writer.Extension(ExtensionType.ServerName))
        using (writer.Vector16())
        {
            writer.WriteByte(0);
            writer.WriteVector16(name);
        }
    }

    /// <summary>Writes an extension without a body: early_data, post_handshake_auth, the server's answer to server_name.</summary>
    public static void WriteEmpty(TlsWriter writer, ExtensionType type) => writer.Extension(type).Dispose();

    /// <summary>Writes an extension whose body is given.</summary>
    public static void WriteRaw(TlsWriter writer, ExtensionType type, ReadOnlySpan<byte> body)
    {
        using (writer.Extension(type))
        {
            writer.WriteBytes(body);
        }
    }

    /// <summary>Writes application_layer_protocol_negotiation (RFC 7301); the server names exactly one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or longer than 255 bytes.</exception>
    public static void WriteApplicationProtocols(TlsWriter writer, IReadOnlyList<string> protocols)
    {
        ArgumentNullException.ThrowIfNull(protocols);
        using (writer.Extension(ExtensionType.ApplicationLayerProtocolNegotiation))
        using (writer.Vector16())
        {
            foreach (string protocol in protocols)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(protocol.Length, 1, nameof(protocols));
                writer.WriteVector8(Encoding.UTF8.GetBytes(protocol));
            }
        }
    }

    /// <summary>Writes application_layer_protocol_negotiation (RFC 7301) with names of any bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or longer than 255 bytes.</exception>
    public static void WriteApplicationProtocols(TlsWriter writer, IReadOnlyList<ReadOnlyMemory<byte>> protocols)
    {
        ArgumentNullException.ThrowIfNull(protocols);
        using (writer.Extension(ExtensionType.ApplicationLayerProtocolNegotiation))
        using (writer.Vector16())
        {
            foreach (ReadOnlyMemory<byte> protocol in protocols)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(protocol.Length, 1, nameof(protocols));
                writer.WriteVector8(protocol.Span);
            }
        }
    }

    /// <summary>Writes supported_versions of a client.</summary>
    public static void WriteSupportedVersions(TlsWriter writer, params ReadOnlySpan<ushort> versions)
    {
        using (writer.Extension(ExtensionType.SupportedVersions))
        using (writer.Vector8())
        {
            WriteAll(writer, versions);
        }
    }

    /// <summary>Writes supported_versions of a server: the version chosen.</summary>
    public static void WriteSelectedVersion(TlsWriter writer, ushort version)
    {
        using (writer.Extension(ExtensionType.SupportedVersions))
        {
            writer.WriteUInt16(version);
        }
    }

    /// <summary>Writes supported_groups.</summary>
    public static void WriteSupportedGroups(TlsWriter writer, params ReadOnlySpan<NamedGroup> groups) =>
        WriteList16(writer, ExtensionType.SupportedGroups, System.Runtime.InteropServices.MemoryMarshal.Cast<NamedGroup, ushort>(groups));

    /// <summary>Writes signature_algorithms, or signature_algorithms_cert.</summary>
    public static void WriteSignatureAlgorithms(TlsWriter writer, ExtensionType type, params ReadOnlySpan<SignatureScheme> schemes) =>
        WriteList16(writer, type, System.Runtime.InteropServices.MemoryMarshal.Cast<SignatureScheme, ushort>(schemes));

    /// <summary>Writes psk_key_exchange_modes.</summary>
    public static void WritePskKeyExchangeModes(TlsWriter writer, params ReadOnlySpan<byte> modes)
    {
        using (writer.Extension(ExtensionType.PskKeyExchangeModes))
        {
            writer.WriteVector8(modes);
        }
    }

    /// <summary>Writes cookie.</summary>
    public static void WriteCookie(TlsWriter writer, ReadOnlySpan<byte> cookie)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cookie.Length, 1, nameof(cookie));
        using (writer.Extension(ExtensionType.Cookie))
        {
            writer.WriteVector16(cookie);
        }
    }

    /// <summary>Opens key_share of a client; write each share with <see cref="WriteKeyShareEntry"/> and dispose both scopes, inner first.</summary>
    public static void OpenKeyShares(TlsWriter writer, out TlsWriter.Scope extension, out TlsWriter.Scope list)
    {
        extension = writer.Extension(ExtensionType.KeyShare);
        list = writer.Vector16();
    }

    /// <summary>Writes key_share of a client with one share.</summary>
    public static void WriteKeyShare(TlsWriter writer, NamedGroup group, ReadOnlySpan<byte> share)
    {
        using (writer.Extension(ExtensionType.KeyShare))
        using (writer.Vector16())
        {
            WriteKeyShareEntry(writer, group, share);
        }
    }

    /// <summary>Writes one share.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="share"/> is empty.</exception>
    public static void WriteKeyShareEntry(TlsWriter writer, NamedGroup group, ReadOnlySpan<byte> share)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(share.Length, 1, nameof(share));
        writer.WriteUInt16((ushort)group);
        writer.WriteVector16(share);
    }

    /// <summary>Writes key_share of a ServerHello.</summary>
    public static void WriteServerKeyShare(TlsWriter writer, NamedGroup group, ReadOnlySpan<byte> share)
    {
        using (writer.Extension(ExtensionType.KeyShare))
        {
            WriteKeyShareEntry(writer, group, share);
        }
    }

    /// <summary>Writes key_share of a HelloRetryRequest: the group wanted.</summary>
    public static void WriteRetryGroup(TlsWriter writer, NamedGroup group)
    {
        using (writer.Extension(ExtensionType.KeyShare))
        {
            writer.WriteUInt16((ushort)group);
        }
    }

    /// <summary>Writes pre_shared_key of a ServerHello: the index of the identity chosen.</summary>
    public static void WriteSelectedIdentity(TlsWriter writer, ushort index)
    {
        using (writer.Extension(ExtensionType.PreSharedKey))
        {
            writer.WriteUInt16(index);
        }
    }

    /// <summary>Writes certificate_authorities (RFC 8446 section 4.2.4).</summary>
    public static void WriteCertificateAuthorities(TlsWriter writer, IReadOnlyList<byte[]> distinguishedNames)
    {
        ArgumentNullException.ThrowIfNull(distinguishedNames);
        using (writer.Extension(ExtensionType.CertificateAuthorities))
        using (writer.Vector16())
        {
            foreach (byte[] name in distinguishedNames)
            {
                writer.WriteVector16(name);
            }
        }
    }

    /// <summary>True for 1 to 255 printable ASCII characters.</summary>
    internal static bool IsHostName(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and <= MaxServerNameLength && !name.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E);

    internal static SmTlsError ReadServerName(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> hostName)
    {
        hostName = default;
        TlsReader outer = new(body);
        if (!outer.TryReadVector16(1, ushort.MaxValue, out ReadOnlySpan<byte> list) || !outer.IsEmpty)
        {
            return SmTlsError.DecodeError;
        }
        TlsReader names = new(list);
        while (!names.IsEmpty)
        {
            if (!names.TryReadByte(out byte type) || !names.TryReadVector16(0, ushort.MaxValue, out ReadOnlySpan<byte> name))
            {
                return SmTlsError.DecodeError;
            }
            if (type != 0)
            {
                continue;
            }
            if (!hostName.IsEmpty || !IsHostName(name))
            {
                return SmTlsError.IllegalParameter;
            }
            hostName = name;
        }
        return SmTlsError.None;
    }

    internal static SmTlsError ReadUInt16List8(ReadOnlySpan<byte> body, out UInt16List list)
    {
        list = default;
        return ReadVector8(body, 2, out ReadOnlySpan<byte> bytes) == SmTlsError.None && UInt16List.TryCreate(bytes, out list) ? SmTlsError.None : SmTlsError.DecodeError;
    }

    internal static SmTlsError ReadUInt16List16(ReadOnlySpan<byte> body, out UInt16List list)
    {
        list = default;
        return ReadVector16(body, 2, out ReadOnlySpan<byte> bytes) == SmTlsError.None && UInt16List.TryCreate(bytes, out list) ? SmTlsError.None : SmTlsError.DecodeError;
    }

    internal static SmTlsError ReadVector8(ReadOnlySpan<byte> body, int min, out ReadOnlySpan<byte> value)
    {
        TlsReader reader = new(body);
        return reader.TryReadVector8(min, byte.MaxValue, out value) && reader.IsEmpty ? SmTlsError.None : SmTlsError.DecodeError;
    }

    internal static SmTlsError ReadVector16(ReadOnlySpan<byte> body, int min, out ReadOnlySpan<byte> value)
    {
        TlsReader reader = new(body);
        return reader.TryReadVector16(min, ushort.MaxValue, out value) && reader.IsEmpty ? SmTlsError.None : SmTlsError.DecodeError;
    }

    private static void WriteList16(TlsWriter writer, ExtensionType type, ReadOnlySpan<ushort> values)
    {
        using (writer.Extension(type))
        using (writer.Vector16())
        {
            WriteAll(writer, values);
        }
    }

    private static void WriteAll(TlsWriter writer, ReadOnlySpan<ushort> values)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, 1, nameof(values));
        foreach (ushort value in values)
        {
            writer.WriteUInt16(value);
        }
    }
}
