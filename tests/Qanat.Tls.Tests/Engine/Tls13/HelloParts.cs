using Qanat.Tls.Messages;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>A ClientHello taken apart, to be changed and put together again.</summary>
internal sealed class HelloParts
{
    public HelloParts(byte[] message)
    {
        ClientHello.Read(message.AsSpan(4), out ClientHello hello);
        (Version, Random, SessionId, Suites) = (hello.LegacyVersion, hello.Random.ToArray(), hello.SessionId.ToArray(), [.. hello.CipherSuites.ToArray()]);
        foreach (Extension extension in hello.Extensions)
        {
            Extensions.Add((extension.Type, extension.Body.ToArray()));
        }
    }

    public ushort Version { get; set; }

    public byte[] Random { get; }

    public byte[] SessionId { get; }

    public List<ushort> Suites { get; }

    public byte[] Compression { get; set; } = [0];

    public List<(ExtensionType Type, byte[] Body)> Extensions { get; } = [];

    public byte[] Get(ExtensionType type) => Extensions.Single(e => e.Type == type).Body;

    public void Set(ExtensionType type, byte[] body) => Extensions[Extensions.FindIndex(e => e.Type == type)] = (type, body);

    public void Remove(ExtensionType type) => Extensions.RemoveAll(e => e.Type == type);

    /// <summary>An identity of nobody with a binder of zeros.</summary>
    public void AddPreSharedKey() => Extensions.Add((ExtensionType.PreSharedKey, [0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32, .. new byte[32]]));

    public byte[] Write()
    {
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ClientHello))
        {
            writer.WriteUInt16(Version);
            writer.WriteBytes(Random);
            writer.WriteVector8(SessionId);
            using (writer.Vector16())
            {
                Suites.ForEach(writer.WriteUInt16);
            }
            writer.WriteVector8(Compression);
            using (writer.Vector16())
            {
                Extensions.ForEach(e => TlsExtensions.WriteRaw(writer, e.Type, e.Body));
            }
        }
        return writer.Written.ToArray();
    }
}
