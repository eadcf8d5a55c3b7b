using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.AspNetCore.Tests;

/// <summary>An authority with a server's and a client's pair, valid now.</summary>
internal static class Pki
{
    private static readonly DateTimeOffset s_from = DateTimeOffset.UtcNow.AddHours(-1);
    private static readonly SmCertificateAuthority s_root = SmCertificateAuthority.CreateRoot(
        SmName.Create("Root", "Example"), Sm2.Create(), SmCertificateProfile.Authority(s_from, s_from.AddDays(9), pathLength: null));

    public static SmTrustStore Trust { get; } = new([s_root.Certificate]);

    public static SmSslCredential Server { get; } = Issue("server", "localhost", "127.0.0.1");

    public static SmSslCredential Client { get; } = Issue("client");

    public static SmSslServerAuthenticationOptions ServerOptions() => new() { Credential = Server, Trust = Trust };

    public static SmSslClientAuthenticationOptions ClientOptions(SmProtocol protocol) => new() { Protocol = protocol, Trust = Trust, PeerDialects = null };

    private static SmSslCredential Issue(string name, params string[] hosts)
    {
        Sm2 sign = Sm2.Create(), encrypt = Sm2.Create();
        SmName subject = SmName.Create(name, "Example");
        return new SmSslCredential(
            [s_root.Issue(subject, sign, SmCertificateProfile.Sign(s_from, s_from.AddDays(8)).For(hosts))], sign,
            s_root.Issue(subject, encrypt, SmCertificateProfile.Encrypt(s_from, s_from.AddDays(8)).For(hosts)), encrypt);
    }
}
