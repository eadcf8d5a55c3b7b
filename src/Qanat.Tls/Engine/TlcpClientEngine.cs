using Qanat.Tls.Messages;
using Qanat.Tls.Sessions;

namespace Qanat.Tls.Engine;

/// <summary>The client of TLCP (GB/T 38636-2020 section 6.4).</summary>
internal sealed partial class TlcpClientEngine : TlcpEngine
{
    // Without key agreement first: a server that asks for no client certificates often still takes ECDHE from a list and fails later.
    private static readonly SmCipherSuite[] s_suites = [SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3, SmCipherSuite.EcdheSm4CbcSm3];

    private readonly SmSslClientAuthenticationOptions _options;
    private readonly SmCipherSuite[] _suites;
    private readonly SmTlcpSessionCache.Key? _sessionKey;
    private readonly string? _peerName;
    private TlcpSession? _session;
    private bool _isHelloMinimal;
    private bool _hasServerName;
    private bool _hasCertificateRequest;
    private Due _due;

    /// <summary>Creates the engine; <see cref="Start"/> begins.</summary>
    /// <param name="options">Validated options that do not change any more.</param>
    /// <param name="settings">Bounds and services; null: those of the options.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>: there is no suite to offer.</exception>
    public TlcpClientEngine(SmSslClientAuthenticationOptions options, TlsEngineSettings? settings = null)
        : base(isServer: false, options, settings ?? TlsEngineSettings.From(options), keepsRawTranscript: options.ClientCredential is not null)
    {
        _options = options;
        bool isPair = options.ClientCredential?.IsPair == true;
        _suites = [.. (options.CipherSuites ?? s_suites).Where(s => s.Protocol() == SmProtocol.Tlcp && (isPair || !s.IsEcdhe()))];
        if (_suites.Length == 0)
        {
            throw new SmTlsException(SmTlsError.InvalidOptions, "No TLCP suite to offer: ECDHE suites need a client credential with an encryption certificate.");
        }
        _peerName = options.PeerName ?? options.TargetHost;
        _sessionKey = Sessions is null || _peerName is null ? null : new SmTlcpSessionCache.Key(
            _peerName, new TlcpSessionScope(false, options.Trust, options.ChainOptions, options.RemoteCertificateValidationCallback, options.ClientCredential, options.TargetHost, default));
    }

    /// <summary>What is due from the server.</summary>
    private enum Due
    {
        Nothing,
        ServerHello,
        Certificate,
        ServerKeyExchange,
        CertificateRequestOrServerHelloDone,
        ServerHelloDone,
        ChangeCipherSpec,
        Finished,
        ApplicationData,
    }

    /// <inheritdoc/>
    public override void Start()
    {
        FillRandom(ClientRandom);
        if (_sessionKey is { } key && Sessions!.Find(key, Settings.Time.GetUtcNow()) is { } session)
        {
            if (IsInForce(session) && _suites.Contains(session.Suite))
            {
                _session = session;
            }
            else
            {
                session.Dispose();
            }
        }
        WriteHello();
        _due = Due.ServerHello;
    }

    /// <inheritdoc/>
    protected override SmTlsError OnHandshake(HandshakeMessage message) => (_due, message.Type) switch
    {
        (Due.ServerHello, HandshakeType.ServerHello) => OnServerHello(message),
        (Due.Certificate, HandshakeType.Certificate) => OnCertificate(message),
        (Due.ServerKeyExchange, HandshakeType.ServerKeyExchange) => OnServerKeyExchange(message),
        (Due.CertificateRequestOrServerHelloDone, HandshakeType.CertificateRequest) => OnCertificateRequest(message),
        (Due.CertificateRequestOrServerHelloDone or Due.ServerHelloDone, HandshakeType.ServerHelloDone) => OnServerHelloDone(message),
        (Due.Finished, HandshakeType.Finished) => OnFinished(message),
        _ => RefuseUnexpected(message, _due),
    };

    /// <inheritdoc/>
    protected override SmTlsError OnChangeCipherSpec()
    {
        if (_due != Due.ChangeCipherSpec)
        {
            return Refuse(SmTlsError.UnexpectedMessage, $"a ChangeCipherSpec where {_due} was due");
        }
        _due = Due.Finished;
        return ProtectReading();
    }

    /// <inheritdoc/>
    protected override void OnFailed(SmTlsException failure)
    {
        // A transport that is cut says nothing about the session; every other failure ends it (RFC 5246 section 7.2.2).
        if (_sessionKey is { } key && (IsHandshakeComplete ? failure.Error != SmTlsError.Truncated : _session is not null))
        {
            Sessions!.Remove(key);
        }
        // Only a peer that gives up may have met a form it does not know; what this end refuses is another matter.
        bool isPeersDoing = failure.Error is SmTlsError.PeerAlert or SmTlsError.PeerCanceled or SmTlsError.Truncated or SmTlsError.HandshakeTimeout;
        if (IsHandshakeComplete || Learner is not { } learner)
        {
            return;
        }
        if (!isPeersDoing)
        {
            // A hello without a name may get the certificates of another host; one connection that was cut must not keep this client from its server for good.
            if (_isHelloMinimal)
            {
                learner.HelloFailed(_peerName!);
            }
        }
        else if (_due == Due.ServerHello && (_hasExtensions || _isHelloMinimal))
        {
            learner.HelloFailed(_peerName!);
        }
        else if (_due is Due.ChangeCipherSpec or Due.Finished && HasForms)
        {
            learner.ExchangeFailed(_peerName!, CipherSuite.IsEcdhe());
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _session?.Dispose();
    }

    /// <summary>Where dialects are learned; null when one is set, or the server has no name.</summary>
    private SmPeerDialects? Learner => _options.TlcpDialect is null && _peerName is not null ? _options.PeerDialects : null;

    /// <summary>True when this handshake had messages that servers read in several forms.</summary>
    private bool HasForms => !IsResumed && (CipherSuite.IsEcdhe() || (_hasCertificateRequest && _options.ClientCredential is not null));

    private SmTlcpDialect FindDialect(bool isEcdhe) => _options.TlcpDialect ?? Learner?.Get(_peerName!, isEcdhe) ?? SmTlcpDialect.Standard;

    private SmTlsError OnFinished(HandshakeMessage message)
    {
        if (CheckFinished(message) is var error and not SmTlsError.None)
        {
            return error;
        }
        if (IsResumed)
        {
            SendFinished();
        }
        _due = Due.ApplicationData;
        Complete();
        _session?.Dispose();
        // Not before: anybody can answer a hello, and only the server can finish.
        if (Learner is { } learner)
        {
            learner.HelloWorked(_peerName!);
            if (HasForms)
            {
                learner.ExchangeWorked(_peerName!, CipherSuite.IsEcdhe());
            }
        }
        if (_sessionKey is { } key && !IsResumed && SessionId.Length > 0)
        {
            Sessions!.Add(key, CreateSession(Sessions.Lifetime));
        }
        return SmTlsError.None;
    }
}
