using Org.BouncyCastle.Asn1.GM;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Operators;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Pkcs;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>What is issued here is read and verified by BouncyCastle, and the other way round.</summary>
public sealed class SmCertificateAuthorityTests
{
    private static readonly TestPki s_pki = new();

    [Fact]
    public void BouncyCastle_reads_and_verifies_what_is_issued()
    {
        X509Certificate root = Read(s_pki.Root.Certificate), ca = Read(s_pki.Ca.Certificate), sign = Read(s_pki.Sign), encrypt = Read(s_pki.Encrypt);
        root.Verify(root.GetPublicKey());
        ca.Verify(root.GetPublicKey());
        sign.Verify(ca.GetPublicKey());
        encrypt.Verify(ca.GetPublicKey());
        Assert.Throws<InvalidKeyException>(() => sign.Verify(root.GetPublicKey()));
        Assert.Equal(s_pki.Sign.RawData.ToArray(), sign.GetEncoded());
        Assert.Equal([true, false, false, false, false], sign.GetKeyUsage()[..5]);
        Assert.Equal([false, false, true, true, true], encrypt.GetKeyUsage()[..5]);
        Assert.Equal((int.MaxValue, 0, -1), (root.GetBasicConstraints(), ca.GetBasicConstraints(), sign.GetBasicConstraints()));
        Assert.Equal(TestPki.Host, sign.GetSubjectAlternativeNameExtension().GetNames()[0].Name.ToString());
        Assert.Equal(s_pki.Sign.NotAfter.UtcDateTime, sign.NotAfter);
    }

    [Fact]
    public void What_BouncyCastle_issues_is_read_and_accepted()
    {
        AsymmetricCipherKeyPair root = NewKey(), sign = NewKey(), encrypt = NewKey();
        SmCertificate rootCertificate = Issue("Root", "Root", root.Public, root.Private, KeyUsage.KeyCertSign | KeyUsage.CrlSign, isAuthority: true);
        SmCertificate[] pair =
        [
            Issue("server", "Root", sign.Public, root.Private, KeyUsage.DigitalSignature, isAuthority: false),
            Issue("server", "Root", encrypt.Public, root.Private, KeyUsage.KeyEncipherment | KeyUsage.KeyAgreement, isAuthority: false),
        ];
        SmChainResult result = new SmChainValidator(new SmTrustStore([rootCertificate])).Validate(pair, SmChainRequest.Server("localhost", SmChainForm.Pair), TestPki.Now);
        Assert.True(result.IsValid, result.ToString());
    }

    [Fact]
    public void Revocation_lists_are_read_by_BouncyCastle()
    {
        SmCertificateRevocationList list = s_pki.Ca.IssueRevocationList([KeyValuePair.Create(s_pki.Sign.SerialNumber, TestPki.Now)], 9, TestPki.Now, TestPki.Now.AddDays(1));
        X509Crl crl = new X509CrlParser().ReadCrl(list.RawData.ToArray());
        crl.Verify(Read(s_pki.Ca.Certificate).GetPublicKey());
        Assert.True(crl.IsRevoked(Read(s_pki.Sign)));
        Assert.False(crl.IsRevoked(Read(s_pki.Encrypt)));
    }

    [Fact]
    public void Requests_are_read_by_BouncyCastle_and_its_own_are_read()
    {
        SmCertificateRequest ours = SmCertificateRequest.Create(SmName.Create("server"), s_pki.SignKey, "a.example.cn", "10.0.0.1");
        Assert.True(new Pkcs10CertificationRequest(ours.RawData.ToArray()).Verify());
        SmCertificateRequest read = SmCertificateRequest.FromPem(ours.ToPem());
        Assert.Equal(("CN=server", "a.example.cn", "10.0.0.1"), (read.Subject.ToString(), read.DnsNames.Single(), read.IPAddresses.Single().ToString()));
        AsymmetricCipherKeyPair key = NewKey();
        Pkcs10CertificationRequest theirs = new(new Asn1SignatureFactory("SM3WITHSM2", key.Private), new X509Name("CN=theirs"), key.Public, null);
        SmCertificateRequest parsed = SmCertificateRequest.Parse(theirs.GetDerEncoded());
        Assert.Equal("CN=theirs", parsed.Subject.ToString());
        SmCertificate issued = s_pki.Ca.Issue(parsed, SmCertificateProfile.Sign(TestPki.Now, TestPki.Now.AddDays(1)));
        Assert.Equal(((ECPublicKeyParameters)key.Public).Q.GetEncoded(false), issued.PublicKey.PublicKey.ToArray());
    }

    [Fact]
    public void A_request_that_is_not_signed_by_its_own_key_is_refused()
    {
        byte[] der = SmCertificateRequest.Create(SmName.Create("server"), s_pki.SignKey, "a.example.cn").RawData.ToArray();
        int name = der.AsSpan().IndexOf("server"u8);
        der[name] ^= 1;
        Assert.Equal(SmCertificateError.BadSignature, Assert.Throws<SmCertificateException>(() => SmCertificateRequest.Parse(der)).Error);
        Random random = new(7);
        for (int i = 0; i < 2000; i++)
        {
            byte[] mutated = DerMutation.Next(random, der);
            Assert.Throws<SmCertificateException>(() => SmCertificateRequest.Parse(mutated));
        }
    }

    [Fact]
    public void Profiles_that_contradict_themselves_or_outlive_the_authority_are_refused()
    {
        SmCertificateProfile good = SmCertificateProfile.Sign(TestPki.Now, TestPki.Now.AddDays(1));
        void Refused(string why, SmCertificateProfile profile) =>
            Assert.Contains(why, Assert.Throws<ArgumentException>(() => s_pki.Ca.Issue(s_pki.Subject, s_pki.SignKey, profile)).Message, StringComparison.Ordinal);
        Refused("NotAfter", good with { NotAfter = TestPki.Now.AddYears(20) });
        Refused("NotAfter", good with { NotAfter = TestPki.Now });
        Refused("KeyUsage", good with { KeyUsage = SmKeyUsage.None });
        Refused("KeyCertSign", good with { KeyUsage = SmKeyUsage.KeyCertSign });
        Refused("PathLength", good with { PathLength = 1 });
        Refused("PathLength", SmCertificateProfile.Authority(TestPki.Now, TestPki.Now.AddDays(1), pathLength: 0)); // below an authority of path length 0
        Assert.Throws<ArgumentException>(() => good.For("not a host"));
        Assert.Throws<ArgumentException>(() => new SmCertificateAuthority(s_pki.Ca.Certificate, s_pki.RootKey));
        Assert.Throws<ArgumentException>(() => new SmCertificateAuthority(s_pki.Sign, s_pki.SignKey));
    }

    [Fact]
    public void Times_after_2049_are_written_and_read()
    {
        DateTimeOffset end = new(2070, 1, 2, 3, 4, 5, TimeSpan.Zero);
        SmCertificateAuthority root = SmCertificateAuthority.CreateRoot(SmName.Create("R"), s_pki.RootKey, SmCertificateProfile.Authority(TestPki.Now, end, null));
        Assert.Equal(end, root.Certificate.NotAfter);
        Assert.Equal(end.UtcDateTime, Read(root.Certificate).NotAfter);
    }

    [Fact]
    public void A_certificate_may_end_in_the_same_second_as_its_authority()
    {
        DateTimeOffset end = TestPki.Now.AddYears(1).AddMilliseconds(700);
        SmCertificateAuthority root = SmCertificateAuthority.CreateRoot(SmName.Create("R"), s_pki.RootKey, SmCertificateProfile.Authority(TestPki.Now, end, null));
        Assert.Equal(TestPki.Now.AddYears(1), root.Issue(s_pki.Subject, s_pki.SignKey, SmCertificateProfile.Sign(TestPki.Now, end)).NotAfter);
    }

    private static X509Certificate Read(SmCertificate certificate) => new(certificate.RawData.ToArray());

    private static AsymmetricCipherKeyPair NewKey()
    {
        IAsymmetricCipherKeyPairGenerator generator = GeneratorUtilities.GetKeyPairGenerator("EC");
        generator.Init(new ECKeyGenerationParameters(GMObjectIdentifiers.sm2p256v1, new SecureRandom()));
        return generator.GenerateKeyPair();
    }

    private static SmCertificate Issue(string subject, string issuer, AsymmetricKeyParameter key, AsymmetricKeyParameter issuerKey, int usage, bool isAuthority)
    {
        X509V3CertificateGenerator generator = new();
        generator.SetSerialNumber(BigInteger.ProbablePrime(64, new Random(subject.Length + usage)));
        generator.SetSubjectDN(new X509Name("CN=" + subject));
        generator.SetIssuerDN(new X509Name("CN=" + issuer));
        generator.SetNotBefore(TestPki.Now.UtcDateTime.AddDays(-1));
        generator.SetNotAfter(TestPki.Now.UtcDateTime.AddDays(1));
        generator.SetPublicKey(key);
        generator.AddExtension(X509Extensions.KeyUsage, true, new KeyUsage(usage));
        if (isAuthority)
        {
            generator.AddExtension(X509Extensions.BasicConstraints, true, new BasicConstraints(true));
        }
        generator.AddExtension(X509Extensions.SubjectAlternativeName, false, new GeneralNames(new GeneralName(GeneralName.DnsName, "localhost")));
        return SmCertificate.Parse(generator.Generate(new Asn1SignatureFactory("SM3WITHSM2", issuerKey)).GetEncoded());
    }
}
