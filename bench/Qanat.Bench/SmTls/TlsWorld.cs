using Qanat.Gm;
using Qanat.Tls;
using Qanat.Tls.Certificates;

namespace Qanat.Bench.SmTls;

/// <summary>A root, an authority below it, and credentials of a server and a client: what each side sends and verifies is two levels deep, as in the peers' measurements.</summary>
internal static class TlsWorld
{
    public const string Host = "www.example.cn";

    private static readonly DateTimeOffset s_from = DateTimeOffset.UtcNow.AddDays(-1), s_until = s_from.AddDays(90);
    private static readonly SmCertificateAuthority s_root =
        SmCertificateAuthority.CreateRoot(SmName.Create("Root", "Example"), Sm2.Create(), SmCertificateProfile.Authority(s_from.AddYears(-1), s_from.AddYears(9), null));
    private static readonly SmCertificateAuthority s_authority = MakeAuthority();

    public static SmTrustStore Trust { get; } = new([s_root.Certificate]);

    /// <summary>The root's key, for BouncyCastle.</summary>
    public static Org.BouncyCastle.Crypto.AsymmetricKeyParameter RootKey { get; } = new Org.BouncyCastle.X509.X509Certificate(s_root.Certificate.RawData.ToArray()).GetPublicKey();

    public static SmSslCredential Server { get; } = MakeCredential("server", Host);

    public static SmSslCredential Client { get; } = MakeCredential("client");

    public static SmSslClientAuthenticationOptions ClientOptions(SmCipherSuite suite, bool isMutual, bool isCached, NamedGroup group = NamedGroup.CurveSm2) => new()
    {
        TargetHost = Host,
        Protocol = suite.Protocol(),
        CipherSuites = [suite],
        Groups = [group],
        Trust = Trust,
        ClientCredential = isMutual ? Client : null,
        PeerDialects = null,
        VerifiedChainCache = isCached ? new SmVerifiedChainCache() : null,
    };

    public static SmSslServerAuthenticationOptions ServerOptions(SmCipherSuite suite, bool isMutual, bool isCached, NamedGroup group = NamedGroup.CurveSm2) => new()
    {
        Credential = Server,
        EnabledProtocols = [suite.Protocol()],
        CipherSuites = [suite],
        Groups = [group],
        Trust = Trust,
        ClientCertificateMode = isMutual ? SmClientCertificateMode.Require : SmClientCertificateMode.None,
        VerifiedChainCache = isCached ? new SmVerifiedChainCache() : null,
    };

    private static SmCertificateAuthority MakeAuthority()
    {
        Sm2 key = Sm2.Create();
        return new SmCertificateAuthority(s_root.Issue(SmName.Create("CA", "Example"), key, SmCertificateProfile.Authority(s_from.AddDays(-30), s_from.AddYears(4), 0)), key);
    }

    private static SmSslCredential MakeCredential(string name, params string[] hosts)
    {
        Sm2 sign = Sm2.Create(), encrypt = Sm2.Create();
        SmName subject = SmName.Create(name, "Example", country: "CN");
        return new SmSslCredential(
            [s_authority.Issue(subject, sign, SmCertificateProfile.Sign(s_from, s_until).For(hosts)), s_authority.Certificate], sign,
            s_authority.Issue(subject, encrypt, SmCertificateProfile.Encrypt(s_from, s_until).For(hosts)), encrypt);
    }
}
