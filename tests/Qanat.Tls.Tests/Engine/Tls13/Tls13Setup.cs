using System.Net.Security;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;
using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Schedule;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>A PKI, a clock and the options of two ends that agree; tests change one thing at a time.</summary>
internal sealed class Tls13Setup
{
    private static readonly TestPki s_pki = new();
    private static readonly Sm2 s_clientKey = Sm2.Create();

    public static TestPki Pki => s_pki;

    public static SmSslCredential ServerCredential { get; } = new([s_pki.Sign, s_pki.Ca.Certificate], s_pki.SignKey);

    public static SmSslCredential ClientCredential { get; } = new(
        [s_pki.Ca.Issue(SmName.Create("client", "Example"), s_clientKey, SmCertificateProfile.Sign(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(90))), s_pki.Ca.Certificate],
        s_clientKey);

    private static readonly SmVerifiedChainCache s_chains = new();

    public ManualTime Time { get; } = new(TestPki.Now);

    public SmSslClientAuthenticationOptions ClientOptions { get; }

    public SmSslServerAuthenticationOptions ServerOptions { get; }

    public TlsEngineSettings ClientSettings { get; set; }

    public TlsEngineSettings ServerSettings { get; set; }

    public bool AlwaysSendsCookie { get; set; }

    /// <summary>Secrets by label, of the last connection; see <see cref="KeyLogLine"/>.</summary>
    public Dictionary<string, byte[]> ClientSecrets { get; } = [];

    public Dictionary<string, byte[]> ServerSecrets { get; } = [];

    public Tls13Setup()
    {
        ClientOptions = new SmSslClientAuthenticationOptions
        {
            TargetHost = TestPki.Host,
            Trust = s_pki.Trust,
            VerifiedChainCache = s_chains,
            TimeProvider = Time,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            Tickets = new SmTicketStore(),
            PeerDialects = new SmPeerDialects(),
        };
        ServerOptions = new SmSslServerAuthenticationOptions
        {
            Credential = ServerCredential,
            Trust = s_pki.Trust,
            VerifiedChainCache = s_chains,
            TimeProvider = Time,
            EnabledProtocols = [SmProtocol.Tls13],
            ApplicationProtocols = [SslApplicationProtocol.Http11],
            TicketKeys = new SmTicketKeys(),
        };
        ClientSettings = new TlsEngineSettings { Time = Time, KeyLog = line => Note(ClientSecrets, line) };
        ServerSettings = new TlsEngineSettings { Time = Time, KeyLog = line => Note(ServerSecrets, line) };
    }

    private static void Note(Dictionary<string, byte[]> secrets, string line)
    {
        string[] parts = line.Split(' ');
        secrets[parts[0]] = Convert.FromHexString(parts[2]);
    }

    public Tls13ClientEngine NewClient()
    {
        ClientOptions.Validate();
        return new(ClientOptions, ClientSettings);
    }

    public Tls13ServerEngine NewServer()
    {
        ServerOptions.Validate();
        return new(ServerOptions, ServerSettings) { AlwaysSendsCookie = AlwaysSendsCookie };
    }

    public EnginePair NewPair(Func<bool, byte[], IEnumerable<byte[]>>? wire = null) => new(NewClient(), NewServer()) { Wire = wire };

    /// <summary>A whole handshake that must be done.</summary>
    public EnginePair Connect()
    {
        EnginePair pair = NewPair().Handshake();
        Assert.Null(pair.Client.Engine.Failure);
        Assert.Null(pair.Server.Engine.Failure);
        Assert.True(pair.Client.Engine.IsHandshakeComplete && pair.Server.Engine.IsHandshakeComplete);
        return pair;
    }
}

/// <summary>A clock that stands still until it is set.</summary>
internal sealed class ManualTime(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
