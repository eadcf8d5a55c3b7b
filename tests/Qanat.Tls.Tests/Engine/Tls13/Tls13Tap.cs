using System.Buffers.Binary;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>One record's content: what is inside once it was opened.</summary>
internal sealed record TapRecord(RecordType Type, byte[] Content)
{
    public HandshakeType Message => Type == RecordType.Handshake && Content.Length > 0 ? (HandshakeType)Content[0] : 0;

    public bool IsHelloRetryRequest => Message == HandshakeType.ServerHello && Content.AsSpan(6, 32).SequenceEqual(ServerHello.HelloRetryRequestRandom);

    /// <summary>A handshake message with its header.</summary>
    public static TapRecord Of(HandshakeType type, byte[] body) => new(RecordType.Handshake, [(byte)type, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body]);
}

/// <summary>
/// Someone on the wire who knows the keys: opens every record, lets the test put others in its place, and seals those as the sender would have. So a test speaks with every message in
/// every state, under the right keys.
/// </summary>
internal sealed class Tls13Tap(Tls13Setup setup, Func<bool, TapRecord, IEnumerable<TapRecord>> rewrite)
{
    private readonly Direction _client = new();
    private readonly Direction _server = new();
    private SmCipherSuite _suite;

    public IEnumerable<byte[]> OnRecord(bool fromClient, byte[] record)
    {
        Direction direction = fromClient ? _client : _server;
        bool isProtected = direction.Open is not null && record[0] == (byte)RecordType.ApplicationData;
        TapRecord content = new((RecordType)record[0], record[RecordHeader.Size..]);
        if (isProtected)
        {
            byte[] fragment = [.. content.Content];
            SmTlsError error = direction.Open!.Open(new RecordHeader(RecordType.ApplicationData, ProtocolVersions.Tls12, fragment.Length), fragment, out RecordType type, out Span<byte> plaintext);
            if (error != SmTlsError.None)
            {
                // The ends have come to different keys.
                return [record];
            }
            content = new TapRecord(type, plaintext.ToArray());
        }
        List<byte[]> passed = [];
        foreach (TapRecord next in rewrite(fromClient, content))
        {
            passed.Add(isProtected ? direction.Sealed(next) : Plain(next, record[2]));
        }
        Follow(fromClient, content);
        return passed;
    }

    private static byte[] Plain(TapRecord record, byte minorVersion)
    {
        byte[] bytes = [(byte)record.Type, 3, minorVersion, 0, 0, .. record.Content];
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(3), (ushort)record.Content.Length);
        return bytes;
    }

    // The keys that the sender takes after this message.
    private void Follow(bool fromClient, TapRecord content)
    {
        switch (content.Message)
        {
            case HandshakeType.ServerHello when !content.IsHelloRetryRequest:
                Assert.Equal(SmTlsError.None, ServerHello.Read(content.Content.AsSpan(4), out ServerHello hello));
                _suite = hello.CipherSuite;
                _server.Protect(_suite, setup.ServerSecrets[KeyLogLine.ServerHandshake]);
                _client.Protect(_suite, setup.ServerSecrets[KeyLogLine.ClientHandshake]);
                break;
            case HandshakeType.Finished when fromClient:
                _client.Protect(_suite, setup.ServerSecrets[KeyLogLine.ClientTraffic]);
                break;
            case HandshakeType.Finished:
                _server.Protect(_suite, setup.ServerSecrets[KeyLogLine.ServerTraffic]);
                break;
            case HandshakeType.KeyUpdate:
                (fromClient ? _client : _server).Update(_suite);
                break;
            default:
                break;
        }
    }

    private sealed class Direction
    {
        private byte[] _secret = [];

        public Tls13RecordProtection? Open { get; private set; }

        public Tls13RecordProtection? Seal { get; private set; }

        public void Protect(SmCipherSuite suite, byte[] secret)
        {
            _secret = [.. secret];
            (Open, Seal) = (new Tls13RecordProtection(suite, secret), new Tls13RecordProtection(suite, secret));
        }

        public void Update(SmCipherSuite suite)
        {
            Tls13KeyDerivation.UpdateTrafficSecret(_secret);
            Protect(suite, _secret);
        }

        public byte[] Sealed(TapRecord record)
        {
            byte[] bytes = new byte[Seal!.GetSealedLength(record.Content.Length)];
            Seal.Seal(record.Type, record.Content, bytes);
            return bytes;
        }
    }
}
