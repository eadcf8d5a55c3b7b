#pragma warning disable CA2022 // how much one read gives is what is tested
using System.Net.Security;
using System.Security.Cryptography;
using Qanat.Tls.Certificates;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Streams;

/// <summary>Every suite, way of authentication and kind of handshake between this library's own ends, through streams.</summary>
public sealed class SmSslStreamMatrixTests
{
    private static readonly byte[] s_data = RandomNumberGenerator.GetBytes(100_000);

    public static TheoryData<SmCipherSuite, SmClientCertificateMode, bool> Cells
    {
        get
        {
            TheoryData<SmCipherSuite, SmClientCertificateMode, bool> cells = [];
            foreach (SmCipherSuite suite in Enum.GetValues<SmCipherSuite>().Where(s => s != SmCipherSuite.None))
            {
                foreach (SmClientCertificateMode mode in Enum.GetValues<SmClientCertificateMode>())
                {
                    foreach (bool hasCertificate in new[] { true, false })
                    {
                        cells.Add(suite, mode, hasCertificate);
                    }
                }
            }
            return cells;
        }
    }

    public static TheoryData<SmCipherSuite> Suites => [.. Enum.GetValues<SmCipherSuite>().Where(s => s != SmCipherSuite.None)];

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Every_suite_and_way_of_authentication(SmCipherSuite suite, SmClientCertificateMode mode, bool hasCertificate)
    {
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(suite.Protocol(), suite);
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        client.ClientCredential = hasCertificate ? SmPair.ClientCredential : null;
        server.ClientCertificateMode = mode;
        bool isPossible = suite.IsEcdhe() ? hasCertificate && mode != SmClientCertificateMode.None : hasCertificate || mode != SmClientCertificateMode.Require;
        await using SmPair pair = SmPair.Create();
        if (!isPossible)
        {
            await RefusedAsync(pair, client, server);
            return;
        }
        await pair.HandshakeAsync(client, server);
        await EchoAsync(pair);
        foreach (SmSslStream end in new[] { pair.Client, pair.Server })
        {
            Assert.Equal((suite.Protocol(), suite, TestPki.Host, false), (end.NegotiatedProtocol, end.NegotiatedCipherSuite, end.TargetHostName, end.IsResumed));
        }
        Assert.Equal(SmPair.Pki.Sign, pair.Client.RemoteCertificate);
        SmCertificate? shown = hasCertificate && mode != SmClientCertificateMode.None ? SmPair.ClientCredential.SignCertificate : null;
        Assert.Equal(shown, pair.Server.RemoteCertificate);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task A_session_is_resumed_with_its_client_certificate(SmCipherSuite suite)
    {
        using SmTlcpSessionCache clientSessions = new(), serverSessions = new();
        using SmTicketStore tickets = new();
        using SmTicketKeys ticketKeys = new();
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(suite.Protocol(), suite);
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        (client.ClientCredential, client.TlcpSessions, client.Tickets) = (SmPair.ClientCredential, clientSessions, tickets);
        (server.ClientCertificateMode, server.TlcpSessions, server.TicketKeys) = (SmClientCertificateMode.Require, serverSessions, ticketKeys);
        for (int i = 0; i < 3; i++)
        {
            await using SmPair pair = await SmPair.ConnectAsync(client, server);
            // A ticket comes with the server's first data at the latest.
            await EchoAsync(pair);
            Assert.Equal((i > 0, i > 0), (pair.Client.IsResumed, pair.Server.IsResumed));
            Assert.Equal(SmPair.ClientCredential.SignCertificate, pair.Server.RemoteCertificate);
            Assert.Equal(SmPair.Pki.Sign, pair.Client.RemoteCertificate);
            await pair.Client.ShutdownAsync();
            await pair.Server.ShutdownAsync();
            Assert.Equal(0, await pair.Client.ReadAsync(new byte[1]));
        }
    }

    [Theory]
    [InlineData(NamedGroup.CurveSm2MlKem768, NamedGroup.CurveSm2)]
    [InlineData(NamedGroup.CurveSm2, NamedGroup.CurveSm2MlKem768)]
    public async Task A_server_of_another_group_asks_again(NamedGroup first, NamedGroup wanted)
    {
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(SmProtocol.Tls13);
        client.Groups = [first, wanted];
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        server.Groups = [wanted];
        MemoryTransportLog log = new();
        await using SmPair pair = await SmPair.ConnectAsync(client, server, log);
        Assert.Equal((wanted, wanted), (pair.Client.NegotiatedGroup, pair.Server.NegotiatedGroup));
        await EchoAsync(pair);
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task Application_protocol_is_the_first_of_the_server_that_the_client_offers(SmProtocol protocol)
    {
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(protocol);
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        client.ApplicationProtocols = [SslApplicationProtocol.Http11, SslApplicationProtocol.Http2];
        server.ApplicationProtocols = [new SslApplicationProtocol("x"), SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        await using SmPair pair = await SmPair.ConnectAsync(client, server);
        Assert.Equal((SslApplicationProtocol.Http2, SslApplicationProtocol.Http2), (pair.Client.NegotiatedApplicationProtocol, pair.Server.NegotiatedApplicationProtocol));

        server.ApplicationProtocols = [new SslApplicationProtocol("x")];
        await using SmPair other = SmPair.Create();
        (SmTlsException atClient, SmTlsException atServer) = await FailAsync(other, client, server);
        Assert.Equal(SmTlsError.NoCommonApplicationProtocol, atServer.Error);
        Assert.Equal((SmTlsError.PeerAlert, AlertDescription.NoApplicationProtocol), (atClient.Error, atClient.Alert));
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task Certificates_are_chosen_by_the_name_asked_for(SmProtocol protocol)
    {
        using SmSslCredential second = SmPair.Issue("second", "second.example.cn");
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        server.CredentialSelector = name => name switch
        {
            "second.example.cn" => second,
            TestPki.Host => SmPair.ServerCredential,
            _ => null,
        };
        foreach (string name in new[] { TestPki.Host, "SECOND.example.cn" })
        {
            SmSslClientAuthenticationOptions client = SmPair.ClientOptions(protocol);
            client.TargetHost = name;
            await using SmPair pair = await SmPair.ConnectAsync(client, server);
            Assert.Equal(name == TestPki.Host ? SmPair.Pki.Sign : second.SignCertificate, pair.Client.RemoteCertificate);
        }
        SmSslClientAuthenticationOptions stranger = SmPair.ClientOptions(protocol);
        stranger.TargetHost = "third.example.cn";
        await using SmPair refused = SmPair.Create();
        (SmTlsException atClient, SmTlsException atServer) = await FailAsync(refused, stranger, server);
        Assert.Equal(SmTlsError.UnrecognizedName, atServer.Error);
        Assert.Equal(AlertDescription.UnrecognizedName, atClient.Alert);
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task A_server_with_another_name_is_refused_and_told_why(SmProtocol protocol)
    {
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(protocol);
        client.TargetHost = "other.example.cn";
        await using SmPair pair = SmPair.Create();
        (SmTlsException atClient, SmTlsException atServer) = await FailAsync(pair, client, SmPair.ServerOptions());
        Assert.Equal(SmTlsError.CertificateUnknown, atClient.Error);
        Assert.Contains("other.example.cn", atClient.Message, StringComparison.Ordinal);
        Assert.Equal((SmTlsError.PeerAlert, atClient.Alert), (atServer.Error, atServer.Alert));
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task The_callback_has_the_last_word(SmProtocol protocol)
    {
        SmChainResult? seen = null;
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(protocol);
        client.Trust = null;
        client.RemoteCertificateValidationCallback = result =>
        {
            seen = result;
            return true;
        };
        await using (SmPair pair = await SmPair.ConnectAsync(client))
        {
            Assert.Contains(seen!.Failures, f => f.Error == SmChainError.UnknownIssuer);
            await EchoAsync(pair);
        }
        client.Trust = SmPair.Pki.Trust;
        client.RemoteCertificateValidationCallback = _ => false;
        await using SmPair refused = SmPair.Create();
        (SmTlsException atClient, _) = await FailAsync(refused, client, SmPair.ServerOptions());
        Assert.Equal(SmTlsError.CertificateUnknown, atClient.Error);
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp, SmProtocol.Tls13)]
    [InlineData(SmProtocol.Tls13, SmProtocol.Tlcp)]
    public async Task A_protocol_that_is_not_enabled_is_refused_at_both_ends(SmProtocol spoken, SmProtocol enabled)
    {
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        server.EnabledProtocols = [enabled];
        await using SmPair pair = SmPair.Create();
        (SmTlsException atClient, SmTlsException atServer) = await FailAsync(pair, SmPair.ClientOptions(spoken), server);
        Assert.Equal(SmTlsError.UnsupportedVersion, atServer.Error);
        Assert.Equal((SmTlsError.PeerAlert, AlertDescription.ProtocolVersion), (atClient.Error, atClient.Alert));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task Keying_material_is_the_same_at_both_ends(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        byte[] client = new byte[48], server = new byte[48], other = new byte[48];
        pair.Client.ExportKeyingMaterial("EXPORTER-test"u8, "context"u8, client);
        pair.Server.ExportKeyingMaterial("EXPORTER-test"u8, "context"u8, server);
        pair.Server.ExportKeyingMaterial("EXPORTER-test"u8, "another"u8, other);
        Assert.Equal(client, server);
        Assert.NotEqual(client, other);
    }

    internal static async Task<(SmTlsException AtClient, SmTlsException AtServer)> FailAsync(SmPair pair, SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server)
    {
        Task<SmTlsException> atClient = Assert.ThrowsAsync<SmTlsException>(async () =>
        {
            await pair.Client.AuthenticateAsClientAsync(client);
            await pair.Client.ReadAsync(new byte[1]);
        });
        SmTlsException atServer = await Assert.ThrowsAsync<SmTlsException>(async () =>
        {
            await pair.Server.AuthenticateAsServerAsync(server);
            await pair.Server.ReadAsync(new byte[1]);
        });
        return (await atClient, atServer);
    }

    internal static async Task EchoAsync(SmPair pair)
    {
        byte[] there = new byte[s_data.Length], back = new byte[s_data.Length];
        await Task.WhenAll(pair.Client.WriteAsync(s_data).AsTask(), pair.Server.ReadExactlyAsync(there).AsTask());
        await Task.WhenAll(pair.Server.WriteAsync(there).AsTask(), pair.Client.ReadExactlyAsync(back).AsTask());
        Assert.Equal(s_data, back);
    }

    private static async Task RefusedAsync(SmPair pair, SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server)
    {
        if (client.CipherSuites![0].IsEcdhe() && client.ClientCredential is null)
        {
            SmTlsException options = await Assert.ThrowsAsync<SmTlsException>(() => pair.Client.AuthenticateAsClientAsync(client));
            Assert.Equal(SmTlsError.InvalidOptions, options.Error);
            return;
        }
        (SmTlsException atClient, SmTlsException atServer) = await FailAsync(pair, client, server);
        Assert.Equal(client.ClientCredential is null ? SmTlsError.CertificateRequired : SmTlsError.NoCommonSuite, atServer.Error);
        Assert.Equal(SmTlsError.PeerAlert, atClient.Error);
    }
}
