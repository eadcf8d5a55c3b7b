namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>server_name of TLS 1.3 clients is the name that certificates are checked for.</summary>
public sealed class Tls13NameTests
{
    [Theory]
    [InlineData("WWW.Example.CN", "www.example.cn")]
    [InlineData("www.example.cn.", "www.example.cn")]
    [InlineData("b\u00fccher.example", "xn--bcher-kva.example")]
    [InlineData("1", "1")]
    [InlineData("10.0.0.1", null)]
    [InlineData("[2001:db8::1]", null)]
    [Trait("Kind", "Unit")]
    public void Name_is_sent_in_the_form_of_certificates(string host, string? sent)
    {
        Tls13Setup setup = new();
        setup.ClientOptions.TargetHost = host;
        string? asked = "not asked";
        setup.ServerOptions.CredentialSelector = name =>
        {
            asked = name;
            return Tls13Setup.ServerCredential;
        };
        using EnginePair pair = setup.NewPair().Handshake();
        Assert.Equal(sent, asked);
        Assert.Equal(sent, pair.Client.Engine.ServerName);
    }
}
