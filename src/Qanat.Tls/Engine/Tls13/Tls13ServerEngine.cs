using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>A TLS 1.3 server with SM suites; see <see cref="Tls13Engine"/> and <see cref="TlsEngine"/>.</summary>
internal sealed partial class Tls13ServerEngine : Tls13Engine
{
    /// <summary>Most bytes of early data that are skipped, records' tags included. This server allows none, so only clients with another server's ticket send any.</summary>
    public const int MaxSkippedEarlyData = 64 * 1024;

    // What a record of early data counts for at least: a failed decryption costs more than its bytes do, and an empty record would cost the client nothing.
    private const int MinSkippedBytes = 512;

    private readonly SmSslServerAuthenticationOptions _options;
    private State _state = State.ClientHello;
    private bool _hasSentChangeCipherSpec;
    private bool _hasOpenedRecord;
    private bool _skipsEarlyData;
    private int _skippedEarlyData;

    /// <summary>Makes a server, which waits for a hello.</summary>
    /// <param name="options">Valid, and not changed while the connection lives.</param>
    /// <param name="settings">Bounds and services; null: those of the options.</param>
    public Tls13ServerEngine(SmSslServerAuthenticationOptions options, TlsEngineSettings? settings = null) : base(isServer: true, options, settings ?? TlsEngineSettings.From(options)) => _options = options;

    private enum State
    {
        ClientHello,
        SecondClientHello,
        Certificate,
        CertificateVerify,
        Finished,
        Open,
    }

    /// <summary>Asks every client for a second hello with a cookie, which proves that it reads what it is sent (RFC 8446 section 4.2.2). For transports where addresses can be forged.</summary>
    public bool AlwaysSendsCookie { get; init; }

    /// <inheritdoc/>
    protected override ushort PlaintextRecordVersion => ProtocolVersions.Tls12;

    private protected override SmChainRequest PeerRequest => SmChainRequest.Client(SmChainForm.One);

    /// <summary>ChangeCipherSpec for middleboxes, and the alert of a client that cannot use the ServerHello and so has no keys.</summary>
    protected override bool AcceptsUnprotected(RecordHeader header) => _state < State.Open
        && (header.Type == RecordType.ChangeCipherSpec || (header.Type == RecordType.Alert && !_hasOpenedRecord));

    /// <inheritdoc/>
    protected override SmTlsError OnChangeCipherSpec() => _state is State.ClientHello or State.Open
        ? Refuse(SmTlsError.UnexpectedMessage, "a ChangeCipherSpec outside the handshake")
        : SmTlsError.None;

    /// <inheritdoc/>
    protected override bool SkipsUnreadable(int length)
    {
        if (!_skipsEarlyData)
        {
            return false;
        }
        _skippedEarlyData += Math.Max(length, MinSkippedBytes);
        return _skippedEarlyData <= MaxSkippedEarlyData;
    }

    /// <inheritdoc/>
    protected override SmTlsError OnHandshake(HandshakeMessage message)
    {
        _hasOpenedRecord = IsReadProtected;
        _skipsEarlyData &= !IsReadProtected;
        switch (_state, message.Type)
        {
            case (State.ClientHello or State.SecondClientHello, HandshakeType.ClientHello):
                return OnClientHello(message);
            case (State.Certificate, HandshakeType.Certificate):
                return OnCertificate(message);
            case (State.CertificateVerify, HandshakeType.CertificateVerify):
                _state = State.Finished;
                return TakeCertificateVerify(message);
            case (State.Finished, HandshakeType.Finished):
                return OnFinished(message);
            case (State.Open, HandshakeType.KeyUpdate):
                return TakeKeyUpdate(message);
            default:
                return RefuseUnexpected(message, _state == State.Open ? "the connection is open" : $"the server waits for {_state}");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _session?.Dispose();
    }

    private SmTlsError OnCertificate(HandshakeMessage message)
    {
        if (TakeCertificate(message) is var error and not SmTlsError.None)
        {
            return error;
        }
        bool hasOne = PeerCertificates.Length > 0;
        _state = hasOne ? State.CertificateVerify : State.Finished;
        return !hasOne && _options.ClientCertificateMode == SmClientCertificateMode.Require
            ? Refuse(SmTlsError.CertificateRequired, "the client shows no certificate, and one is required")
            : SmTlsError.None;
    }

    private SmTlsError OnFinished(HandshakeMessage message)
    {
        if (TakeFinished(message) is var error and not SmTlsError.None)
        {
            return error;
        }
        error = ProtectReading(ProtectionOf(Keys.ClientApplicationTrafficSecret));
        if (error != SmTlsError.None)
        {
            return error;
        }
        EnterResumptionSecret();
        _state = State.Open;
        WriteTickets();
        CompleteHandshake();
        return SmTlsError.None;
    }

    private void SendCompatibilityMessage(ReadOnlySpan<byte> sessionId)
    {
        // RFC 8446 appendix D.4: to a client that offers the compatibility mode, once, after the first handshake message.
        if (sessionId.Length > 0 && !_hasSentChangeCipherSpec)
        {
            _hasSentChangeCipherSpec = true;
            SendChangeCipherSpec();
        }
    }
}
