using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

public sealed class SmHostNameTests
{
    private static readonly TestPki s_pki = new();

    [Theory]
    [InlineData("www.example.cn", "www.example.cn", true)]
    [InlineData("www.example.cn", "WWW.Example.CN.", true)]
    [InlineData("www.example.cn", "example.cn", false)]
    [InlineData("www.example.cn", "xwww.example.cn", false)]
    [InlineData("*.example.cn", "www.example.cn", true)]
    [InlineData("*.example.cn", "example.cn", false)]
    [InlineData("*.example.cn", "a.b.example.cn", false)]
    [InlineData("*.example.cn", ".example.cn", false)]
    [InlineData("*.example.cn", "*.example.cn", false)]
    [InlineData("*.cn", "example.cn", false)]
    [InlineData("w*.example.cn", "www.example.cn", false)]
    [InlineData("www.*.cn", "www.example.cn", false)]
    [InlineData("*", "localhost", false)]
    [InlineData("localhost", "localhost", true)]
    [InlineData("xn--fsqu00a.xn--0zwm56d", "例子.测试", true)]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    [InlineData("::1", "[::1]", true)]
    [InlineData("::1", "0:0:0:0:0:0:0:1", true)]
    [InlineData("10.0.0.1", "167772161", false)]
    [InlineData("www.example.cn", "www.example.cn\0.evil.cn", false)]
    public void Names_match_as_in_rfc_6125(string inCertificate, string wanted, bool matches)
    {
        bool isWritable = SmHostName.IsValid(inCertificate);
        SmCertificate certificate = isWritable
            ? s_pki.Ca.Issue(s_pki.Subject, s_pki.SignKey, SmCertificateProfile.Sign(TestPki.Now, TestPki.Now.AddDays(1)).For(inCertificate))
            : (s_pki.ForgedSign with { DnsNames = [inCertificate] }).Sign(s_pki.CaKey);
        Assert.Equal(matches, SmHostName.Matches(certificate, wanted));
    }

    [Fact]
    public void The_common_name_is_not_a_host_name()
    {
        SmCertificate certificate = s_pki.Ca.Issue(SmName.Create("www.example.cn"), s_pki.SignKey, SmCertificateProfile.Sign(TestPki.Now, TestPki.Now.AddDays(1)));
        Assert.False(SmHostName.Matches(certificate, "www.example.cn"));
    }

    [Fact]
    public void An_address_written_as_a_dns_name_does_not_match()
    {
        SmCertificate certificate = (s_pki.ForgedSign with { DnsNames = ["10.0.0.1"] }).Sign(s_pki.CaKey);
        Assert.False(SmHostName.Matches(certificate, "10.0.0.1"));
    }
}
