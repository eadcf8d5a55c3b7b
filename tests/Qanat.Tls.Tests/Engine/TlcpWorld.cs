using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine;

/// <summary>A PKI, credentials and options for TLCP engines. The certificates are made once; the options are new each time, to be changed.</summary>
internal static class TlcpWorld
{
    public const string Host = TestPki.Host;

    public static readonly SmCipherSuite[] Suites = [SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3, SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EcdheSm4CbcSm3];

    private static readonly Sm2 s_clientSignKey = Sm2.Create();
    private static readonly Sm2 s_clientEncryptKey = Sm2.Create();

    public static TestPki Pki { get; } = new();

    public static StoppedClock Clock { get; } = new(TestPki.Now);

    public static SmTrustStore Trust { get; } = Pki.Trust;

    /// <summary>Another authority's trust: nobody here is believed.</summary>
    public static SmTrustStore OtherTrust { get; } = new([SmCertificateAuthority.CreateRoot(
        SmName.Create("Stranger", "Elsewhere"), Sm2.Create(), SmCertificateProfile.Authority(TestPki.Now.AddYears(-1), TestPki.Now.AddYears(9), null)).Certificate]);

    public static SmSslCredential ServerCredential { get; } = new([Pki.Sign, Pki.Ca.Certificate], Pki.SignKey, Pki.Encrypt, Pki.EncryptKey);

    public static SmName ClientName { get; } = SmName.Create("client", "Example", country: "CN");

    public static SmSslCredential ClientCredential { get; } = new(
        [Pki.Ca.Issue(ClientName, s_clientSignKey, SmCertificateProfile.Sign(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(90))), Pki.Ca.Certificate], s_clientSignKey,
        Pki.Ca.Issue(ClientName, s_clientEncryptKey, SmCertificateProfile.Encrypt(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(90))), s_clientEncryptKey);

    public static SmSslClientAuthenticationOptions ClientOptions(params SmCipherSuite[] suites) => new()
    {
        TargetHost = Host,
        Protocol = SmProtocol.Tlcp,
        Trust = Trust,
        TimeProvider = Clock,
        CipherSuites = suites.Length > 0 ? suites : null,
        PeerDialects = null,
    };

    public static SmSslServerAuthenticationOptions ServerOptions(SmClientCertificateMode mode, params SmCipherSuite[] suites) => new()
    {
        Credential = ServerCredential,
        Trust = Trust,
        TimeProvider = Clock,
        ClientCertificateMode = mode,
        EnabledProtocols = [SmProtocol.Tlcp],
        CipherSuites = suites.Length > 0 ? suites : null,
    };

    public static EnginePump Pump(SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server, Func<TlsEngineSettings, TlsEngineSettings>? change = null)
    {
        change ??= settings => settings;
        return new EnginePump(
            new TlcpClientEngine(client.Snapshot(), change(TlsEngineSettings.From(client))),
            new TlcpServerEngine(server.Snapshot(), change(TlsEngineSettings.From(server))));
    }

    /// <summary>A mutual handshake of one suite, ready to run.</summary>
    public static EnginePump Mutual(SmCipherSuite suite, Func<TlsEngineSettings, TlsEngineSettings>? change = null)
    {
        SmSslClientAuthenticationOptions client = ClientOptions(suite);
        client.ClientCredential = ClientCredential;
        return Pump(client, ServerOptions(SmClientCertificateMode.Require, suite), change);
    }

    /// <summary>A handshake of an ECC suite in which only the server shows certificates.</summary>
    public static EnginePump OneSided(SmCipherSuite suite = SmCipherSuite.EccSm4GcmSm3, Func<TlsEngineSettings, TlsEngineSettings>? change = null) =>
        Pump(ClientOptions(suite), ServerOptions(SmClientCertificateMode.None, suite), change);
}
