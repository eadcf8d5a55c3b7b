using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Sessions;
using Qanat.Wire;

namespace Qanat.Tunnel.Security;

/// <summary>
/// Layer 2: standard TLS 1.3 over a session, mutual, without resumption, bound to the routed mid. The initiator of the session is the TLS client.
/// Safe from any thread.
/// </summary>
public sealed class LayerTwo
{
    private static readonly List<SslApplicationProtocol> s_protocols = [new("qanat-mux/1")];
    private readonly LayerTwoOptions _options;
    private readonly TimeProvider _time;
    private readonly SslStreamCertificateContext _certificate;
    private readonly CipherSuitesPolicy? _suites;

    /// <summary>Uses the identity's certificate; the identity must live as long as this object.</summary>
    public LayerTwo(NodeIdentity identity, LayerTwoOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _certificate = SslStreamCertificateContext.Create(identity.Certificate, identity.IntermediateCertificates, offline: true);
        if (OperatingSystem.IsLinux())
        {
            // AES-128 first: the fastest suite with hardware AES, and enough (RFC 8446 section B.4).
            _suites = new CipherSuitesPolicy([TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256]);
        }
    }

    /// <summary>
    /// Runs the handshake; the returned stream owns the session. On failure the session is aborted (the peer sees SecurityFailure) and disposed.
    /// </summary>
    /// <exception cref="TunnelException">PeerMidMismatch, UntrustedCertificate, SecurityFailure, HandshakeTimeout, or why the session ended.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<SslStream> SecureAsync(SessionStream session, CancellationToken cancellationToken)
    {
        PeerCertificatePolicy policy = new(session.PeerMid, _options.OrganisationCa, _time);
        SslStream tls = new(session, leaveInnerStreamOpen: false);
        using CancellationTokenSource timeout = new(_options.HandshakeTimeout, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            if (session.IsInitiator)
            {
                await tls.AuthenticateAsClientAsync(ClientOptions(policy), either.Token).ConfigureAwait(false);
            }
            else
            {
                await tls.AuthenticateAsServerAsync(ServerOptions(policy), either.Token).ConfigureAwait(false);
            }
            if (!policy.Accepted || !tls.IsMutuallyAuthenticated || tls.SslProtocol != SslProtocols.Tls13 || tls.NegotiatedApplicationProtocol != s_protocols[0])
            {
                throw new TunnelException(TunnelError.SecurityFailure, $"Layer 2 with {session.PeerMid} came up without mutual TLS 1.3 and ALPN qanat-mux/1.");
            }
            return tls;
        }
#pragma warning disable CA1031 // Whatever failed, the session must be given up and the cause typed.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Exception typed = Type(e, session, policy, timeout.IsCancellationRequested, cancellationToken);
            session.Abort(typed is TunnelException { Error: TunnelError.HandshakeTimeout } or OperationCanceledException ? FrameReason.Normal : FrameReason.SecurityFailure);
            await tls.DisposeAsync().ConfigureAwait(false);
            await session.DisposeAsync().ConfigureAwait(false);
            throw typed;
        }
    }

    private static Exception Type(Exception e, SessionStream session, PeerCertificatePolicy policy, bool timedOut, CancellationToken cancellationToken)
    {
        if (policy.Refusal != TunnelError.None)
        {
            return new TunnelException(policy.Refusal, policy.Detail, e);
        }
        if (session.Failure is { } failure)
        {
            return failure;
        }
        if (e is OperationCanceledException)
        {
            return timedOut && !cancellationToken.IsCancellationRequested
                ? new TunnelException(TunnelError.HandshakeTimeout, $"Participant {session.PeerMid} did not finish the TLS handshake in time.", e)
                : new OperationCanceledException(e.Message, e, cancellationToken);
        }
        return e as TunnelException ?? new TunnelException(TunnelError.SecurityFailure, $"Layer-2 TLS with {session.PeerMid} failed: {e.Message}", e);
    }

    private SslClientAuthenticationOptions ClientOptions(PeerCertificatePolicy policy) => new()
    {
        // No server name: the peer is known by its mid, and a name would only tell the hub more.
        TargetHost = "",
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = s_protocols,
        ClientCertificateContext = _certificate,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        CertificateChainPolicy = Offline(),
        CipherSuitesPolicy = _suites,
        AllowTlsResume = false,
        AllowRenegotiation = false,
        RemoteCertificateValidationCallback = (_, certificate, chain, _) => policy.Accept(certificate, chain?.ChainPolicy.ExtraStore),
    };

    private SslServerAuthenticationOptions ServerOptions(PeerCertificatePolicy policy) => new()
    {
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = s_protocols,
        ServerCertificateContext = _certificate,
        ClientCertificateRequired = true,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        CertificateChainPolicy = Offline(),
        CipherSuitesPolicy = _suites,
        AllowTlsResume = false,
        AllowRenegotiation = false,
        RemoteCertificateValidationCallback = (_, certificate, chain, _) => policy.Accept(certificate, chain?.ChainPolicy.ExtraStore),
    };

    /// <summary>The platform's own chain is built before the callback decides; it must not touch the network.</summary>
    private static X509ChainPolicy Offline() => new()
    {
        DisableCertificateDownloads = true,
        RevocationMode = X509RevocationMode.NoCheck,
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority,
    };
}
