using System.Buffers.Binary;
using System.Net.Security;
using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine;

internal sealed partial class TlcpClientEngine
{
    private bool _hasExtensions;
    private byte[] _serverPoint = [];

    private void WriteHello()
    {
        string? name = _options.TargetHost is { } host && SmHostName.ParseAddress(host) is null ? SmHostName.Normalize(host) : null;
        bool hasProtocols = _options.ApplicationProtocols is { Count: > 0 };
        _isHelloMinimal = FindDialect(isEcdhe: false).IsHelloMinimal;
        _hasExtensions = !_isHelloMinimal && (name is not null || hasProtocols);
        _hasServerName = _hasExtensions && name is not null;
        ServerName = _hasServerName ? name : null;
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.ClientHello))
        {
            ClientHello.WriteFields(Flight, ProtocolVersions.Tlcp, ClientRandom, _session?.Id ?? [], [.. _suites.Select(s => (ushort)s)]);
            if (_hasExtensions)
            {
                using (Flight.Vector16())
                {
                    if (name is not null)
                    {
                        TlsExtensions.WriteServerName(Flight, name);
                    }
                    if (hasProtocols)
                    {
                        TlcpProtocols.Write(Flight, _options.ApplicationProtocols!);
                    }
                }
            }
        }
        EndMessage(start);
        SendFlight();
    }

    private SmTlsError OnServerHello(HandshakeMessage message)
    {
        if (ServerHello.Read(message.Body, out ServerHello hello) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        if (hello.Protocol != SmProtocol.Tlcp)
        {
            return Refuse(SmTlsError.UnsupportedVersion, $"the server chose version {hello.LegacyVersion:x4}, not TLCP");
        }
        if (!_suites.Contains(hello.CipherSuite))
        {
            return Refuse(SmTlsError.IllegalParameter, $"the server chose suite {hello.CipherSuite.Name()}, which was not offered");
        }
        if (CheckExtensions(hello) is var refused and not SmTlsError.None)
        {
            return refused;
        }
        Transcript.Append(message.Bytes);
        hello.Random.CopyTo(ServerRandom);
        if (_session is not null && hello.SessionId.SequenceEqual(_session.Id))
        {
            if (hello.CipherSuite != _session.Suite)
            {
                return Refuse(SmTlsError.IllegalParameter, $"the server resumes a session of {_session.Suite.Name()} with {hello.CipherSuite.Name()}");
            }
            ResumeKeys(_session);
            Transcript.DropRaw();
            _due = Due.ChangeCipherSpec;
            return SmTlsError.None;
        }
        _session?.Dispose();
        _session = null;
        SessionId = hello.SessionId.ToArray();
        CipherSuite = hello.CipherSuite;
        Group = CipherSuite.IsEcdhe() ? NamedGroup.CurveSm2 : NamedGroup.None;
        _due = Due.Certificate;
        return SmTlsError.None;
    }

    // Only what was offered may be answered (RFC 5246 section 7.4.1.4).
    private SmTlsError CheckExtensions(ServerHello hello)
    {
        bool hasProtocols = _hasExtensions && _options.ApplicationProtocols is { Count: > 0 };
        foreach (Extension extension in hello.Extensions)
        {
            bool isOffered = extension.Type switch
            {
                ExtensionType.ServerName => _hasServerName,
                ExtensionType.ApplicationLayerProtocolNegotiation => hasProtocols,
                _ => false,
            };
            if (!isOffered)
            {
                return Refuse(SmTlsError.UnsupportedExtension, $"the ServerHello has extension {(ushort)extension.Type}, which was not offered");
            }
        }
        if (hello.ApplicationProtocol.IsEmpty)
        {
            return SmTlsError.None;
        }
        if (!TlcpProtocols.TryFind(_options.ApplicationProtocols!, hello.ApplicationProtocol, out SslApplicationProtocol chosen))
        {
            return Refuse(SmTlsError.IllegalParameter, "the server chose an application protocol that was not offered");
        }
        ApplicationProtocol = chosen;
        return SmTlsError.None;
    }

    private SmTlsError OnCertificate(HandshakeMessage message)
    {
        if (CertificateList.ReadTlcp(message.Body, out CertificateList list) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        SmChainRequest request = _options.TargetHost is { } host ? SmChainRequest.Server(host, SmChainForm.Pair) : SmChainRequest.ServerOfAnyName(SmChainForm.Pair);
        if (CheckPeer(list, request) is var refused and not SmTlsError.None)
        {
            return refused;
        }
        Transcript.Append(message.Bytes);
        _due = Due.ServerKeyExchange;
        return SmTlsError.None;
    }

    private SmTlsError OnServerKeyExchange(HandshakeMessage message)
    {
        bool isEcdhe = CipherSuite.IsEcdhe();
        if (ServerKeyExchange.Read(message.Body, isEcdhe, out ServerKeyExchange exchange) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        using TlsWriter signed = new();
        if (isEcdhe)
        {
            ServerKeyExchange.WriteSignedEcdhe(signed, ClientRandom, ServerRandom, exchange.Parameters);
        }
        else
        {
            ServerKeyExchange.WriteSignedEcc(signed, ClientRandom, ServerRandom, PeerChain!.EncryptCertificate!.RawData.Span);
        }
        if (!VerifyPeer(signed.Written, exchange.Signature))
        {
            return Refuse(SmTlsError.BadSignature, "the signature of the server's ServerKeyExchange does not verify under its signing certificate");
        }
        if (AcceptPeer() is var refused and not SmTlsError.None)
        {
            return refused;
        }
        if (isEcdhe && !Sm2Point.IsValid(exchange.Point))
        {
            return Refuse(SmTlsError.InvalidKeyShare, "the server's ephemeral key is no point of the curve");
        }
        _serverPoint = exchange.Point.ToArray();
        Transcript.Append(message.Bytes);
        _due = Due.CertificateRequestOrServerHelloDone;
        return SmTlsError.None;
    }

    private SmTlsError OnCertificateRequest(HandshakeMessage message)
    {
        if (TlcpCertificateRequest.Read(message.Body, out _) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        _hasCertificateRequest = true;
        Transcript.Append(message.Bytes);
        _due = Due.ServerHelloDone;
        return SmTlsError.None;
    }

    private SmTlsError OnServerHelloDone(HandshakeMessage message)
    {
        if (TlcpMessages.ReadServerHelloDone(message.Body) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        bool isEcdhe = CipherSuite.IsEcdhe();
        if (isEcdhe && !_hasCertificateRequest)
        {
            return Refuse(SmTlsError.UnexpectedMessage, $"the server chose {CipherSuite.Name()} and did not ask for the certificates it needs");
        }
        Transcript.Append(message.Bytes);
        Dialect = FindDialect(isEcdhe) with { IsHelloMinimal = _isHelloMinimal };
        if (!isEcdhe)
        {
            Dialect = Dialect with { ClientKeyExchange = ClientKeyExchangeDialect.None };
        }
        if (_options.ClientCredential is { IsPair: false })
        {
            Dialect = Dialect with { ClientCertificates = TlcpClientCertificatesDialect.One };
        }
        if (_hasCertificateRequest)
        {
            SendCertificate();
        }
        Span<byte> preMasterSecret = stackalloc byte[TlcpKeySchedule.SecretLength];
        if (isEcdhe)
        {
            if (Agree(preMasterSecret) is var refused and not SmTlsError.None)
            {
                return refused;
            }
        }
        else
        {
            EncryptPreMasterSecret(preMasterSecret);
        }
        DeriveKeys(preMasterSecret);
        if (_hasCertificateRequest && _options.ClientCredential is not null)
        {
            SendCertificateVerify();
        }
        Transcript.DropRaw();
        SendFinished();
        _due = Due.ChangeCipherSpec;
        return SmTlsError.None;
    }

    private void SendCertificate()
    {
        bool isPair = CipherSuite.IsEcdhe() || Dialect.ClientCertificates == TlcpClientCertificatesDialect.Pair;
        IReadOnlyList<SmCertificate> chain = _options.ClientCredential is not { } own ? [] : isPair ? own.TlcpChain : own.Tls13Chain;
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.Certificate))
        {
            CertificateList.WriteTlcp(Flight, [.. chain.Select(c => c.RawData.ToArray())]);
        }
        EndMessage(start);
    }

    private void EncryptPreMasterSecret(Span<byte> preMasterSecret)
    {
        RandomNumberGenerator.Fill(preMasterSecret);
        BinaryPrimitives.WriteUInt16BigEndian(preMasterSecret, ProtocolVersions.Tlcp);
        byte[] ciphertext = PeerChain!.EncryptCertificate!.PublicKey.Encrypt(preMasterSecret, Sm2CipherFormat.Asn1);
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.ClientKeyExchange))
        {
            ClientKeyExchange.WriteEcc(Flight, ciphertext);
        }
        EndMessage(start);
    }

    private SmTlsError Agree(Span<byte> preMasterSecret)
    {
        using Sm2KeyExchange exchange = BeginAgreement(_options.ClientCredential!);
        try
        {
            exchange.DeriveKey(PeerChain!.EncryptCertificate!.PublicKey, Sm2.DefaultUserId, _serverPoint, preMasterSecret);
        }
        catch (CryptographicException e)
        {
            return Refuse(SmTlsError.InvalidKeyShare, $"the server's keys cannot be used: {e.Message}");
        }
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.ClientKeyExchange))
        {
            ClientKeyExchange.WriteEcdhe(Flight, exchange.EphemeralPublicKey, Dialect.ClientKeyExchange);
        }
        EndMessage(start);
        return SmTlsError.None;
    }

    private void SendCertificateVerify()
    {
        Span<byte> hash = stackalloc byte[HandshakeTranscript.HashLength];
        Transcript.GetHash(hash);
        bool isRaw = Dialect.CertificateVerify == TlcpCertificateVerifyDialect.RawTranscript;
        byte[] signature = Sign(_options.ClientCredential!, isRaw ? Transcript.Raw : hash);
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.CertificateVerify))
        {
            TlcpMessages.WriteCertificateVerify(Flight, signature);
        }
        EndMessage(start);
    }
}
