using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Tests.Engine;

/// <summary>A TLCP connection that a test may stop anywhere, and go on with by records of its own: in the clear, or under the connection's keys, which the key log gives away.</summary>
internal sealed class TlcpForger : IDisposable
{
    private readonly int[] _sent = new int[2];
    private readonly int[] _delivered = new int[2];
    private byte[] _masterSecret = [];
    private byte[] _clientRandom = [];

    public TlcpForger(SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server)
    {
        client.KeyLog = line =>
        {
            string[] parts = line.Split(' ');
            (_clientRandom, _masterSecret) = (Convert.FromHexString(parts[1]), Convert.FromHexString(parts[2]));
        };
        Pump = TlcpWorld.Pump(client, server);
        Pump.OnWire = OnWire;
    }

    public EnginePump Pump { get; }

    /// <summary>How many records of the client, and of the server, arrive; those after are lost.</summary>
    public int[] Limits { get; } = [int.MaxValue, int.MaxValue];

    /// <summary>Changes a record: sender, index, record; what it returns arrives.</summary>
    public Func<bool, int, byte[], byte[]>? Change { get; set; }

    public static TlcpForger Mutual(SmCipherSuite suite)
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
        client.ClientCredential = TlcpWorld.ClientCredential;
        return new TlcpForger(client, TlcpWorld.ServerOptions(SmClientCertificateMode.Require, suite));
    }

    public static TlcpForger OneSided(SmCipherSuite suite) => new(TlcpWorld.ClientOptions(suite), TlcpWorld.ServerOptions(SmClientCertificateMode.None, suite));

    public TlsEngine Receiver(bool isServer) => Pump.Engine(isServer);

    /// <summary>Records of one sender as sent.</summary>
    public byte[][] Records(bool ofServer) => [.. Pump.Log.Where(r => r.FromServer == ofServer).Select(r => r.Record)];

    /// <summary>A record in the clear.</summary>
    public static byte[] Plain(RecordType type, ReadOnlySpan<byte> content)
    {
        byte[] record = new byte[RecordHeader.Size + content.Length];
        new RecordHeader(type, ProtocolVersions.Tlcp, content.Length).Write(record);
        content.CopyTo(record.AsSpan(RecordHeader.Size));
        return record;
    }

    /// <summary>A handshake message.</summary>
    public static byte[] Message(HandshakeType type, ReadOnlySpan<byte> body)
    {
        using TlsWriter writer = new();
        using (writer.Handshake(type))
        {
            writer.WriteBytes(body);
        }
        return writer.Written.ToArray();
    }

    /// <summary>A record under the sender's keys, with the sequence number that the receiver expects when <paramref name="ahead"/> records were put in between.</summary>
    public byte[] Seal(bool fromServer, RecordType type, ReadOnlySpan<byte> content, int ahead = 0)
    {
        byte[] serverRandom = Records(ofServer: true)[0].AsSpan(RecordHeader.Size + HandshakeMessage.HeaderLength + 2, ClientHello.RandomLength).ToArray();
        SmCipherSuite suite = Pump.Client.CipherSuite;
        using TlcpKeyBlock keys = TlcpKeySchedule.DeriveKeyBlock(suite, _masterSecret, _clientRandom, serverRandom);
        using RecordProtection protection = suite.Mode() == SmCipherMode.Gcm
            ? new TlcpGcmProtection(keys.Key(fromServer), keys.FixedIv(fromServer))
            : new TlcpCbcProtection(keys.MacKey(fromServer), keys.Key(fromServer));
        int plain = Array.FindIndex(Records(fromServer), r => r[0] == (byte)RecordType.ChangeCipherSpec) + 1;
        protection.SkipTo((ulong)(Math.Max(0, _delivered[fromServer ? 1 : 0] - plain) + ahead));
        byte[] record = new byte[protection.GetSealedLength(content.Length)];
        protection.Seal(type, content, record);
        return record;
    }

    public void Dispose() => Pump.Dispose();

    private byte[] OnWire(bool fromServer, byte[] record)
    {
        int side = fromServer ? 1 : 0;
        int index = _sent[side]++;
        if (index >= Limits[side])
        {
            return [];
        }
        _delivered[side]++;
        return Change is null ? record : Change(fromServer, index, record);
    }
}
