using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Security;
using Qanat.Tunnel.Sessions;
using Qanat.Tunnel.Tests.Sessions;

namespace Qanat.Tunnel.Tests.Security;

public sealed class LayerTwoTests
{
    [Fact]
    public async Task Tls_13_with_aes_128_gcm_and_both_certificates()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SslStream a, SslStream b) = await pair.SecureAsync();
        foreach (SslStream side in new[] { a, b })
        {
            Assert.Equal(SslProtocols.Tls13, side.SslProtocol);
            Assert.Equal(TlsCipherSuite.TLS_AES_128_GCM_SHA256, side.NegotiatedCipherSuite);
            Assert.Equal("qanat-mux/1", side.NegotiatedApplicationProtocol.ToString());
            Assert.True(side.IsMutuallyAuthenticated);
        }
    }

    [Fact]
    public async Task A_peer_without_organisation_certificate_is_refused_where_one_is_demanded()
    {
        using X509Certificate2 ca = MakeCa();
        await using SessionPair pair = new();
        pair.Connect();
        LayerTwo demanding = new(pair.A.Identity, new LayerTwoOptions { OrganisationCa = [ca] }, TimeProvider.System);
        SessionStream session = pair.A.Table.Open(pair.B.Identity.Mid);
        Task<SslStream> client = demanding.SecureAsync(session, CancellationToken.None);
        SessionStream inbound = await pair.B.NextAsync();
        Task<SslStream> server = pair.B.LayerTwo.SecureAsync(inbound, CancellationToken.None);
        Assert.Equal(TunnelError.UntrustedCertificate, (await Assert.ThrowsAsync<TunnelException>(() => client)).Error);
        // TLS 1.3: the server may have finished before the client refused. It is told either way.
        await inbound.Ended.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(TunnelError.SecurityFailure, inbound.Failure!.Error);
        await Task.WhenAny(server);
    }

    [Fact]
    public void An_organisation_certificate_for_the_right_key_is_accepted_and_for_another_key_not()
    {
        using X509Certificate2 ca = MakeCa();
        using NodeIdentity member = NodeIdentity.Create();
        using X509Certificate2 good = Issue(ca, member);
        PeerCertificatePolicy policy = new(member.Mid, [ca], TimeProvider.System);
        Assert.True(policy.Accept(good, null), policy.Detail);
        using NodeIdentity other = NodeIdentity.Create();
        PeerCertificatePolicy wrong = new(other.Mid, [ca], TimeProvider.System);
        Assert.False(wrong.Accept(good, null));
        Assert.Equal(TunnelError.PeerMidMismatch, wrong.Refusal);
        using X509Certificate2 strangers = MakeCa();
        PeerCertificatePolicy untrusted = new(member.Mid, [strangers], TimeProvider.System);
        Assert.False(untrusted.Accept(good, null));
        Assert.Equal(TunnelError.UntrustedCertificate, untrusted.Refusal);
        PeerCertificatePolicy none = new(member.Mid, null, TimeProvider.System);
        Assert.False(none.Accept(null, null));
        Assert.Equal(TunnelError.SecurityFailure, none.Refusal);
    }

    [Fact]
    public async Task A_peer_that_never_speaks_tls_meets_the_handshake_deadline()
    {
        await using SessionPair pair = new();
        pair.Connect();
        LayerTwo hasty = new(pair.A.Identity, new LayerTwoOptions { HandshakeTimeout = TimeSpan.FromMilliseconds(100) }, TimeProvider.System);
        SessionStream session = pair.A.Table.Open(pair.B.Identity.Mid);
        Assert.Equal(TunnelError.HandshakeTimeout, (await Assert.ThrowsAsync<TunnelException>(() => hasty.SecureAsync(session, CancellationToken.None))).Error);
        Assert.True(session.Ended.IsCompleted);
    }

    [Fact]
    public async Task Bytes_that_are_no_tls_are_a_security_failure()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        Task<SslStream> server = pair.B.LayerTwo.SecureAsync(b, CancellationToken.None);
        await a.WriteAsync(RandomNumberGenerator.GetBytes(4000));
        Assert.Equal(TunnelError.SecurityFailure, (await Assert.ThrowsAsync<TunnelException>(() => server)).Error);
        await a.Ended.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(TunnelError.SecurityFailure, a.Failure!.Error);
    }

    private static X509Certificate2 MakeCa()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=Organisation", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 ca, NodeIdentity member)
    {
        CertificateRequest request = new(new X500DistinguishedName("CN=member"), PublicKey.CreateFromSubjectPublicKeyInfo(member.SubjectPublicKeyInfo.Span, out _), HashAlgorithmName.SHA256);
        return request.Create(ca, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(30), [1, 2, 3]);
    }
}
