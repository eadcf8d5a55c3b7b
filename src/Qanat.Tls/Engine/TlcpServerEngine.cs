using System.Net.Security;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Messages;
using Qanat.Tls.Sessions;

namespace Qanat.Tls.Engine;

/// <summary>The server of TLCP (GB/T 38636-2020 section 6.4). It tells the client's dialect by what arrives.</summary>
internal sealed partial class TlcpServerEngine : TlcpEngine
{
    private const int SessionIdLength = 32;

    private static readonly SmCipherSuite[] s_suites = [SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EcdheSm4CbcSm3, SmCipherSuite.EccSm4CbcSm3];

    // A client that need not have certificates is not led to a suite that needs them.
    private static readonly SmCipherSuite[] s_suitesOnRequest = [SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3, SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EcdheSm4CbcSm3];

    private readonly SmSslServerAuthenticationOptions _options;
    private SmSslCredential _credential = null!;
    private SmTlcpSessionCache.Key? _sessionKey;
    private Sm2KeyExchange? _exchange;
    private Due _due = Due.ClientHello;

    /// <summary>Creates the engine.</summary>
    /// <param name="options">Validated options that do not change any more.</param>
    /// <param name="settings">Bounds and services; null: those of the options.</param>
    public TlcpServerEngine(SmSslServerAuthenticationOptions options, TlsEngineSettings? settings = null)
        : base(isServer: true, options, settings ?? TlsEngineSettings.From(options), keepsRawTranscript: options.ClientCertificateMode != SmClientCertificateMode.None) =>
        _options = options;

    /// <summary>What is due from the client.</summary>
    private enum Due
    {
        ClientHello,
        Certificate,
        ClientKeyExchange,
        CertificateVerify,
        ChangeCipherSpec,
        Finished,
        ApplicationData,
    }

    /// <inheritdoc/>
    protected override SmTlsError OnHandshake(HandshakeMessage message) => (_due, message.Type) switch
    {
        (Due.ClientHello, HandshakeType.ClientHello) => OnClientHello(message),
        (Due.Certificate, HandshakeType.Certificate) => OnCertificate(message),
        (Due.ClientKeyExchange, HandshakeType.ClientKeyExchange) => OnClientKeyExchange(message),
        (Due.CertificateVerify, HandshakeType.CertificateVerify) => OnCertificateVerify(message),
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
        if (_sessionKey is { } key && failure.Error != SmTlsError.Truncated)
        {
            Sessions?.Remove(key);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _exchange?.Dispose();
    }

    private SmTlsError OnClientHello(HandshakeMessage message)
    {
        if (ClientHello.Read(message.Body, out ClientHello hello) is var error and not SmTlsError.None)
        {
            return RefuseDecode(error, message);
        }
        if (!hello.OffersTlcp)
        {
            return Refuse(SmTlsError.UnsupportedVersion, $"the client offers version {hello.LegacyVersion:x4}, not TLCP");
        }
        if (hello.CipherSuites.Contains(SmCipherSuites.FallbackScsv) && _options.EnabledProtocols.Contains(SmProtocol.Tls13))
        {
            return Refuse(SmTlsError.InappropriateFallback, "the client fell back to TLCP although this server speaks TLS 1.3: somebody on the way may have made it");
        }
        Transcript.Append(message.Bytes);
        hello.Random.CopyTo(ClientRandom);
        FillRandom(ServerRandom);
        ServerName = hello.ServerName.IsEmpty ? null : Encoding.ASCII.GetString(hello.ServerName).ToLowerInvariant();
        Dialect = new SmTlcpDialect { IsHelloMinimal = hello.Extensions.Bytes.IsEmpty, ClientKeyExchange = ClientKeyExchangeDialect.None };
        if (ChooseCredential() is var noCredential and not SmTlsError.None)
        {
            return noCredential;
        }
        if (ChooseProtocol(hello) is var noProtocol and not SmTlsError.None)
        {
            return noProtocol;
        }
        return TryResume(hello) ? SmTlsError.None : BeginFull(hello);
    }

    private SmTlsError ChooseCredential()
    {
        SmSslCredential? credential = _options.CredentialSelector is { } select ? select(ServerName) : _options.Credential;
        if (credential is null)
        {
            return Refuse(SmTlsError.UnrecognizedName, $"there is no certificate for '{ServerName ?? "(no name)"}'");
        }
        if (!credential.IsPair)
        {
            return Refuse(SmTlsError.CertificateMissing, $"the credential for '{ServerName ?? "(no name)"}' has no encryption certificate, which TLCP needs");
        }
        _credential = credential;
        return SmTlsError.None;
    }

    private SmTlsError ChooseProtocol(ClientHello hello)
    {
        if (hello.ApplicationProtocols.IsEmpty || _options.ApplicationProtocols is not { Count: > 0 } own)
        {
            return SmTlsError.None;
        }
        if (!TlcpProtocols.TryChoose(own, hello.ApplicationProtocols, out SslApplicationProtocol chosen))
        {
            return Refuse(SmTlsError.NoCommonApplicationProtocol, "the client offers none of this server's application protocols");
        }
        ApplicationProtocol = chosen;
        return SmTlsError.None;
    }

    private bool TryResume(ClientHello hello)
    {
        if (Sessions is not { } sessions || hello.SessionId.Length != SessionIdLength)
        {
            return false;
        }
        SmTlcpSessionCache.Key key = KeyOf(hello.SessionId);
        using TlcpSession? session = sessions.Find(key, Settings.Time.GetUtcNow());
        if (session is null || !hello.CipherSuites.Contains((ushort)session.Suite) || !EnabledSuites.Contains(session.Suite) || !IsInForce(session))
        {
            return false;
        }
        _sessionKey = key;
        ResumeKeys(session);
        WriteServerHello();
        SendFinished();
        Transcript.DropRaw();
        _due = Due.ChangeCipherSpec;
        return true;
    }

    private IEnumerable<SmCipherSuite> EnabledSuites =>
        (_options.CipherSuites ?? (_options.ClientCertificateMode == SmClientCertificateMode.Require ? s_suites : s_suitesOnRequest))
        .Where(s => s.Protocol() == SmProtocol.Tlcp && (!s.IsEcdhe() || _options.ClientCertificateMode != SmClientCertificateMode.None));

    private SmTlcpSessionCache.Key KeyOf(ReadOnlySpan<byte> sessionId) => new(Convert.ToHexString(sessionId), new TlcpSessionScope(
        true, _options.Trust, _options.ChainOptions, _options.RemoteCertificateValidationCallback, _credential, ServerName, _options.ClientCertificateMode));

    private SmTlsError OnFinished(HandshakeMessage message)
    {
        if (CheckFinished(message) is var error and not SmTlsError.None)
        {
            return error;
        }
        if (!IsResumed)
        {
            SendFinished();
        }
        _due = Due.ApplicationData;
        Complete();
        if (!IsResumed && Sessions is { } sessions && SessionId.Length > 0)
        {
            _sessionKey = KeyOf(SessionId);
            sessions.Add(_sessionKey.Value, CreateSession(sessions.Lifetime));
        }
        return SmTlsError.None;
    }
}
