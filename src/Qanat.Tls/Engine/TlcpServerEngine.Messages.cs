using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine;

internal sealed partial class TlcpServerEngine
{
    private bool AsksForCertificate => _options.ClientCertificateMode != SmClientCertificateMode.None;

    private SmTlsError BeginFull(ClientHello hello)
    {
        foreach (SmCipherSuite suite in EnabledSuites)
        {
            if (hello.CipherSuites.Contains((ushort)suite))
            {
                CipherSuite = suite;
                break;
            }
        }
        if (CipherSuite == SmCipherSuite.None)
        {
            return Refuse(SmTlsError.NoCommonSuite, $"the client offers none of this server's suites but {string.Join(", ", hello.CipherSuites.ToArray().Take(20).Select(SmCipherSuites.Name))}");
        }
        Group = CipherSuite.IsEcdhe() ? NamedGroup.CurveSm2 : NamedGroup.None;
        if (Sessions is not null)
        {
            SessionId = RandomNumberGenerator.GetBytes(SessionIdLength);
        }
        WriteServerHello();
        WriteCertificate();
        WriteServerKeyExchange();
        if (AsksForCertificate)
        {
            WriteCertificateRequest();
        }
        int start = BeginMessage();
        Flight.Handshake(HandshakeType.ServerHelloDone).Dispose();
        EndMessage(start);
        SendFlight();
        _due = AsksForCertificate ? Due.Certificate : Due.ClientKeyExchange;
        return SmTlsError.None;
    }

    private void WriteServerHello()
    {
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.ServerHello))
        {
            ServerHello.WriteFields(Flight, ProtocolVersions.Tlcp, ServerRandom, SessionId, CipherSuite);
            if (ApplicationProtocol.Protocol.Length > 0)
            {
                using (Flight.Vector16())
                {
                    TlcpProtocols.Write(Flight, [ApplicationProtocol]);
                }
            }
        }
        EndMessage(start);
    }

    private void WriteCertificate()
    {
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.Certificate))
        {
            CertificateList.WriteTlcp(Flight, [.. _credential.TlcpChain.Select(c => c.RawData.ToArray())]);
        }
        EndMessage(start);
    }

    private void WriteServerKeyExchange()
    {
        using TlsWriter signed = new();
        int start;
        if (!CipherSuite.IsEcdhe())
        {
            ServerKeyExchange.WriteSignedEcc(signed, ClientRandom, ServerRandom, _credential.EncryptCertificate!.RawData.Span);
            start = BeginMessage();
            using (Flight.Handshake(HandshakeType.ServerKeyExchange))
            {
                ServerKeyExchange.WriteEcc(Flight, Sign(_credential, signed.Written));
            }
            EndMessage(start);
            return;
        }
        _exchange = BeginAgreement(_credential);
        using TlsWriter parameters = new();
        EcdheParameters.Write(parameters, _exchange.EphemeralPublicKey);
        ServerKeyExchange.WriteSignedEcdhe(signed, ClientRandom, ServerRandom, parameters.Written);
        start = BeginMessage();
        using (Flight.Handshake(HandshakeType.ServerKeyExchange))
        {
            ServerKeyExchange.WriteEcdhe(Flight, _exchange.EphemeralPublicKey, Sign(_credential, signed.Written));
        }
        EndMessage(start);
    }

    private void WriteCertificateRequest()
    {
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.CertificateRequest))
        {
            TlcpCertificateRequest.Write(Flight, [TlcpCertificateRequest.EcdsaSign], _options.Trust?.AuthorityNames ?? []);
        }
        EndMessage(start);
    }

    private SmTlsError OnCertificate(HandshakeMessage message)
    {
        if (CertificateList.ReadTlcp(message.Body, out CertificateList list) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        bool isEcdhe = CipherSuite.IsEcdhe();
        if (list.Count == 0)
        {
            if (isEcdhe || _options.ClientCertificateMode == SmClientCertificateMode.Require)
            {
                return Refuse(SmTlsError.CertificateRequired, isEcdhe ? $"the client shows no certificates, which {CipherSuite.Name()} needs" : "the client shows no certificate");
            }
            Transcript.DropRaw();
        }
        else if (CheckPeer(list, SmChainRequest.Client(isEcdhe ? SmChainForm.Pair : SmChainForm.PairOrOne)) is var refused and not SmTlsError.None)
        {
            return refused;
        }
        Transcript.Append(message.Bytes);
        Dialect = Dialect with { ClientCertificates = PeerChain is { EncryptCertificate: null } ? TlcpClientCertificatesDialect.One : TlcpClientCertificatesDialect.Pair };
        _due = Due.ClientKeyExchange;
        return SmTlsError.None;
    }

    private SmTlsError OnClientKeyExchange(HandshakeMessage message)
    {
        bool isEcdhe = CipherSuite.IsEcdhe();
        if (ClientKeyExchange.Read(message.Body, isEcdhe, out ClientKeyExchange exchange) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        Span<byte> preMasterSecret = stackalloc byte[TlcpKeySchedule.SecretLength];
        if (isEcdhe)
        {
            Dialect = Dialect with { ClientKeyExchange = exchange.Dialect };
            if (Agree(exchange.Point, preMasterSecret) is var refused and not SmTlsError.None)
            {
                return refused;
            }
        }
        else
        {
            TlcpPreMasterSecret.Decrypt(_credential.EncryptKey!, exchange.EncryptedPreMasterSecret, preMasterSecret);
        }
        Transcript.Append(message.Bytes);
        DeriveKeys(preMasterSecret);
        _due = PeerChain is null ? Due.ChangeCipherSpec : Due.CertificateVerify;
        return SmTlsError.None;
    }

    private SmTlsError Agree(ReadOnlySpan<byte> clientPoint, Span<byte> preMasterSecret)
    {
        try
        {
            _exchange!.DeriveKey(PeerChain!.EncryptCertificate!.PublicKey, Sm2.DefaultUserId, clientPoint, preMasterSecret);
        }
        catch (CryptographicException e)
        {
            return Refuse(SmTlsError.InvalidKeyShare, $"the client's ephemeral key cannot be used: {e.Message}");
        }
        _exchange.Dispose();
        _exchange = null;
        return SmTlsError.None;
    }

    // By the standard over the hash of the messages; GmSSL signs the messages themselves. Both bind the same things.
    private SmTlsError OnCertificateVerify(HandshakeMessage message)
    {
        if (TlcpMessages.ReadCertificateVerify(message.Body, out ReadOnlySpan<byte> signature) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        Span<byte> hash = stackalloc byte[HandshakeTranscript.HashLength];
        Transcript.GetHash(hash);
        if (VerifyPeer(hash, signature))
        {
            Dialect = Dialect with { CertificateVerify = TlcpCertificateVerifyDialect.TranscriptHash };
        }
        else if (VerifyPeer(Transcript.Raw, signature))
        {
            Dialect = Dialect with { CertificateVerify = TlcpCertificateVerifyDialect.RawTranscript };
        }
        else
        {
            return Refuse(SmTlsError.BadSignature, "the client's CertificateVerify does not verify under its signing certificate");
        }
        if (AcceptPeer() is var refused and not SmTlsError.None)
        {
            return refused;
        }
        Transcript.Append(message.Bytes);
        Transcript.DropRaw();
        _due = Due.ChangeCipherSpec;
        return SmTlsError.None;
    }
}
