using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>A root, an intermediate and a pair for www.example.cn; tests break one thing at a time.</summary>
internal sealed class TestPki
{
    public static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    public const string Host = "www.example.cn";

    public Sm2 RootKey { get; } = Sm2.Create();
    public Sm2 CaKey { get; } = Sm2.Create();
    public Sm2 SignKey { get; } = Sm2.Create();
    public Sm2 EncryptKey { get; } = Sm2.Create();
    public SmName Subject { get; } = SmName.Create("server", "Example", country: "CN");
    public SmCertificateAuthority Root { get; }
    public SmCertificateAuthority Ca { get; }
    public SmCertificate Sign { get; }
    public SmCertificate Encrypt { get; }

    public TestPki()
    {
        Root = SmCertificateAuthority.CreateRoot(SmName.Create("Root", "Example"), RootKey, SmCertificateProfile.Authority(Now.AddYears(-1), Now.AddYears(9), null));
        Ca = Authority(Root, "CA", CaKey, pathLength: 0);
        Sign = Ca.Issue(Subject, SignKey, SmCertificateProfile.Sign(Now.AddDays(-1), Now.AddDays(90)).For(Host));
        Encrypt = Ca.Issue(Subject, EncryptKey, SmCertificateProfile.Encrypt(Now.AddDays(-1), Now.AddDays(90)).For(Host));
    }

    /// <summary>What the peer sends.</summary>
    public SmCertificate[] Pair => [Sign, Encrypt, Ca.Certificate];

    public SmTrustStore Trust => new([Root.Certificate]);

    public static SmCertificateAuthority Authority(SmCertificateAuthority above, string name, Sm2 key, int? pathLength) =>
        new(above.Issue(SmName.Create(name, "Example"), key, SmCertificateProfile.Authority(Now.AddDays(-30), Now.AddYears(4), pathLength)), key);

    /// <summary>A signing certificate of the intermediate, to be changed with <c>with</c>.</summary>
    public ForgedCertificate ForgedSign => Forged(SignKey, SmKeyUsage.DigitalSignature);

    /// <summary>An encryption certificate of the intermediate.</summary>
    public ForgedCertificate ForgedEncrypt => Forged(EncryptKey, SmKeyUsage.KeyEncipherment | SmKeyUsage.DataEncipherment | SmKeyUsage.KeyAgreement);

    /// <summary>An intermediate of the root.</summary>
    public ForgedCertificate ForgedCa => new()
    {
        Subject = Ca.Certificate.Subject,
        Issuer = Root.Certificate.Subject,
        PublicKeyInfo = Sm2Keys.WriteSubjectPublicKeyInfo(CaKey),
        KeyUsage = SmKeyUsage.KeyCertSign | SmKeyUsage.CrlSign,
        IsAuthority = true,
    };

    public SmChainResult Validate(params SmCertificate[] chain) => Validate(new SmChainOptions(), chain);

    public SmChainResult Validate(SmChainOptions options, params SmCertificate[] chain) =>
        new SmChainValidator(Trust, options).Validate(chain, SmChainRequest.Server(Host, SmChainForm.Pair), Now);

    private ForgedCertificate Forged(Sm2 key, SmKeyUsage usage) => new()
    {
        Subject = Subject,
        Issuer = Ca.Certificate.Subject,
        PublicKeyInfo = Sm2Keys.WriteSubjectPublicKeyInfo(key),
        KeyUsage = usage,
        DnsNames = [Host],
    };
}
