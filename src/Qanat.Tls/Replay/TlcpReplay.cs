using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Replay;

/// <summary>Replays a TLCP connection (GB/T 38636-2020).</summary>
internal sealed class TlcpReplay(RecordedConnection recording, ReplayPki pki, DateTimeOffset time) : ReplayConnection(recording, pki, time)
{
    private byte[] _serverRandom = [];
    private byte[] _offeredSessionId = [];
    private byte[] _serverPoint = [];
    private byte[]? _encryptionCertificate;
    private byte[]? _masterSecret;
    private bool _offersTicket;
    private bool _hasServerHello;
    private bool _hasServerHelloDone;

    public override SmProtocol Protocol => SmProtocol.Tlcp;

    protected override void OnMessage(ReplayDirection sender, HandshakeMessage message)
    {
        Require(message.Type == HandshakeType.ClientHello || ClientRandom.Length > 0, SmTlsError.UnexpectedMessage, $"{message.Type} before ClientHello");
        switch (message.Type, sender.IsServer)
        {
            case (HandshakeType.ClientHello, false):
                OnClientHello(message);
                break;
            case (HandshakeType.ServerHello, true):
                OnServerHello(message);
                break;
            case (HandshakeType.Certificate, _):
                OnCertificate(sender, message);
                break;
            case (HandshakeType.ServerKeyExchange, true):
                OnServerKeyExchange(message);
                break;
            case (HandshakeType.CertificateRequest, true):
                Require(TlcpCertificateRequest.Read(message.Body, out _), message);
                HasCertificateRequest = true;
                break;
            case (HandshakeType.ServerHelloDone, true):
                Require(TlcpMessages.ReadServerHelloDone(message.Body), message);
                _hasServerHelloDone = true;
                break;
            case (HandshakeType.ClientKeyExchange, false):
                OnClientKeyExchange(message);
                break;
            case (HandshakeType.CertificateVerify, false):
                OnCertificateVerify(message);
                break;
            case (HandshakeType.NewSessionTicket, true):
                Require(TlcpMessages.ReadNewSessionTicket(message.Body, out _, out ReadOnlySpan<byte> ticket), message);
                Dialect.Tickets++;
                TicketLength = ticket.Length;
                break;
            case (HandshakeType.Finished, _):
                OnFinished(sender, message);
                break;
            default:
                throw new ReplayException(ReplayCause.Malformed, SmTlsError.UnexpectedMessage, $"a {message.Type} of the {sender.Name}, which TLCP does not have");
        }
        Transcript.Append(message.Bytes);
    }

    protected override void OnChangeCipherSpec(ReplayDirection sender)
    {
        Require(_hasServerHello && !sender.IsProtected, SmTlsError.UnexpectedMessage, $"a ChangeCipherSpec of the {sender.Name} out of order");
        if (!_hasServerHelloDone)
        {
            Dialect.Resumption ??= _offersTicket ? "session-ticket" : "session-id";
        }
        if (_masterSecret is null && KeyLog.TryGetValue(KeyLogLine.ClientRandom, out byte[]? logged))
        {
            _masterSecret = logged;
        }
        if (_masterSecret is null)
        {
            sender.Protect(null);
            return;
        }
        using TlcpKeyBlock keys = TlcpKeySchedule.DeriveKeyBlock(Suite, _masterSecret, ClientRandom, _serverRandom);
        sender.Protect(Suite.Mode() == SmCipherMode.Gcm
            ? new TlcpGcmProtection(keys.Key(sender.IsServer), keys.FixedIv(sender.IsServer))
            : new TlcpCbcProtection(keys.MacKey(sender.IsServer), keys.Key(sender.IsServer)));
    }

    protected override void Dispose(bool disposing) => CryptographicOperations.ZeroMemory(_masterSecret);

    private void OnClientHello(HandshakeMessage message)
    {
        Require(ClientRandom.Length == 0, SmTlsError.RenegotiationRefused, "a second ClientHello; TLCP has no renegotiation");
        Require(ClientHello.Read(message.Body, out ClientHello hello), message);
        ClientRandom = hello.Random.ToArray();
        KeyLog = KeyLogLine.Parse(Recording.KeyLog, ClientRandom);
        Dialect.ClientHelloExtensions = ReplayNames.Of(hello.Extensions);
        _offersTicket = hello.Extensions.TryGet(ExtensionType.SessionTicket, out ReadOnlySpan<byte> ticket) && !ticket.IsEmpty;
        _offeredSessionId = hello.SessionId.ToArray();
    }

    private void OnServerHello(HandshakeMessage message)
    {
        Require(!_hasServerHello, SmTlsError.UnexpectedMessage, "a second ServerHello");
        Require(ServerHello.Read(message.Body, out ServerHello hello), message);
        Require(hello.Protocol == SmProtocol.Tlcp, SmTlsError.UnsupportedVersion, "the ServerHello does not choose TLCP");
        Require(hello.CipherSuite.Protocol() == SmProtocol.Tlcp && SmCipherSuites.IsKnown((ushort)hello.CipherSuite), SmTlsError.NoCommonSuite,
            $"the ServerHello chooses suite {hello.CipherSuite.Name()}, which is none of TLCP's SM suites");
        _hasServerHello = true;
        _serverRandom = hello.Random.ToArray();
        Suite = hello.CipherSuite;
    }

    private void OnCertificate(ReplayDirection sender, HandshakeMessage message)
    {
        Require(_hasServerHello, SmTlsError.UnexpectedMessage, $"a Certificate of the {sender.Name} before ServerHello");
        Require(CertificateList.ReadTlcp(message.Body, out CertificateList list), message);
        byte[][] certificates = list.ToArray();
        if (sender.IsServer)
        {
            CheckChain(isServer: true, certificates, SmChainForm.Pair);
            _encryptionCertificate = certificates.ElementAtOrDefault(1);
        }
        else if (certificates.Length == 0)
        {
            Dialect.ClientCertificates = "none";
        }
        else
        {
            CheckChain(isServer: false, certificates, Suite.IsEcdhe() ? SmChainForm.Pair : SmChainForm.PairOrOne);
            Dialect.ClientCertificates = ClientEncryptCertificate is null ? "single" : "double";
        }
    }

    private void OnServerKeyExchange(HandshakeMessage message)
    {
        Require(ServerKeyExchange.Read(message.Body, Suite.IsEcdhe(), out ServerKeyExchange exchange), message);
        _serverPoint = exchange.Point.ToArray();
        using TlsWriter signed = new();
        if (Suite.IsEcdhe())
        {
            ServerKeyExchange.WriteSignedEcdhe(signed, ClientRandom, _serverRandom, exchange.Parameters);
        }
        else
        {
            Require(_encryptionCertificate is not null, SmTlsError.UnexpectedMessage, "a ServerKeyExchange without an encryption certificate before it");
            ServerKeyExchange.WriteSignedEcc(signed, ClientRandom, _serverRandom, _encryptionCertificate);
        }
        NoteSignature(Verify(ServerSignCertificate, signed.Written, Sm2.DefaultUserId, exchange.Signature), "ServerKeyExchange");
    }

    private void OnClientKeyExchange(HandshakeMessage message)
    {
        Require(_hasServerHelloDone, SmTlsError.UnexpectedMessage, "a ClientKeyExchange before ServerHelloDone");
        Require(ClientKeyExchange.Read(message.Body, Suite.IsEcdhe(), out ClientKeyExchange exchange), message);
        Dialect.ClientKeyExchange = exchange.Dialect switch
        {
            ClientKeyExchangeDialect.WithLength => "with-length",
            ClientKeyExchangeDialect.WithoutLength => "without-length",
            _ => null,
        };
        byte[]? preMaster = Suite.IsEcdhe() ? AgreePreMaster(exchange.Point) : DecryptPreMaster(exchange.EncryptedPreMasterSecret);
        preMaster = Same(preMaster, Recording.PreMasterSecret, "the pre-master secret of the key exchange", "secrets.json");
        byte[]? master = null;
        if (preMaster is not null)
        {
            master = new byte[TlcpKeySchedule.SecretLength];
            TlcpKeySchedule.DeriveMasterSecret(preMaster, ClientRandom, _serverRandom, master);
            CryptographicOperations.ZeroMemory(preMaster);
        }
        _masterSecret = Same(master, KeyLog.GetValueOrDefault(KeyLogLine.ClientRandom), "the master secret derived", "the key log");
    }

    private byte[]? DecryptPreMaster(ReadOnlySpan<byte> ciphertext)
    {
        if (Pki.FindKey(ServerEncryptCertificate) is not { } key)
        {
            return null;
        }
        byte[] plaintext = new byte[ciphertext.Length];
        if (!key.TryDecrypt(ciphertext, Sm2CipherFormat.Asn1, plaintext, out int length) || length != TlcpKeySchedule.SecretLength)
        {
            throw new ReplayException(ReplayCause.KeysWrong, SmTlsError.DecodeError, "the server's encryption key does not decrypt the pre-master secret");
        }
        if (plaintext is not [0x01, 0x01, ..])
        {
            Note(ReplayCause.Malformed, SmTlsError.IllegalParameter, "the pre-master secret does not begin with the client's version 0x0101");
        }
        return plaintext[..length];
    }

    // The server is the initiator of GB/T 32918.3: its parameters come first. Either side's ephemeral key gives the secret.
    private byte[]? AgreePreMaster(ReadOnlySpan<byte> clientPoint)
    {
        if (Agree(Pki.FindKey(ServerEncryptCertificate), Recording.ServerEphemeralKeys, _serverPoint, Sm2KeyExchangeRole.Initiator, ClientEncryptCertificate, clientPoint) is { } asServer)
        {
            return asServer;
        }
        return Agree(Pki.FindKey(ClientEncryptCertificate), Recording.ClientEphemeralKeys, clientPoint, Sm2KeyExchangeRole.Responder, ServerEncryptCertificate, _serverPoint);
    }

    private static byte[]? Agree(Sm2? key, IReadOnlyList<byte[]> ephemeralKeys, ReadOnlySpan<byte> ownPoint, Sm2KeyExchangeRole role, SmCertificate? peer, ReadOnlySpan<byte> peerPoint)
    {
        if (key is null || peer is null || ReplayNames.FindEphemeral(ephemeralKeys, ownPoint) is not { } ephemeral)
        {
            return null;
        }
        using Sm2KeyExchange exchange = new(key, Sm2.DefaultUserId, role, ephemeral);
        byte[] preMaster = new byte[TlcpKeySchedule.SecretLength];
        exchange.DeriveKey(peer.PublicKey, Sm2.DefaultUserId, peerPoint, preMaster);
        return preMaster;
    }

    private void OnCertificateVerify(HandshakeMessage message)
    {
        Require(TlcpMessages.ReadCertificateVerify(message.Body, out ReadOnlySpan<byte> signature), message);
        Span<byte> hash = stackalloc byte[HandshakeTranscript.HashLength];
        Transcript.GetHash(hash);
        Dialect.CertificateVerify =
            Verify(ClientSignCertificate, hash, Sm2.DefaultUserId, signature) ? "transcript-hash"
            : Verify(ClientSignCertificate, Transcript.Raw, Sm2.DefaultUserId, signature) ? "raw-transcript"
            : null;
        ClientAuthenticated = Dialect.CertificateVerify is not null;
        NoteSignature(ClientAuthenticated, "CertificateVerify");
    }

    private void OnFinished(ReplayDirection sender, HandshakeMessage message)
    {
        Require(sender.IsProtected && _masterSecret is not null, SmTlsError.UnexpectedMessage, $"a Finished of the {sender.Name} before ChangeCipherSpec");
        Require(TlcpMessages.ReadFinished(message.Body, out ReadOnlySpan<byte> verifyData), message);
        Span<byte> hash = stackalloc byte[HandshakeTranscript.HashLength];
        Transcript.GetHash(hash);
        NoteFinished(sender, TlcpKeySchedule.VerifyFinished(sender.IsServer, _masterSecret, hash, verifyData));
    }

    private byte[]? Same(byte[]? derived, byte[]? given, string what, string source)
    {
        if (derived is not null && given is not null && !derived.AsSpan().SequenceEqual(given))
        {
            Note(ReplayCause.KeysWrong, SmTlsError.None, $"{what} is not the one in {source}");
        }
        return derived ?? given?.ToArray();
    }
}
