using System.Net.Security;
using Qanat.Tls.Messages;

namespace Qanat.Tls.Engine;

/// <summary>Application protocols (RFC 7301) as options have them, on the wire.</summary>
internal static class TlcpProtocols
{
    /// <summary>Writes the extension.</summary>
    public static void Write(TlsWriter writer, IReadOnlyList<SslApplicationProtocol> protocols)
    {
        using (writer.Extension(ExtensionType.ApplicationLayerProtocolNegotiation))
        using (writer.Vector16())
        {
            foreach (SslApplicationProtocol protocol in protocols)
            {
                writer.WriteVector8(protocol.Protocol.Span);
            }
        }
    }

    /// <summary>Finds the protocol of this name.</summary>
    public static bool TryFind(IReadOnlyList<SslApplicationProtocol> protocols, ReadOnlySpan<byte> name, out SslApplicationProtocol found)
    {
        foreach (SslApplicationProtocol protocol in protocols)
        {
            if (protocol.Protocol.Span.SequenceEqual(name))
            {
                found = protocol;
                return true;
            }
        }
        found = default;
        return false;
    }

    /// <summary>The first of the server's protocols that the client offers.</summary>
    public static bool TryChoose(IReadOnlyList<SslApplicationProtocol> protocols, ProtocolNameList offered, out SslApplicationProtocol chosen)
    {
        foreach (SslApplicationProtocol protocol in protocols)
        {
            if (offered.Contains(protocol.Protocol.Span))
            {
                chosen = protocol;
                return true;
            }
        }
        chosen = default;
        return false;
    }
}
