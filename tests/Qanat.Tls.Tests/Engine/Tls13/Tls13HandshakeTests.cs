using System.Net.Security;
using System.Security.Cryptography;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Our client with our server: every suite, group, kind of client authentication and of second hello, first anew and then resumed.</summary>
public sealed class Tls13HandshakeTests
{
    public enum Retry
    {
        None,
        Group,
        Cookie,
        GroupAndCookie,
    }

    public enum Client
    {
        NotAsked,
        AskedAndHasNone,
        AskedAndShows,
        MustShow,
    }

    public static TheoryData<SmCipherSuite, NamedGroup, Client, Retry> Matrix
    {
        get
        {
            TheoryData<SmCipherSuite, NamedGroup, Client, Retry> all = [];
            foreach (SmCipherSuite suite in (SmCipherSuite[])[SmCipherSuite.TlsSm4GcmSm3, SmCipherSuite.TlsSm4CcmSm3])
            {
                foreach (NamedGroup group in (NamedGroup[])[NamedGroup.CurveSm2, NamedGroup.CurveSm2MlKem768])
                {
                    foreach (Client client in Enum.GetValues<Client>())
                    {
                        foreach (Retry retry in Enum.GetValues<Retry>())
                        {
                            all.Add(suite, group, client, retry);
                        }
                    }
                }
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public void Both_ends_agree(SmCipherSuite suite, NamedGroup group, Client client, Retry retry)
    {
        Tls13Setup setup = new();
        setup.ServerOptions.CipherSuites = [suite];
        setup.ServerOptions.Groups = [group];
        NamedGroup other = group == NamedGroup.CurveSm2 ? NamedGroup.CurveSm2MlKem768 : NamedGroup.CurveSm2;
        setup.ClientOptions.Groups = retry is Retry.Group or Retry.GroupAndCookie ? [other, group] : [group, other];
        setup.AlwaysSendsCookie = retry is Retry.Cookie or Retry.GroupAndCookie;
        setup.ServerOptions.ClientCertificateMode = client switch
        {
            Client.NotAsked => SmClientCertificateMode.None,
            Client.MustShow => SmClientCertificateMode.Require,
            _ => SmClientCertificateMode.Request,
        };
        setup.ClientOptions.ClientCredential = client is Client.AskedAndHasNone ? null : Tls13Setup.ClientCredential;
        bool shows = client is Client.AskedAndShows or Client.MustShow;
        using (EnginePair first = setup.Connect())
        {
            Check(setup, first, suite, group, isResumed: false, shows);
        }
        using (EnginePair second = setup.Connect())
        {
            Check(setup, second, suite, group, isResumed: true, shows);
        }
        // The ticket of a resumed connection resumes again, with every byte in a record of its own.
        setup.ClientSettings = setup.ClientSettings with { HandshakeFragmentLength = 1, FragmentLength = 1, MaxIdleRecords = 100 };
        setup.ServerSettings = setup.ServerSettings with { HandshakeFragmentLength = 1, FragmentLength = 1, MaxIdleRecords = 100 };
        using (EnginePair third = setup.Connect())
        {
            Check(setup, third, suite, group, isResumed: true, shows);
        }
        setup.ClientOptions.Tickets!.Clear();
        using (EnginePair fourth = setup.Connect())
        {
            Check(setup, fourth, suite, group, isResumed: false, shows);
        }
    }

    [Fact]
    public void Messages_may_share_records()
    {
        Tls13Setup setup = new();
        setup.ServerOptions.ClientCertificateMode = SmClientCertificateMode.Require;
        setup.ClientOptions.ClientCredential = Tls13Setup.ClientCredential;
        setup.ClientSettings = setup.ClientSettings with { CoalescesMessages = true };
        setup.ServerSettings = setup.ServerSettings with { CoalescesMessages = true };
        using EnginePair pair = setup.Connect();
        Check(setup, pair, SmCipherSuite.TlsSm4GcmSm3, NamedGroup.CurveSm2, isResumed: false, clientShows: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Middlebox_compatibility_is_the_clients_choice(bool isOn)
    {
        Tls13Setup setup = new();
        setup.ClientOptions.MiddleboxCompatibility = isOn;
        Dictionary<bool, int> changes = new() { [true] = 0, [false] = 0 };
        using EnginePair pair = setup.NewPair((fromClient, record) =>
        {
            changes[fromClient] += record[0] == (byte)RecordType.ChangeCipherSpec ? 1 : 0;
            return [record];
        }).Handshake();
        Assert.True(pair.Client.Engine.IsHandshakeComplete && pair.Server.Engine.IsHandshakeComplete);
        Assert.Equal((isOn ? 1 : 0, isOn ? 1 : 0), (changes[true], changes[false]));
    }

    [Fact]
    public void Application_protocol_of_the_servers_preference_is_chosen()
    {
        Tls13Setup setup = new();
        setup.ServerOptions.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        setup.ClientOptions.ApplicationProtocols = [SslApplicationProtocol.Http11, SslApplicationProtocol.Http2];
        using EnginePair pair = setup.Connect();
        Assert.Equal(SslApplicationProtocol.Http2, pair.Client.Engine.ApplicationProtocol);
        Assert.Equal(SslApplicationProtocol.Http2, pair.Server.Engine.ApplicationProtocol);
    }

    [Fact]
    public void Without_protocols_at_one_end_none_is_agreed_on()
    {
        Tls13Setup setup = new();
        setup.ServerOptions.ApplicationProtocols = null;
        using EnginePair pair = setup.Connect();
        Assert.Equal(default, pair.Client.Engine.ApplicationProtocol);
        Assert.Equal(default, pair.Server.Engine.ApplicationProtocol);
    }

    [Fact]
    public void Certificate_follows_the_name_asked_for()
    {
        Tls13Setup setup = new();
        List<string?> asked = [];
        setup.ServerOptions.CredentialSelector = name =>
        {
            asked.Add(name);
            return name == TestPki.Host ? Tls13Setup.ServerCredential : null;
        };
        setup.Connect().Dispose();
        Assert.Equal([TestPki.Host], asked);
        setup.ClientOptions.TargetHost = "other.example.cn";
        using EnginePair other = setup.NewPair().Handshake();
        Assert.Equal(SmTlsError.UnrecognizedName, other.Server.Error);
        Assert.Equal(AlertDescription.UnrecognizedName, other.Client.Engine.Failure!.Alert);
    }

    private static void Check(Tls13Setup setup, EnginePair pair, SmCipherSuite suite, NamedGroup group, bool isResumed, bool clientShows)
    {
        foreach (EngineEnd end in (EngineEnd[])[pair.Client, pair.Server])
        {
            Assert.Equal(suite, end.Engine.CipherSuite);
            Assert.Equal(group, end.Engine.Group);
            Assert.Equal(isResumed, end.Engine.IsResumed);
            Assert.Equal(SslApplicationProtocol.Http11, end.Engine.ApplicationProtocol);
            Assert.Equal(TestPki.Host, end.Engine.ServerName);
            Assert.Equal(SmProtocol.Tls13, end.Engine.Protocol);
        }
        Assert.Equal(Tls13Setup.Pki.Sign, pair.Client.Engine.PeerChain!.SignCertificate);
        Assert.True(pair.Client.Engine.PeerChain.IsValid);
        Assert.Equal(clientShows ? Tls13Setup.ClientCredential.SignCertificate : null, pair.Server.Engine.PeerChain?.SignCertificate);
        byte[] request = RandomNumberGenerator.GetBytes(500), answer = RandomNumberGenerator.GetBytes(1000);
        Assert.Equal(request, pair.Send(fromClient: true, request));
        Assert.Equal(answer, pair.Send(fromClient: false, answer));
        Assert.Equal(5, setup.ClientSecrets.Count);
        Assert.Equal(setup.ServerSecrets.OrderBy(p => p.Key), setup.ClientSecrets.OrderBy(p => p.Key));
        byte[] here = new byte[48], there = new byte[48], otherwise = new byte[48];
        pair.Client.Engine.ExportKeyingMaterial("EXPORTER-test"u8, [1, 2], hasContext: true, here);
        pair.Server.Engine.ExportKeyingMaterial("EXPORTER-test"u8, [1, 2], hasContext: true, there);
        pair.Server.Engine.ExportKeyingMaterial("EXPORTER-test"u8, [1, 3], hasContext: true, otherwise);
        Assert.Equal(here, there);
        Assert.NotEqual(here, otherwise);
        Assert.Contains(KeyLogLine.Exporter, setup.ClientSecrets.Keys);
        pair.Client.Engine.Close();
        pair.Server.Engine.Close();
        pair.Talk();
        Assert.True(pair.Client.Engine.IsPeerClosed && pair.Server.Engine.IsPeerClosed);
        Assert.Null(pair.Client.Engine.Failure);
        Assert.Null(pair.Server.Engine.Failure);
    }
}
