using System.Net.Security;
using System.Runtime.InteropServices;
using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>Handshakes that succeed: suites, authentication, resumption, extensions, however the messages are cut.</summary>
public sealed class TlcpHandshakeTests
{
    public static TheoryData<SmCipherSuite, SmClientCertificateMode, bool> Matrix
    {
        get
        {
            TheoryData<SmCipherSuite, SmClientCertificateMode, bool> cells = [];
            foreach (SmCipherSuite suite in TlcpWorld.Suites)
            {
                foreach (SmClientCertificateMode mode in Enum.GetValues<SmClientCertificateMode>())
                {
                    foreach (bool hasClientCredential in (bool[])[false, true])
                    {
                        // ECDHE needs the client's certificates, and so does Require.
                        bool needs = suite.IsEcdhe() || mode == SmClientCertificateMode.Require;
                        if ((!needs || hasClientCredential) && !(suite.IsEcdhe() && mode == SmClientCertificateMode.None))
                        {
                            cells.Add(suite, mode, hasClientCredential);
                        }
                    }
                }
            }
            return cells;
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    [Trait("Kind", "Unit")]
    public void Every_suite_and_authentication_completes_full_and_resumed_and_carries_data(SmCipherSuite suite, SmClientCertificateMode mode, bool hasClientCredential)
    {
        using SmTlcpSessionCache clientSessions = new(), serverSessions = new();
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
        client.ClientCredential = hasClientCredential ? TlcpWorld.ClientCredential : null;
        client.TlcpSessions = clientSessions;
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(mode, suite);
        server.TlcpSessions = serverSessions;
        bool isMutual = hasClientCredential && mode != SmClientCertificateMode.None;
        foreach (bool isResumed in (bool[])[false, true, true])
        {
            using EnginePump pump = TlcpWorld.Pump(client, server).RunToCompletion();
            foreach (TlsEngine engine in (TlsEngine[])[pump.Client, pump.Server])
            {
                Assert.Equal(suite, engine.CipherSuite);
                Assert.Equal(SmProtocol.Tlcp, engine.Protocol);
                Assert.Equal(suite.IsEcdhe() ? NamedGroup.CurveSm2 : NamedGroup.None, engine.Group);
                Assert.Equal(isResumed, engine.IsResumed);
                Assert.Equal(TlcpWorld.Host, engine.ServerName);
            }
            Assert.Equal(TlcpWorld.Pki.Sign, pump.Client.PeerChain!.SignCertificate);
            Assert.Equal(TlcpWorld.Pki.Encrypt, pump.Client.PeerChain.EncryptCertificate);
            Assert.Equal(isMutual ? TlcpWorld.ClientCredential.SignCertificate : null, pump.Server.PeerChain?.SignCertificate);
            Exchange(pump);
        }
        Assert.Equal(1, clientSessions.Count);
        Assert.Equal(1, serverSessions.Count);
    }

    public static TheoryData<int> FragmentLengths => [.. Enumerable.Range(1, 80), 127, 128, 255, 256, 511, 512, 1000, 1199, 1200, 1500, 2048, 4096, 16384];

    [Theory]
    [MemberData(nameof(FragmentLengths))]
    [Trait("Kind", "Unit")]
    public void Handshake_messages_may_be_cut_into_records_of_any_size(int length)
    {
        foreach (SmCipherSuite suite in (SmCipherSuite[])[SmCipherSuite.EcdheSm4CbcSm3, SmCipherSuite.EccSm4GcmSm3])
        {
            foreach (bool coalesces in (bool[])[false, true])
            {
                using EnginePump pump = TlcpWorld.Mutual(suite, settings => settings with { HandshakeFragmentLength = length, CoalescesMessages = coalesces });
                pump.RunToCompletion();
                Exchange(pump);
            }
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Each_message_begins_a_record_of_its_own_unless_asked_otherwise()
    {
        using EnginePump one = TlcpWorld.OneSided().RunToCompletion();
        Assert.Equal(
            [HandshakeType.ClientHello, HandshakeType.ServerHello, HandshakeType.Certificate, HandshakeType.ServerKeyExchange, HandshakeType.ServerHelloDone, HandshakeType.ClientKeyExchange],
            one.Log.Where(r => r.Record[0] == (byte)RecordType.Handshake).Take(6).Select(r => (HandshakeType)r.Record[RecordHeader.Size]));
        using EnginePump few = TlcpWorld.OneSided(change: settings => settings with { CoalescesMessages = true }).RunToCompletion();
        Assert.Equal(7, few.Log.Count);
        Assert.All(one.Log, r => Assert.Equal([1, 1], r.Record[1..3]));
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.EccSm4CbcSm3)]
    [Trait("Kind", "Unit")]
    public void Both_ends_export_the_same_and_log_the_same(SmCipherSuite suite)
    {
        List<string> clientLog = [], serverLog = [];
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
        client.KeyLog = clientLog.Add;
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.None, suite);
        server.KeyLog = serverLog.Add;
        using EnginePump pump = TlcpWorld.Pump(client, server);
        Assert.Throws<InvalidOperationException>(() => pump.Client.ExportKeyingMaterial("EXPORTER-test"u8, default, false, new byte[8]));
        pump.RunToCompletion();
        byte[] a = new byte[40], b = new byte[40], other = new byte[40];
        pump.Client.ExportKeyingMaterial("EXPORTER-test"u8, [1, 2], true, a);
        pump.Server.ExportKeyingMaterial("EXPORTER-test"u8, [1, 2], true, b);
        pump.Server.ExportKeyingMaterial("EXPORTER-test"u8, default, false, other);
        Assert.Equal(a, b);
        Assert.NotEqual(a, other);
        string line = Assert.Single(clientLog);
        Assert.Equal(line, Assert.Single(serverLog));
        Assert.StartsWith("CLIENT_RANDOM ", line, StringComparison.Ordinal);
        Assert.Equal("CLIENT_RANDOM ".Length + 64 + 1 + 96, line.Length);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void The_server_chooses_by_its_own_order_and_leads_nobody_to_certificates_it_need_not_have()
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions();
        client.ClientCredential = TlcpWorld.ClientCredential;
        Assert.Equal(SmCipherSuite.EcdheSm4GcmSm3, Chosen(client, TlcpWorld.ServerOptions(SmClientCertificateMode.Require)));
        Assert.Equal(SmCipherSuite.EccSm4GcmSm3, Chosen(client, TlcpWorld.ServerOptions(SmClientCertificateMode.Request)));
        Assert.Equal(SmCipherSuite.EccSm4GcmSm3, Chosen(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None)));
        Assert.Equal(SmCipherSuite.EccSm4CbcSm3, Chosen(client, TlcpWorld.ServerOptions(SmClientCertificateMode.Require, SmCipherSuite.EccSm4CbcSm3, SmCipherSuite.EccSm4GcmSm3)));
        // Without an encryption certificate a client offers no ECDHE suite.
        client.ClientCredential = null;
        Assert.Equal(SmCipherSuite.EccSm4GcmSm3, Chosen(client, TlcpWorld.ServerOptions(SmClientCertificateMode.Request, SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EccSm4GcmSm3)));

        static SmCipherSuite Chosen(SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server)
        {
            using EnginePump pump = TlcpWorld.Pump(client, server).RunToCompletion();
            return pump.Server.CipherSuite;
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void An_application_protocol_is_the_first_of_the_servers_that_the_client_offers()
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions();
        client.ApplicationProtocols = [new("a"), SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.None);
        using (EnginePump none = TlcpWorld.Pump(client, server).RunToCompletion())
        {
            Assert.Equal(default, none.Client.ApplicationProtocol);
        }
        server.ApplicationProtocols = [new("b"), SslApplicationProtocol.Http11, SslApplicationProtocol.Http2];
        using (EnginePump chosen = TlcpWorld.Pump(client, server).RunToCompletion())
        {
            Assert.Equal(SslApplicationProtocol.Http11, chosen.Client.ApplicationProtocol);
            Assert.Equal(SslApplicationProtocol.Http11, chosen.Server.ApplicationProtocol);
        }
        server.ApplicationProtocols = [new("b")];
        using EnginePump refused = TlcpWorld.Pump(client, server).Run();
        Assert.Equal(SmTlsError.NoCommonApplicationProtocol, refused.Server.Failure!.Error);
        Assert.Equal(AlertDescription.NoApplicationProtocol, refused.Client.Failure!.Alert);
        // A client that offers none is served without.
        client.ApplicationProtocols = null;
        using EnginePump silent = TlcpWorld.Pump(client, server).RunToCompletion();
        Assert.Equal(default, silent.Server.ApplicationProtocol);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Names_choose_the_credential_and_addresses_are_not_sent_as_names()
    {
        List<string?> asked = [];
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.None);
        server.CredentialSelector = name =>
        {
            asked.Add(name);
            return name == "nobody.example.cn" ? null : TlcpWorld.ServerCredential;
        };
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions();
        client.RemoteCertificateValidationCallback = _ => true;
        foreach (string? host in (string?[])["WWW.example.cn.", "192.0.2.1", null])
        {
            client.TargetHost = host;
            using EnginePump pump = TlcpWorld.Pump(client, server).RunToCompletion();
        }
        client.TargetHost = "nobody.example.cn";
        using EnginePump refused = TlcpWorld.Pump(client, server).Run();
        Assert.Equal(["www.example.cn", null, null, "nobody.example.cn"], asked);
        Assert.Equal(SmTlsError.UnrecognizedName, refused.Server.Failure!.Error);
        Assert.Equal(AlertDescription.UnrecognizedName, refused.Client.Failure!.Alert);
    }

    internal static void Exchange(EnginePump pump)
    {
        byte[] up = new byte[50_000], down = new byte[16_385];
        Random random = new(7);
        random.NextBytes(up);
        random.NextBytes(down);
        pump.Send(fromServer: false, up);
        pump.Send(fromServer: true, down);
        pump.Send(fromServer: false, [1]);
        pump.Send(fromServer: true, default);
        Assert.Null(pump.Client.Failure);
        Assert.Null(pump.Server.Failure);
        // Compared as spans: element by element this would be most of the time of these tests.
        Assert.True(CollectionsMarshal.AsSpan(pump.ServerReceived).SequenceEqual((byte[])[.. up, 1]));
        Assert.True(CollectionsMarshal.AsSpan(pump.ClientReceived).SequenceEqual(down));
    }
}
