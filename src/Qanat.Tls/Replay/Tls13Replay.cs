using System.Security.Cryptography;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Replay;

/// <summary>Replays a TLS 1.3 connection with SM suites (RFC 8446, RFC 8998).</summary>
internal sealed class Tls13Replay(RecordedConnection recording, ReplayPki pki, DateTimeOffset time) : ReplayConnection(recording, pki, time)
{
    private const int SecretLength = Tls13KeyDerivation.SecretLength;

    private byte[] _clientShare = [];
    private byte[][] _offeredPsks = [];
    private Tls13KeySchedule? _schedule;
    private byte[]? _clientHandshake, _serverHandshake, _clientTraffic, _serverTraffic;
    private bool _hasServerHello;
    private bool _serverFlightDone;
    private bool _usesPsk;

    public override SmProtocol Protocol => SmProtocol.Tls13;

    protected override bool IsPlainAlert(ReplayDirection sender, RecordHeader header) =>
        header.Type == RecordType.Alert && sender.Protection is null or { SequenceNumber: 0 } && !sender.HasFinished;

    protected override void OnMessage(ReplayDirection sender, HandshakeMessage message)
    {
        bool isHello = message.Type is HandshakeType.ClientHello or HandshakeType.ServerHello;
        Require(isHello != sender.IsProtected, SmTlsError.UnexpectedMessage, $"a {message.Type} of the {sender.Name} {(isHello ? "under keys" : "in the clear")}");
        if (sender.HasFinished)
        {
            OnPostHandshake(sender, message);
            return;
        }
        switch (message.Type, sender.IsServer)
        {
            case (HandshakeType.ClientHello, false):
                OnClientHello(message);
                return;
            case (HandshakeType.ServerHello, true):
                OnServerHello(message);
                return;
            case (HandshakeType.EncryptedExtensions, true):
                Require(EncryptedExtensions.Read(message.Body, out _), message);
                break;
            case (HandshakeType.CertificateRequest, true):
                Require(Tls13CertificateRequest.Read(message.Body, out _), message);
                HasCertificateRequest = true;
                break;
            case (HandshakeType.Certificate, _):
                OnCertificate(sender, message);
                break;
            case (HandshakeType.CertificateVerify, _):
                OnCertificateVerify(sender, message);
                break;
            case (HandshakeType.Finished, _):
                OnFinished(sender, message);
                return;
            default:
                throw new ReplayException(ReplayCause.Malformed, SmTlsError.UnexpectedMessage, $"a {message.Type} of the {sender.Name} inside the handshake");
        }
        Transcript.Append(message.Bytes);
    }

    protected override void OnChangeCipherSpec(ReplayDirection sender)
    {
        Require(ClientRandom.Length > 0 && !sender.HasFinished, SmTlsError.UnexpectedMessage, $"a ChangeCipherSpec of the {sender.Name} outside the handshake");
        if (!sender.IsServer)
        {
            Dialect.MiddleboxCompatibility = true;
        }
    }

    protected override void Dispose(bool disposing)
    {
        _schedule?.Dispose();
        foreach (byte[]? secret in (ReadOnlySpan<byte[]?>)[_clientHandshake, _serverHandshake, _clientTraffic, _serverTraffic])
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private void OnClientHello(HandshakeMessage message)
    {
        Require(!_hasServerHello && (ClientRandom.Length == 0 || Dialect.HelloRetryRequest == true), SmTlsError.UnexpectedMessage, "a second ClientHello that nothing asked for");
        Require(ClientHello.Read(message.Body, out ClientHello hello), message);
        ClientRandom = hello.Random.ToArray();
        KeyLog = KeyLogLine.Parse(Recording.KeyLog, ClientRandom);
        Dialect.ClientHelloExtensions = ReplayNames.Of(hello.Extensions);
        Dialect.HelloRetryRequest ??= false;
        Dialect.MiddleboxCompatibility ??= false;
        _clientShare = hello.KeyShares.TryGet(NamedGroup.CurveSm2, out ReadOnlySpan<byte> share) ? share.ToArray() : [];
        CheckBinders(hello, message);
        Transcript.Append(message.Bytes);
    }

    // Which of the known keys made each binder; a binder that none made is not judged.
    private void CheckBinders(ClientHello hello, HandshakeMessage message)
    {
        _offeredPsks = new byte[hello.PreSharedKeys.Count][];
        Span<byte> hash = stackalloc byte[HandshakeTranscript.HashLength];
        Span<byte> binderKey = stackalloc byte[SecretLength];
        for (int i = 0; i < _offeredPsks.Length; i++)
        {
            Transcript.GetHashWith(message.Bytes[..hello.PreSharedKeys.TruncatedLength], hash);
            _offeredPsks[i] = [];
            foreach (byte[] psk in Recording.PreSharedKeys)
            {
                Tls13KeyDerivation.DeriveBinderKey(psk, isExternal: false, binderKey);
                if (Tls13KeyDerivation.VerifyFinished(binderKey, hash, hello.PreSharedKeys[i].Binder))
                {
                    _offeredPsks[i] = psk;
                }
            }
            if (_offeredPsks[i].Length == 0 && Recording.PreSharedKeys.Count > 0)
            {
                Note(ReplayCause.FinishedInvalid, SmTlsError.BadBinder, $"none of the pre-shared keys in secrets.json made binder {i}");
            }
        }
    }

    private void OnServerHello(HandshakeMessage message)
    {
        Require(ClientRandom.Length > 0 && !_hasServerHello, SmTlsError.UnexpectedMessage, "a ServerHello out of order");
        Require(ServerHello.Read(message.Body, out ServerHello hello), message);
        Require(hello.Protocol == SmProtocol.Tls13, SmTlsError.UnsupportedVersion, "the ServerHello does not choose TLS 1.3");
        Require(hello.CipherSuite.Protocol() == SmProtocol.Tls13 && SmCipherSuites.IsKnown((ushort)hello.CipherSuite), SmTlsError.NoCommonSuite,
            $"the ServerHello chooses suite {hello.CipherSuite.Name()}, which is no SM suite of TLS 1.3");
        Suite = hello.CipherSuite;
        Dialect.Group = ReplayNames.Of(hello.Group);
        if (hello.IsHelloRetryRequest)
        {
            Require(Dialect.HelloRetryRequest == false, SmTlsError.UnexpectedMessage, "a second HelloRetryRequest");
            Dialect.HelloRetryRequest = true;
            Transcript.ReplaceByMessageHash();
            Transcript.Append(message.Bytes);
            return;
        }
        _hasServerHello = true;
        Transcript.Append(message.Bytes);
        byte[] psk = [];
        if (hello.SelectedIdentity >= 0)
        {
            Require(hello.SelectedIdentity < _offeredPsks.Length, SmTlsError.IllegalParameter, "the ServerHello chooses a pre-shared key that was not offered");
            psk = _offeredPsks[hello.SelectedIdentity];
            _usesPsk = true;
            Dialect.Resumption = "psk";
        }
        DeriveHandshakeSecrets(hello, psk);
        Server.Protect(Protection(_serverHandshake));
        Client.Protect(Protection(_clientHandshake));
    }

    // From an ephemeral key where one is known, and then it must agree with the key log; otherwise from the key log alone.
    private void DeriveHandshakeSecrets(ServerHello hello, byte[] psk)
    {
        if (hello.Group == NamedGroup.CurveSm2 && (!_usesPsk || psk.Length > 0))
        {
            using Sm2? client = ReplayNames.FindEphemeral(Recording.ClientEphemeralKeys, _clientShare);
            using Sm2? server = ReplayNames.FindEphemeral(Recording.ServerEphemeralKeys, hello.KeyShare);
            byte[]? shared = client?.DeriveRawSecretAgreement(hello.KeyShare) ?? server?.DeriveRawSecretAgreement(_clientShare);
            if (shared is not null)
            {
                _schedule = new Tls13KeySchedule(psk);
                _schedule.DeriveHandshakeSecrets(shared, TranscriptHash());
                CryptographicOperations.ZeroMemory(shared);
            }
        }
        _clientHandshake = Choose(_schedule is null ? default : _schedule.ClientHandshakeTrafficSecret, KeyLogLine.ClientHandshake);
        _serverHandshake = Choose(_schedule is null ? default : _schedule.ServerHandshakeTrafficSecret, KeyLogLine.ServerHandshake);
    }

    private void OnCertificate(ReplayDirection sender, HandshakeMessage message)
    {
        Require(CertificateList.ReadTls13(message.Body, out _, out CertificateList list), message);
        byte[][] certificates = list.ToArray();
        if (certificates.Length == 0 && !sender.IsServer)
        {
            Dialect.ClientCertificates = "none";
            return;
        }
        CheckChain(sender.IsServer, certificates, SmChainForm.One);
        if (!sender.IsServer)
        {
            Dialect.ClientCertificates = "single";
        }
    }

    private void OnCertificateVerify(ReplayDirection sender, HandshakeMessage message)
    {
        Require(Tls13Messages.ReadCertificateVerify(message.Body, out SignatureScheme scheme, out ReadOnlySpan<byte> signature), message);
        Require(scheme == SignatureScheme.Sm2SigSm3, SmTlsError.IllegalParameter, $"the {sender.Name} signs with scheme {(ushort)scheme:x4}, not sm2sig_sm3");
        using TlsWriter signed = new();
        Tls13Messages.WriteSigned(signed, sender.IsServer, TranscriptHash());
        SmCertificate? signer = sender.IsServer ? ServerSignCertificate : ClientSignCertificate;
        ReadOnlySpan<byte> id = Tls13Messages.Sm2Id;
        if (!Verify(signer, signed.Written, id, signature) && Verify(signer, signed.Written, Sm2.DefaultUserId, signature))
        {
            id = Sm2.DefaultUserId;
            Dialect.CertificateVerify = Encoding.ASCII.GetString(id);
            NoteSignature(false, $"the {sender.Name}'s CertificateVerify (it is made with the id of certificates, not that of RFC 8998)");
            return;
        }
        bool isRight = Verify(signer, signed.Written, id, signature);
        Dialect.CertificateVerify ??= isRight ? Encoding.ASCII.GetString(id) : null;
        ClientAuthenticated |= isRight && !sender.IsServer;
        NoteSignature(isRight, $"the {sender.Name}'s CertificateVerify");
    }

    private void OnFinished(ReplayDirection sender, HandshakeMessage message)
    {
        Require(sender.IsServer ? _serverHandshake is not null : _serverFlightDone && _clientHandshake is not null, SmTlsError.UnexpectedMessage, $"a Finished of the {sender.Name} out of order");
        Require(Tls13Messages.ReadFinished(message.Body, out ReadOnlySpan<byte> verifyData), message);
        NoteFinished(sender, Tls13KeyDerivation.VerifyFinished((sender.IsServer ? _serverHandshake : _clientHandshake)!, TranscriptHash(), verifyData));
        Transcript.Append(message.Bytes);
        if (sender.IsServer)
        {
            _serverFlightDone = true;
            _schedule?.DeriveApplicationSecrets(TranscriptHash());
            _clientTraffic = Choose(_schedule is null ? default : _schedule.ClientApplicationTrafficSecret, KeyLogLine.ClientTraffic);
            _serverTraffic = Choose(_schedule is null ? default : _schedule.ServerApplicationTrafficSecret, KeyLogLine.ServerTraffic);
            Choose(_schedule is null ? default : _schedule.ExporterMasterSecret, KeyLogLine.Exporter);
        }
        sender.Protect(Protection(sender.IsServer ? _serverTraffic : _clientTraffic));
    }

    private void OnPostHandshake(ReplayDirection sender, HandshakeMessage message)
    {
        switch (message.Type, sender.IsServer)
        {
            case (HandshakeType.NewSessionTicket, true):
                Require(Tls13NewSessionTicket.Read(message.Body, out Tls13NewSessionTicket ticket), message);
                Dialect.Tickets++;
                TicketLength = Math.Max(TicketLength, ticket.Ticket.Length);
                break;
            case (HandshakeType.KeyUpdate, _):
                Require(Tls13Messages.ReadKeyUpdate(message.Body, out _), message);
                byte[] secret = (sender.IsServer ? _serverTraffic : _clientTraffic)!;
                Tls13KeyDerivation.UpdateTrafficSecret(secret);
                sender.Protect(Protection(secret));
                break;
            default:
                throw new ReplayException(ReplayCause.Malformed, SmTlsError.UnexpectedMessage, $"a {message.Type} of the {sender.Name} after the handshake");
        }
    }

    private byte[] TranscriptHash()
    {
        byte[] hash = new byte[HandshakeTranscript.HashLength];
        Transcript.GetHash(hash);
        return hash;
    }

    private Tls13RecordProtection? Protection(byte[]? secret) => secret is null ? null : new Tls13RecordProtection(Suite, secret);

    private byte[]? Choose(ReadOnlySpan<byte> derived, string label)
    {
        byte[]? logged = KeyLog.GetValueOrDefault(label);
        if (logged is not null && logged.Length != SecretLength)
        {
            throw new ReplayException(ReplayCause.KeysWrong, SmTlsError.None, $"{label} in the key log has {logged.Length} bytes, not {SecretLength}");
        }
        if (!derived.IsEmpty && logged is not null && !derived.SequenceEqual(logged))
        {
            Note(ReplayCause.KeysWrong, SmTlsError.None, $"{label} in the key log is not what the key exchange gives");
        }
        return derived.IsEmpty ? logged?.ToArray() : derived.ToArray();
    }
}
