using System.Security.Cryptography;
using Org.BouncyCastle.Tls;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Our client with BouncyCastle's server, and our server with BouncyCastle's client.</summary>
[Trait("Kind", "Interop")]
public sealed class BouncyCastleTests
{
    private const int Sm2 = (int)NamedGroup.CurveSm2;
    private const int Hybrid = (int)NamedGroup.CurveSm2MlKem768;

    public static TheoryData<SmCipherSuite, bool, bool, bool> Matrix
    {
        get
        {
            TheoryData<SmCipherSuite, bool, bool, bool> all = [];
            for (int i = 0; i < 16; i++)
            {
                all.Add((i & 1) == 0 ? SmCipherSuite.TlsSm4GcmSm3 : SmCipherSuite.TlsSm4CcmSm3, (i & 2) != 0, (i & 4) != 0, (i & 8) != 0);
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public void Our_client_with_its_server(SmCipherSuite suite, bool isHybrid, bool isMutual, bool isRetried)
    {
        Tls13Setup setup = new();
        NamedGroup group = isHybrid ? NamedGroup.CurveSm2MlKem768 : NamedGroup.CurveSm2;
        NamedGroup other = isHybrid ? NamedGroup.CurveSm2 : NamedGroup.CurveSm2MlKem768;
        setup.ClientOptions.CipherSuites = [suite];
        setup.ClientOptions.Groups = isRetried ? [other, group] : [group];
        setup.ClientOptions.ClientCredential = isMutual ? Tls13Setup.ClientCredential : null;
        BouncyCastlePeer.Server server = new(suite, [(int)group], Tls13Setup.ServerCredential, isMutual, "http/1.1");
        TlsServerProtocol theirs = new();
        theirs.Accept(server);
        using var engine = setup.NewClient();
        EngineEnd ours = new(engine);
        engine.Start();
        BouncyCastlePeer.Talk(theirs, ours);

        Assert.Null(engine.Failure);
        Assert.True(engine.IsHandshakeComplete && theirs.IsConnected);
        Assert.Equal((suite, group, "http/1.1"), (engine.CipherSuite, engine.Group, engine.ApplicationProtocol.ToString()));
        Assert.Equal(isMutual ? Tls13Setup.ClientCredential.SignCertificate.RawData.ToArray() : null, server.ClientCertificate?.GetCertificateAt(0).GetEncoded());
        CheckTraffic(theirs, ours, server.Exported);
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public void Our_server_with_its_client(SmCipherSuite suite, bool isHybrid, bool isMutual, bool isRetried)
    {
        Tls13Setup setup = new();
        int group = isHybrid ? Hybrid : Sm2, other = isHybrid ? Sm2 : Hybrid;
        setup.ServerOptions.CipherSuites = [suite];
        setup.ServerOptions.Groups = [(NamedGroup)group];
        setup.ServerOptions.ClientCertificateMode = isMutual ? SmClientCertificateMode.Require : SmClientCertificateMode.None;
        BouncyCastlePeer.Client client = new(suite, [group, other], [isRetried ? other : group], isMutual ? Tls13Setup.ClientCredential : null, "http/1.1");
        TlsClientProtocol theirs = new();
        using var engine = setup.NewServer();
        EngineEnd ours = new(engine);
        theirs.Connect(client);
        BouncyCastlePeer.Talk(theirs, ours);

        Assert.Null(engine.Failure);
        Assert.True(engine.IsHandshakeComplete && theirs.IsConnected);
        Assert.Equal((suite, (NamedGroup)group, TestPki.Host, "http/1.1"), (engine.CipherSuite, engine.Group, engine.ServerName, client.Protocol));
        Assert.Equal(isMutual ? Tls13Setup.ClientCredential.SignCertificate : null, engine.PeerChain?.SignCertificate);
        Assert.Equal(Tls13Setup.ServerCredential.SignCertificate.RawData.ToArray(), client.ServerCertificate!.GetCertificateAt(0).GetEncoded());
        CheckTraffic(theirs, ours, client.Exported);
    }

    /// <summary>It takes a cookie together with a group only; a HelloRetryRequest with a cookie alone, which RFC 8446 allows, it refuses (missing_extension).</summary>
    [Fact]
    public void Its_client_repeats_our_servers_cookie()
    {
        Tls13Setup setup = new() { AlwaysSendsCookie = true };
        BouncyCastlePeer.Client client = new(SmCipherSuite.TlsSm4GcmSm3, [Hybrid, Sm2], [Hybrid], null);
        setup.ServerOptions.Groups = [NamedGroup.CurveSm2];
        TlsClientProtocol theirs = new();
        using var engine = setup.NewServer();
        EngineEnd ours = new(engine);
        theirs.Connect(client);
        BouncyCastlePeer.Talk(theirs, ours);
        Assert.True(engine.IsHandshakeComplete && theirs.IsConnected);
    }

    private static void CheckTraffic(TlsProtocol theirs, EngineEnd ours, byte[] exported)
    {
        byte[] ourExport = new byte[48], request = RandomNumberGenerator.GetBytes(40_000), answer = RandomNumberGenerator.GetBytes(50_000);
        ours.Engine.ExportKeyingMaterial("EXPORTER-test"u8, [1, 2], hasContext: true, ourExport);
        Assert.Equal(exported, ourExport);
        theirs.OfferInput(ours.Seal(request));
        Assert.Equal(request, BouncyCastlePeer.Read(theirs));
        theirs.WriteApplicationData(answer, 0, answer.Length);
        BouncyCastlePeer.Talk(theirs, ours);
        Assert.Equal(answer, ours.ApplicationData);
        ((Qanat.Tls.Engine.Tls13.Tls13Engine)ours.Engine).UpdateKeys(requestPeer: true);
        theirs.OfferInput(ours.Seal([7]));
        BouncyCastlePeer.Talk(theirs, ours);
        theirs.WriteApplicationData([8], 0, 1);
        BouncyCastlePeer.Talk(theirs, ours);
        Assert.Equal([7], BouncyCastlePeer.Read(theirs));
        Assert.Equal(8, ours.ApplicationData[^1]);
        Assert.Equal(1, ((Qanat.Tls.Engine.Tls13.Tls13Engine)ours.Engine).PeerKeyUpdates);
        ours.Engine.Close();
        BouncyCastlePeer.Talk(theirs, ours);
        Assert.True(theirs.IsClosed);
        Assert.True(ours.Engine.IsPeerClosed);
        Assert.Null(ours.Engine.Failure);
    }
}
