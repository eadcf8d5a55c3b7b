using System.Net.Security;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>A TLS 1.3 client with SM suites; see <see cref="Tls13Engine"/> and <see cref="TlsEngine"/>.</summary>
internal sealed partial class Tls13ClientEngine : Tls13Engine
{
    private readonly SmSslClientAuthenticationOptions _options;
    private State _state = State.Idle;
    private bool _hasCertificateRequest;
    private bool _canSignForRequest;
    private bool _hasSentChangeCipherSpec;

    // What the server is remembered by, and whether it is spoken to without all that some servers do not take.
    private readonly string? _peerName;
    private readonly bool _isPlain;

    /// <summary>Makes a client; <see cref="Start"/> writes its hello.</summary>
    /// <param name="options">Valid, and not changed while the connection lives.</param>
    /// <param name="settings">Bounds and services; null: those of the options.</param>
    public Tls13ClientEngine(SmSslClientAuthenticationOptions options, TlsEngineSettings? settings = null) : base(isServer: false, options, settings ?? TlsEngineSettings.From(options))
    {
        _options = options;
        // An address is no host name (RFC 6066 section 3); a name is sent in the form that certificates have.
        ServerName = options.TargetHost is { } host && SmHostName.ParseAddress(host) is null ? SmHostName.Normalize(host) : null;
        _peerName = options.PeerName ?? options.TargetHost;
        _isPlain = _peerName is not null && options.PeerDialects?.IsTls13Plain(_peerName) == true;
        // An application that lists groups means them: nobody who cuts a connection takes the hybrid one from it.
        if (_isPlain && options.Groups is null)
        {
            Groups = [Groups[0]];
        }
    }

    private enum State
    {
        Idle,
        ServerHello,
        EncryptedExtensions,
        CertificateOrRequest,
        Certificate,
        CertificateVerify,
        Finished,
        Open,
    }

    /// <inheritdoc/>
    protected override ushort PlaintextRecordVersion => _hasRetried || _state > State.ServerHello ? ProtocolVersions.Tls12 : ProtocolVersions.Tls10;

    private protected override SmChainRequest PeerRequest => _options.TargetHost is { } host
        ? SmChainRequest.Server(host, SmChainForm.One)
        : SmChainRequest.ServerOfAnyName(SmChainForm.One);

    /// <inheritdoc/>
    protected override bool AcceptsUnprotected(RecordHeader header) => header.Type == RecordType.ChangeCipherSpec && _state < State.Open;

    /// <inheritdoc/>
    protected override SmTlsError OnChangeCipherSpec() => _state is State.Idle or State.Open
        ? Refuse(SmTlsError.UnexpectedMessage, "a ChangeCipherSpec outside the handshake")
        : SmTlsError.None;

    /// <inheritdoc/>
    protected override SmTlsError OnHandshake(HandshakeMessage message)
    {
        switch (_state, message.Type)
        {
            case (State.ServerHello, HandshakeType.ServerHello):
                return OnServerHello(message);
            case (State.EncryptedExtensions, HandshakeType.EncryptedExtensions):
                return OnEncryptedExtensions(message);
            case (State.CertificateOrRequest, HandshakeType.CertificateRequest):
                return OnCertificateRequest(message);
            case (State.CertificateOrRequest or State.Certificate, HandshakeType.Certificate):
                return OnCertificate(message);
            case (State.CertificateVerify, HandshakeType.CertificateVerify):
                _state = State.Finished;
                return TakeCertificateVerify(message);
            case (State.Finished, HandshakeType.Finished):
                return OnFinished(message);
            case (State.Open, HandshakeType.NewSessionTicket):
                return OnNewSessionTicket(message);
            case (State.Open, HandshakeType.KeyUpdate):
                return TakeKeyUpdate(message);
            default:
                return RefuseUnexpected(message, _state == State.Open ? "the connection is open" : $"the client waits for {_state}");
        }
    }

    /// <inheritdoc/>
    protected override void OnFailed(SmTlsException failure)
    {
        // Only a peer that gives up may have met a form that it does not know. A server that asked for certificates may do so when this end is done already.
        bool isPeersDoing = failure.Error is SmTlsError.PeerCanceled or SmTlsError.Truncated or SmTlsError.HandshakeTimeout
            || (failure.Error == SmTlsError.PeerAlert && failure.Alert is (AlertDescription.UnexpectedMessage or AlertDescription.DecodeError or AlertDescription.IllegalParameter
                or AlertDescription.HandshakeFailure or AlertDescription.InternalError or AlertDescription.UnsupportedExtension or AlertDescription.BadRecordMac or AlertDescription.DecryptError));
        if (isPeersDoing && _peerName is not null && !HasReceivedData && (!IsHandshakeComplete || _hasCertificateRequest))
        {
            _options.PeerDialects?.Tls13Failed(_peerName);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_peerName is not null && HasReceivedData)
        {
            _options.PeerDialects?.Tls13Worked(_peerName);
        }
        base.Dispose(disposing);
        _share?.Dispose();
        _ticket?.Dispose();
    }

    private SmTlsError OnEncryptedExtensions(HandshakeMessage message)
    {
        if (EncryptedExtensions.Read(message.Body, out EncryptedExtensions extensions) is var error and not SmTlsError.None)
        {
            return Refuse(error, "an EncryptedExtensions that does not decode, or with extensions of other messages");
        }
        foreach (Extension extension in extensions.Extensions)
        {
            bool wasOffered = extension.Type switch
            {
                ExtensionType.ServerName => ServerName is not null,
                ExtensionType.ApplicationLayerProtocolNegotiation => _options.ApplicationProtocols is { Count: > 0 },
                ExtensionType.SupportedGroups => true,
                _ => false,
            };
            if (!wasOffered)
            {
                return Refuse(SmTlsError.UnsupportedExtension, $"the server answers extension {(ushort)extension.Type}, which was not offered");
            }
        }
        if (!extensions.ApplicationProtocol.IsEmpty)
        {
            foreach (SslApplicationProtocol offered in _options.ApplicationProtocols!)
            {
                if (offered.Protocol.Span.SequenceEqual(extensions.ApplicationProtocol))
                {
                    ApplicationProtocol = offered;
                }
            }
            if (ApplicationProtocol == default)
            {
                return Refuse(SmTlsError.IllegalParameter, "the server chooses an application protocol that was not offered");
            }
        }
        Transcript.Append(message.Bytes);
        _state = IsResumed ? State.Finished : State.CertificateOrRequest;
        return SmTlsError.None;
    }

    private SmTlsError OnCertificateRequest(HandshakeMessage message)
    {
        if (Tls13CertificateRequest.Read(message.Body, out Tls13CertificateRequest request) is var error and not SmTlsError.None)
        {
            return Refuse(error, "a CertificateRequest that does not decode, or without signature_algorithms");
        }
        if (!request.RequestContext.IsEmpty)
        {
            return Refuse(SmTlsError.IllegalParameter, "a CertificateRequest with a context, which only authentication after the handshake has");
        }
        _hasCertificateRequest = true;
        _canSignForRequest = request.SignatureAlgorithms.Contains((ushort)SignatureScheme.Sm2SigSm3);
        Transcript.Append(message.Bytes);
        _state = State.Certificate;
        return SmTlsError.None;
    }

    private SmTlsError OnCertificate(HandshakeMessage message)
    {
        _state = State.CertificateVerify;
        SmTlsError error = TakeCertificate(message);
        // RFC 8446 section 4.4.2.4.
        return error == SmTlsError.None && PeerCertificates.Length == 0 ? Refuse(SmTlsError.DecodeError, "the server shows no certificate") : error;
    }

    private SmTlsError OnFinished(HandshakeMessage message)
    {
        if (TakeFinished(message) is var error and not SmTlsError.None)
        {
            return error;
        }
        EnterApplicationKeys();
        error = ProtectReading(ProtectionOf(Keys.ServerApplicationTrafficSecret));
        if (error != SmTlsError.None)
        {
            return error;
        }
        if (_hasCertificateRequest)
        {
            SmSslCredential? credential = _canSignForRequest ? _options.ClientCredential : null;
            WriteCertificate(credential);
            if (credential is not null)
            {
                WriteCertificateVerify(credential);
            }
        }
        WriteFinished();
        EnterResumptionSecret();
        ProtectWriting(ProtectionOf(Keys.ClientApplicationTrafficSecret));
        _state = State.Open;
        CompleteHandshake();
        return SmTlsError.None;
    }

    private SmTlsError OnNewSessionTicket(HandshakeMessage message)
    {
        if (Tls13NewSessionTicket.Read(message.Body, out Tls13NewSessionTicket ticket) is var error and not SmTlsError.None)
        {
            return Refuse(error, "a NewSessionTicket that does not decode, or that lives for more than seven days");
        }
        if (CountIdle() is var flood and not SmTlsError.None)
        {
            return flood;
        }
        if (_ticketKey is null || ticket.LifetimeSeconds == 0 || ticket.Ticket.Length > Tls13Ticket.MaxIdentityLength)
        {
            return SmTlsError.None;
        }
        byte[] psk = new byte[Tls13KeyDerivation.SecretLength];
        Tls13KeyDerivation.DeriveTicketPsk(Keys.ResumptionMasterSecret, ticket.Nonce, psk);
        DateTimeOffset now = Now;
        _options.Tickets!.Add(_ticketKey, new Tls13Ticket
        {
            Identity = ticket.Ticket.ToArray(),
            Psk = psk,
            AgeAdd = ticket.AgeAdd,
            ReceivedAt = now,
            ExpiresAt = now.AddSeconds(ticket.LifetimeSeconds),
            ServerChain = PeerCertificates,
        });
        return SmTlsError.None;
    }

    private void SendCompatibilityMessage()
    {
        // RFC 8446 appendix D.4: once, in front of the second flight.
        if (_sessionId.Length > 0 && !_hasSentChangeCipherSpec)
        {
            _hasSentChangeCipherSpec = true;
            SendChangeCipherSpec();
        }
    }
}
