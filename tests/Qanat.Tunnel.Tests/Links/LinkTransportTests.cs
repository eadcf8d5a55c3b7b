using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qanat.Tunnel.Links;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>Links over TLS and through HTTP forward proxies.</summary>
public sealed class LinkTransportTests
{
    private static (X509Certificate2 Ca, X509Certificate2 Server) MakeCertificates()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using ECDsa caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest caRequest = new("CN=test ca", caKey, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        X509Certificate2 ca = caRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=hub", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 bare = request.Create(ca, now.AddDays(-1), now.AddDays(1), [7]);
        return (ca, bare.CopyWithPrivateKey(key));
    }

    private static LinkWorld MakeSecureWorld(X509Certificate2 server) =>
        new(new LinkListenerOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), Certificate = server, Path = "/link" });

    private static async Task EchoAsync(LinkWorld world, LinkTarget target, int bytes = 300_000)
    {
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync(target);
        RecordingHandler atHub = new();
        RecordingHandler atNode = new();
        accepted.Link.Start(atHub, null);
        dialed.Link.Start(atNode, null);
        byte[] payload = RandomNumberGenerator.GetBytes(50_000);
        for (int i = 0; i < bytes / payload.Length; i++)
        {
            Assert.True(dialed.Link.TrySend(world.FromNode(), payload));
            Assert.Equal(payload, (await atHub.NextAsync()).Payload);
            Assert.True(accepted.Link.TrySend(world.FromHub(), payload));
            Assert.Equal(payload, (await atNode.NextAsync()).Payload);
        }
        await accepted.Link.CloseAsync(LinkCloseCause.Draining);
        Assert.Equal(LinkCloseCause.Draining, (await dialed.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
        Assert.Equal(LinkCloseCause.Draining, (await accepted.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
    }

    [Theory]
    [InlineData("ws://[2001:db8::1]/", "[2001:db8::1]")]
    [InlineData("wss://[2001:db8::1]:8443/", "[2001:db8::1]:8443")]
    [InlineData("ws://hub.example/", "hub.example")]
    [InlineData("ws://hub.example:7000/", "hub.example:7000")]
    [InlineData("ws://127.0.0.1/", "127.0.0.1")]
    public void Host_header_of_the_upgrade_has_an_ipv6_address_in_brackets(string address, string header) =>
        Assert.Equal(header, LinkConnector.HostHeader(new LinkTarget { Address = new Uri(address) }));

    [Fact]
    public async Task Wss_with_a_root_of_ones_own_carries_frames()
    {
        (X509Certificate2 ca, X509Certificate2 server) = MakeCertificates();
        await using LinkWorld world = MakeSecureWorld(server);
        Assert.Equal("wss", world.Address.Scheme);
        await EchoAsync(world, new LinkTarget { Address = world.Address, TrustedRoots = [ca] });
    }

    [Fact]
    public async Task Wss_with_a_pinned_key_carries_frames()
    {
        (_, X509Certificate2 server) = MakeCertificates();
        await using LinkWorld world = MakeSecureWorld(server);
        await EchoAsync(world, new LinkTarget { Address = world.Address, PinnedKeySha256 = SHA256.HashData(server.PublicKey.ExportSubjectPublicKeyInfo()) });
    }

    [Fact]
    public async Task Wss_with_an_unknown_root_another_pin_or_another_name_is_refused()
    {
        (X509Certificate2 ca, X509Certificate2 server) = MakeCertificates();
        (X509Certificate2 otherCa, _) = MakeCertificates();
        await using LinkWorld world = MakeSecureWorld(server);
        LinkTarget[] wrong =
        [
            new() { Address = world.Address },
            new() { Address = world.Address, TrustedRoots = [otherCa] },
            new() { Address = world.Address, PinnedKeySha256 = new byte[32] },
            new() { Address = new UriBuilder(world.Address) { Host = "localhost" }.Uri, TrustedRoots = [ca] },
        ];
        foreach (LinkTarget target in wrong)
        {
            TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => world.DialAsync(target));
            Assert.Equal(TunnelError.UntrustedCertificate, e.Error);
        }
        Assert.Empty(world.Proofs);
    }

    [Fact]
    public async Task Through_a_forward_proxy_with_credentials()
    {
        using ForwardProxy proxy = new("us er", "pa:ss");
        await using LinkWorld world = new();
        await EchoAsync(world, new LinkTarget { Address = world.Address, HttpProxy = new Uri($"http://us%20er:pa%3Ass@127.0.0.1:{proxy.Port}") });
        Assert.StartsWith($"CONNECT 127.0.0.1:{world.Address.Port} HTTP/1.1\r\n", Assert.Single(proxy.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wss_through_a_forward_proxy()
    {
        (X509Certificate2 ca, X509Certificate2 server) = MakeCertificates();
        using ForwardProxy proxy = new();
        await using LinkWorld world = MakeSecureWorld(server);
        await EchoAsync(world, new LinkTarget { Address = world.Address, TrustedRoots = [ca], HttpProxy = new Uri($"http://127.0.0.1:{proxy.Port}") });
        Assert.Single(proxy.Requests);
    }

    [Fact]
    public async Task Proxy_that_refuses_is_named()
    {
        using ForwardProxy proxy = new("user", "right");
        await using LinkWorld world = new();
        TunnelException e = await Assert.ThrowsAsync<TunnelException>(
            () => world.DialAsync(new LinkTarget { Address = world.Address, HttpProxy = new Uri($"http://user:wrong@127.0.0.1:{proxy.Port}") }));
        Assert.Equal(TunnelError.HubUnreachable, e.Error);
        Assert.Contains("407", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", e.Message, StringComparison.Ordinal);
    }
}
