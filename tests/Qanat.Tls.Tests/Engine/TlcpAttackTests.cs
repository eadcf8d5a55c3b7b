using System.Net.Security;
using Qanat.Tls.Tests.Certificates;
using Qanat.Tls.Tests.Streams;

namespace Qanat.Tls.Tests.Engine;

/// <summary>What somebody on the way, or a server that is not to be trusted, could make of TLCP.</summary>
public sealed class TlcpAttackTests
{
    [Fact]
    [Trait("Kind", "Unit")]
    public void One_cut_connection_does_not_keep_a_client_from_a_host_that_needs_its_name()
    {
        // Without a name this server shows the certificates of its other host.
        SmSslCredential other = SmPair.Issue("other", "other.example.cn");
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        server.CredentialSelector = name => name == TestPki.Host ? SmPair.ServerCredential : other;
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(SmProtocol.Tlcp);
        client.PeerDialects = new SmPeerDialects();
        client.ApplicationProtocols = [SslApplicationProtocol.Http2];

        using (EnginePump cut = TlcpWorld.Pump(client, server))
        {
            cut.Client.Start();
            cut.Client.Fail(SmTlsError.Truncated, "somebody sent a reset");
        }
        using (EnginePump minimal = TlcpWorld.Pump(client, server).Run())
        {
            Assert.Null(minimal.Server.ServerName);
            Assert.NotNull(minimal.Client.Failure);
        }
        using EnginePump right = TlcpWorld.Pump(client, server).RunToCompletion();
        Assert.Equal(TestPki.Host, right.Server.ServerName);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Whoever_answers_a_minimal_hello_without_finishing_does_not_make_it_the_form_of_the_server()
    {
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(SmProtocol.Tlcp);
        client.PeerDialects = new SmPeerDialects();
        using (EnginePump cut = TlcpWorld.Pump(client, SmPair.ServerOptions()))
        {
            cut.Client.Start();
            cut.Client.Fail(SmTlsError.Truncated, "somebody sent a reset");
        }
        // Somebody without the server's keys: the first record of the answer is good, the rest is not.
        using (EnginePump forged = TlcpWorld.Pump(client, SmPair.ServerOptions()))
        {
            forged.OnWire = (fromServer, record) =>
            {
                record[^1] ^= (byte)(fromServer && record[5] != 2 ? 1 : 0);
                return record;
            };
            forged.Run();
            Assert.NotNull(forged.Client.Failure);
        }
        using EnginePump right = TlcpWorld.Pump(client, SmPair.ServerOptions()).RunToCompletion();
        Assert.Equal(TestPki.Host, right.Server.ServerName);
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3, true)]
    [InlineData(SmCipherSuite.EccSm4GcmSm3, false)]
    [InlineData(SmCipherSuite.EcdheSm4CbcSm3, true)]
    [InlineData(SmCipherSuite.EcdheSm4CbcSm3, false)]
    [Trait("Kind", "Unit")]
    public void Nobody_is_asked_about_certificates_before_their_key_was_proven(SmCipherSuite suite, bool ofServer)
    {
        int asked = 0;
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.Require, suite);
        client.ClientCredential = TlcpWorld.ClientCredential;
        SmSslAuthenticationOptions judge = ofServer ? client : server;
        judge.RemoteCertificateValidationCallback = _ => ++asked > 0;
        using (EnginePump good = TlcpWorld.Pump(client, server).RunToCompletion())
        {
            Assert.Equal(1, asked);
        }
        // ServerKeyExchange and CertificateVerify end with the signature that proves the key.
        byte proof = (byte)(ofServer ? Tls.Messages.HandshakeType.ServerKeyExchange : Tls.Messages.HandshakeType.CertificateVerify);
        using EnginePump forged = TlcpWorld.Pump(client, server);
        forged.OnWire = (fromServer, record) =>
        {
            record[^1] ^= (byte)(fromServer == ofServer && record[0] == 22 && record[5] == proof ? 1 : 0);
            return record;
        };
        forged.Run();
        Assert.Equal(SmTlsError.BadSignature, forged.Engine(isServer: !ofServer).Failure!.Error);
        Assert.Equal(1, asked);
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3, false)]
    [InlineData(SmCipherSuite.EccSm4CbcSm3, false)]
    [InlineData(SmCipherSuite.EcdheSm4GcmSm3, true)]
    [InlineData(SmCipherSuite.EcdheSm4CbcSm3, true)]
    [Trait("Kind", "Unit")]
    public void Channel_bindings_are_given_only_where_the_secrets_depend_on_both_ends(SmCipherSuite suite, bool isGiven)
    {
        using EnginePump pump = TlcpWorld.Mutual(suite).RunToCompletion();
        byte[] one = new byte[32], two = new byte[32];
        if (!isGiven)
        {
            Assert.Throws<InvalidOperationException>(() => pump.Client.ExportKeyingMaterial("EXPORTER-Channel-Binding"u8, default, false, one));
            Assert.Throws<InvalidOperationException>(() => pump.Server.ExportKeyingMaterial("EXPORTER-Channel-Binding"u8, default, false, two));
            return;
        }
        pump.Client.ExportKeyingMaterial("EXPORTER-Channel-Binding"u8, default, false, one);
        pump.Server.ExportKeyingMaterial("EXPORTER-Channel-Binding"u8, default, false, two);
        Assert.Equal(one, two);
    }
}
