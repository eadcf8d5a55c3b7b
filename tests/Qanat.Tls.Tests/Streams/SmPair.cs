using Microsoft.Extensions.Time.Testing;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Streams;

/// <summary>A client and a server connected in memory, with certificates of <see cref="TestPki"/> and its clock.</summary>
internal sealed class SmPair : IAsyncDisposable
{
    private static readonly TestPki s_pki = new();

    private SmPair(MemoryTransport clientTransport, MemoryTransport serverTransport)
    {
        (ClientTransport, ServerTransport) = (clientTransport, serverTransport);
        (Client, Server) = (new SmSslStream(clientTransport), new SmSslStream(serverTransport));
    }

    public static TestPki Pki => s_pki;

    /// <summary>The server's certificates and keys.</summary>
    public static SmSslCredential ServerCredential { get; } = new([s_pki.Sign, s_pki.Ca.Certificate], s_pki.SignKey, s_pki.Encrypt, s_pki.EncryptKey);

    /// <summary>A client's.</summary>
    public static SmSslCredential ClientCredential { get; } = Issue("client");

    public MemoryTransport ClientTransport { get; }

    public MemoryTransport ServerTransport { get; }

    public SmSslStream Client { get; }

    public SmSslStream Server { get; }

    public static FakeTimeProvider Clock() => new(TestPki.Now);

    public static SmSslClientAuthenticationOptions ClientOptions(SmProtocol protocol, params SmCipherSuite[] suites) => new()
    {
        TargetHost = TestPki.Host,
        Protocol = protocol,
        CipherSuites = suites.Length == 0 ? null : suites,
        Trust = s_pki.Trust,
        TimeProvider = Clock(),
        // Tests of failures must not teach the others.
        PeerDialects = null,
    };

    public static SmSslServerAuthenticationOptions ServerOptions() => new() { Credential = ServerCredential, Trust = s_pki.Trust, TimeProvider = Clock() };

    /// <summary>Two ends that have not done a handshake.</summary>
    public static SmPair Create(MemoryTransportLog? log = null, int window = 1 << 20)
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.Pair(log, window);
        return new SmPair(client, server);
    }

    /// <summary>Two ends that have done a handshake.</summary>
    public static async Task<SmPair> ConnectAsync(SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions? server = null, MemoryTransportLog? log = null, int window = 1 << 20)
    {
        SmPair pair = Create(log, window);
        await pair.HandshakeAsync(client, server ?? ServerOptions());
        return pair;
    }

    /// <summary>The common case for a suite: client certificates where the suite needs them.</summary>
    public static Task<SmPair> ConnectAsync(SmCipherSuite suite, MemoryTransportLog? log = null, int window = 1 << 20)
    {
        SmSslClientAuthenticationOptions client = ClientOptions(suite.Protocol(), suite);
        SmSslServerAuthenticationOptions server = ServerOptions();
        if (suite.IsEcdhe())
        {
            client.ClientCredential = ClientCredential;
            server.ClientCertificateMode = SmClientCertificateMode.Require;
        }
        return ConnectAsync(client, server, log, window);
    }

    public Task HandshakeAsync(SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server) =>
        Task.WhenAll(Client.AuthenticateAsClientAsync(client), Server.AuthenticateAsServerAsync(server));

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
    }

    /// <summary>A credential of the same authority.</summary>
    public static SmSslCredential Issue(string name, params string[] hosts)
    {
        Sm2 sign = Sm2.Create(), encrypt = Sm2.Create();
        SmName subject = SmName.Create(name, "Example", country: "CN");
        return new SmSslCredential(
            [s_pki.Ca.Issue(subject, sign, SmCertificateProfile.Sign(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(9)).For(hosts)), s_pki.Ca.Certificate], sign,
            s_pki.Ca.Issue(subject, encrypt, SmCertificateProfile.Encrypt(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(9)).For(hosts)), encrypt);
    }
}
