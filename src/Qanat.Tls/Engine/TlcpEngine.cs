using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;
using Qanat.Tls.Sessions;

namespace Qanat.Tls.Engine;

/// <summary>What client and server of TLCP (GB/T 38636-2020) have in common: randoms, master secret, keys, Finished, the peer's certificates.</summary>
internal abstract class TlcpEngine : TlsEngine
{
    /// <summary>
    /// Records sealed under one set of keys, after which no more are: TLCP cannot change keys. 2^32 records of 16 KiB are 2^42 blocks of SM4, where what an observer may learn
    /// stays below 2^-40 for both modes.
    /// </summary>
    private const ulong MaxRecords = 1UL << 32;

    private readonly SmSslAuthenticationOptions _options;
    private readonly byte[] _masterSecret = GC.AllocateArray<byte>(TlcpKeySchedule.SecretLength, pinned: true);
    private TlcpKeyBlock? _keys;

    protected TlcpEngine(bool isServer, SmSslAuthenticationOptions options, TlsEngineSettings settings, bool keepsRawTranscript)
        : base(isServer, settings, keepsRawTranscript) => _options = options;

    /// <inheritdoc/>
    public override SmProtocol Protocol => SmProtocol.Tlcp;

    /// <summary>How the handshake was written: by the client, in both engines.</summary>
    public SmTlcpDialect Dialect { get; protected set; } = SmTlcpDialect.Standard;

    /// <inheritdoc/>
    protected override ushort PlaintextRecordVersion => ProtocolVersions.Tlcp;

    /// <summary>The label of tls-exporter (RFC 9266 section 2).</summary>
    private static ReadOnlySpan<byte> ChannelBinding => "EXPORTER-Channel-Binding"u8;

    /// <inheritdoc/>
    protected override ulong MaxSealedRecords => MaxRecords;

    protected byte[] ClientRandom { get; } = new byte[ClientHello.RandomLength];

    protected byte[] ServerRandom { get; } = new byte[ClientHello.RandomLength];

    /// <summary>The session's id: 0 to 32 bytes.</summary>
    protected byte[] SessionId { get; set; } = [];

    protected ReadOnlySpan<byte> MasterSecret => _masterSecret;

    /// <summary>Where sessions are remembered; null when they are not.</summary>
    protected SmTlcpSessionCache? Sessions => _options.AllowResumption ? _options.TlcpSessions : null;

    /// <inheritdoc/>
    public override void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, bool hasContext, Span<byte> destination)
    {
        if (!IsHandshakeComplete)
        {
            throw new InvalidOperationException("Keying material can be exported when the handshake is complete.");
        }
        if (!CipherSuite.IsEcdhe() && label.SequenceEqual(ChannelBinding))
        {
            throw new InvalidOperationException(
                $"With {CipherSuite.Name()} exported material binds nothing to this channel: a server can make another connection with the same secrets (RFC 7627 section 1, RFC 9266 section 4.2). Use an ECDHE suite or TLS 1.3.");
        }
        TlcpKeySchedule.Export(_masterSecret, ClientRandom, ServerRandom, label, context, hasContext, destination);
    }

    /// <inheritdoc/>
    protected override bool AcceptsRecordVersion(ushort version) => version == ProtocolVersions.Tlcp;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        CryptographicOperations.ZeroMemory(_masterSecret);
        _keys?.Dispose();
    }

    /// <summary>Makes this end's random.</summary>
    protected void FillRandom(Span<byte> random)
    {
        if (Settings.HelloRandom is { } fill)
        {
            fill(random);
        }
        else
        {
            RandomNumberGenerator.Fill(random);
        }
    }

    /// <summary>Begins the key agreement of ECDHE suites with the own encryption key: the server is the initiator of GB/T 32918.3.</summary>
    protected Sm2KeyExchange BeginAgreement(SmSslCredential own) =>
        new(own.EncryptKey!, Sm2.DefaultUserId, IsServer ? Sm2KeyExchangeRole.Initiator : Sm2KeyExchangeRole.Responder, Settings.EphemeralKey?.Invoke() ?? Sm2.Create());

    /// <summary>Derives the master secret and all keys, and zeroes the pre-master secret.</summary>
    protected void DeriveKeys(Span<byte> preMasterSecret)
    {
        TlcpKeySchedule.DeriveMasterSecret(preMasterSecret, ClientRandom, ServerRandom, _masterSecret);
        CryptographicOperations.ZeroMemory(preMasterSecret);
        ExpandKeys();
    }

    /// <summary>Takes the master secret of a session, and derives fresh keys from it.</summary>
    protected void ResumeKeys(TlcpSession session)
    {
        session.MasterSecret.CopyTo(_masterSecret);
        (SessionId, CipherSuite, PeerChain, IsResumed) = (session.Id, session.Suite, session.PeerChain, true);
        Group = session.Suite.IsEcdhe() ? NamedGroup.CurveSm2 : NamedGroup.None;
        ExpandKeys();
    }

    /// <summary>A session to remember this connection by.</summary>
    protected TlcpSession CreateSession(TimeSpan lifetime) =>
        new(SessionId, CipherSuite, _masterSecret) { PeerChain = PeerChain, Expires = Settings.Time.GetUtcNow() + lifetime };

    /// <summary>False when the peer's certificates are not in force any more: then a session must not be resumed.</summary>
    protected bool IsInForce(TlcpSession session) => session.PeerChain is not { IsValid: true } chain || Settings.Time.GetUtcNow() is var now && now >= chain.ValidFrom && now <= chain.ValidUntil;

    /// <summary>ChangeCipherSpec and Finished.</summary>
    protected void SendFinished()
    {
        SendChangeCipherSpec();
        ProtectWriting(CreateProtection(IsServer));
        Span<byte> hash = stackalloc byte[HandshakeTranscript.HashLength];
        Span<byte> verifyData = stackalloc byte[TlcpMessages.VerifyDataLength];
        Transcript.GetHash(hash);
        TlcpKeySchedule.ComputeFinished(IsServer, _masterSecret, hash, verifyData);
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.Finished))
        {
            Flight.WriteBytes(verifyData);
        }
        EndMessage(start);
        SendFlight();
    }

    /// <summary>The peer's records are protected from here on.</summary>
    protected SmTlsError ProtectReading() => ProtectReading(CreateProtection(!IsServer));

    /// <summary>Checks the peer's Finished.</summary>
    protected SmTlsError CheckFinished(HandshakeMessage message)
    {
        if (TlcpMessages.ReadFinished(message.Body, out ReadOnlySpan<byte> verifyData) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        Span<byte> hash = stackalloc byte[HandshakeTranscript.HashLength];
        Transcript.GetHash(hash);
        if (!TlcpKeySchedule.VerifyFinished(!IsServer, _masterSecret, hash, verifyData))
        {
            return Refuse(SmTlsError.BadFinished, "the peer's Finished does not verify: a message was changed on the way, or the peer has another master secret");
        }
        Transcript.Append(message.Bytes);
        return SmTlsError.None;
    }

    /// <summary>The handshake is done: what only it needed is zeroed.</summary>
    protected void Complete()
    {
        _keys?.Dispose();
        _keys = null;
        CompleteHandshake();
    }

    /// <summary>
    /// Validates the peer's certificates and sets <see cref="TlsEngine.PeerChain"/>. Everybody has the certificates of others: the application is asked only when the peer has proven
    /// its key, by <see cref="AcceptPeer"/>.
    /// </summary>
    protected SmTlsError CheckPeer(CertificateList certificates, SmChainRequest request)
    {
        ReadOnlyMemory<byte>[] list = [.. certificates.ToArray().Select(c => (ReadOnlyMemory<byte>)c)];
        SmChainResult chain = _options.CreateValidator().Validate(list, request, Settings.Time.GetUtcNow());
        if (!chain.IsValid && _options.RemoteCertificateValidationCallback is null)
        {
            return Refuse(chain.Failures[0].Error.ToTlsError(), chain.ToString());
        }
        // Whatever the application says: without these keys there is nothing to check signatures with, or to encrypt for.
        if (chain.SignCertificate is null)
        {
            return Refuse(SmTlsError.BadCertificate, $"the peer's certificates cannot be used: {chain}");
        }
        if (chain.EncryptCertificate is null && request.Form == SmChainForm.Pair)
        {
            return Refuse(SmTlsError.UnsupportedCertificate, $"the peer has no encryption certificate: {chain}");
        }
        PeerChain = chain;
        return SmTlsError.None;
    }

    /// <summary>Gives the application the last word on the peer's certificates, after its signature was verified.</summary>
    protected SmTlsError AcceptPeer()
    {
        SmChainResult chain = PeerChain!;
        if (_options.RemoteCertificateValidationCallback is not { } callback || callback(chain))
        {
            return SmTlsError.None;
        }
        return chain.IsValid
            ? Refuse(SmTlsError.CertificateUnknown, "the application refused the peer's certificates")
            : Refuse(chain.Failures[0].Error.ToTlsError(), chain.ToString());
    }

    /// <summary>True when the signature is that of the peer's signing key, under the default user id.</summary>
    protected bool VerifyPeer(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        PeerChain!.SignCertificate!.PublicKey.VerifyData(data, Sm2.DefaultUserId, signature, DSASignatureFormat.Rfc3279DerSequence);

    protected static byte[] Sign(SmSslCredential credential, ReadOnlySpan<byte> data) =>
        credential.SignKey.SignData(data, Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence);

    protected SmTlsError RefuseDecode(SmTlsError error, HandshakeMessage message) => Refuse(error, $"the peer's {message.Type} does not decode ({error.ToCode()})");

    protected SmTlsError RefuseUnexpected(HandshakeMessage message, object expected) => Refuse(SmTlsError.UnexpectedMessage, $"a {Name(message.Type)} where {expected} was due");

    private static string Name(HandshakeType type) => Enum.IsDefined(type) ? type.ToString() : $"message of type {(byte)type}";

    private void ExpandKeys()
    {
        LogKey(KeyLogLine.ClientRandom, ClientRandom, _masterSecret);
        _keys = TlcpKeySchedule.DeriveKeyBlock(CipherSuite, _masterSecret, ClientRandom, ServerRandom);
    }

    private RecordProtection CreateProtection(bool isServerWrite) => CipherSuite.Mode() == SmCipherMode.Gcm
        ? new TlcpGcmProtection(_keys!.Key(isServerWrite), _keys.FixedIv(isServerWrite))
        : new TlcpCbcProtection(_keys!.MacKey(isServerWrite), _keys.Key(isServerWrite));
}
