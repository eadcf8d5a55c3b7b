using System.Net.Security;
using Qanat.Tls.Certificates;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Streams;

public sealed class SmSslOptionsTests
{
    private static readonly TestPki s_pki = new();
    private static readonly SmSslCredential s_pair = new([s_pki.Sign, s_pki.Ca.Certificate], s_pki.SignKey, s_pki.Encrypt, s_pki.EncryptKey);
    private static readonly SmSslCredential s_single = new([s_pki.Sign], s_pki.SignKey);

    public static TheoryData<string, Action<SmSslClientAuthenticationOptions>> WrongClients => new()
    {
        { "Trust", o => o.Trust = null },
        { "TargetHost", o => o.TargetHost = null },
        { "TargetHost", o => o.TargetHost = "*.example.cn" },
        { "TargetHost", o => o.TargetHost = "a b" },
        { "Protocol", o => o.Protocol = SmProtocol.None },
        { "CipherSuites", o => o.CipherSuites = [] },
        { "CipherSuites", o => o.CipherSuites = [SmCipherSuite.TlsSm4GcmSm3, SmCipherSuite.TlsSm4GcmSm3] },
        { "CipherSuites", o => o.CipherSuites = [(SmCipherSuite)0x1301] },
        { "CipherSuites", o => o.CipherSuites = [SmCipherSuite.EccSm4GcmSm3] },
        { "Groups", o => o.Groups = [NamedGroup.X25519] },
        { "Groups", o => o.Groups = [] },
        { "ApplicationProtocols", o => o.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http2] },
        { "ApplicationProtocols", o => o.ApplicationProtocols = [default] },
        { "TimeProvider", o => o.TimeProvider = null! },
        { "HandshakeTimeout", o => o.HandshakeTimeout = TimeSpan.Zero },
        { "HandshakeTimeout", o => o.HandshakeTimeout = TimeSpan.FromDays(100) },
        { "MaxHandshakeBytes", o => o.MaxHandshakeBytes = 100 },
        { "ClientCredential", o => (o.Protocol, o.CipherSuites) = (SmProtocol.Tlcp, [SmCipherSuite.EcdheSm4GcmSm3]) },
        { "ClientCredential", o => (o.Protocol, o.CipherSuites, o.ClientCredential) = (SmProtocol.Tlcp, [SmCipherSuite.EcdheSm4GcmSm3], s_single) },
    };

    public static TheoryData<string, Action<SmSslServerAuthenticationOptions>> WrongServers => new()
    {
        { "Credential", o => o.Credential = null },
        { "Credential", o => o.Credential = s_single },
        { "EnabledProtocols", o => o.EnabledProtocols = [] },
        { "EnabledProtocols", o => o.EnabledProtocols = [SmProtocol.None] },
        { "ClientCertificateMode", o => o.ClientCertificateMode = (SmClientCertificateMode)9 },
        { "Trust", o => o.ClientCertificateMode = SmClientCertificateMode.Request },
        { "CipherSuites", o => o.CipherSuites = [SmCipherSuite.TlsSm4GcmSm3] },
        { "ClientCertificateMode", o => o.CipherSuites = [SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.TlsSm4GcmSm3] },
    };

    [Theory]
    [MemberData(nameof(WrongClients))]
    public void Client_options_that_contradict_themselves_name_the_property(string property, Action<SmSslClientAuthenticationOptions> breakIt)
    {
        SmSslClientAuthenticationOptions options = Client();
        options.Validate();
        breakIt(options);
        RefusesNaming(property, options);
    }

    [Theory]
    [MemberData(nameof(WrongServers))]
    public void Server_options_that_contradict_themselves_name_the_property(string property, Action<SmSslServerAuthenticationOptions> breakIt)
    {
        SmSslServerAuthenticationOptions options = new() { Credential = s_pair };
        options.Validate();
        breakIt(options);
        RefusesNaming(property, options);
    }

    [Fact]
    public void A_validation_callback_takes_the_place_of_trust_and_of_the_host()
    {
        SmSslClientAuthenticationOptions client = new() { RemoteCertificateValidationCallback = result => result.Presented.Count > 0 };
        client.Validate();
        Assert.False(client.CreateValidator().Validate(s_pki.Pair, SmChainRequest.ServerOfAnyName(SmChainForm.Pair), TestPki.Now).IsValid);
        SmSslServerAuthenticationOptions server = new() { Credential = s_pair, ClientCertificateMode = SmClientCertificateMode.Require, RemoteCertificateValidationCallback = client.RemoteCertificateValidationCallback };
        server.Validate();
    }

    [Fact]
    public void A_credential_of_tls13_alone_serves_tls13_alone()
    {
        SmSslServerAuthenticationOptions options = new() { Credential = s_single, EnabledProtocols = [SmProtocol.Tls13] };
        options.Validate();
        Assert.Equal([SmProtocol.Tls13], options.Snapshot().EnabledProtocols);
    }

    [Fact]
    public void A_snapshot_does_not_change_with_the_options()
    {
        List<SmCipherSuite> suites = [SmCipherSuite.TlsSm4GcmSm3];
        SmSslClientAuthenticationOptions options = Client();
        options.CipherSuites = suites;
        SmSslClientAuthenticationOptions copy = options.Snapshot();
        suites.Add(SmCipherSuite.TlsSm4CcmSm3);
        options.TargetHost = "other.example.cn";
        Assert.Equal([SmCipherSuite.TlsSm4GcmSm3], copy.CipherSuites!);
        Assert.Equal(TestPki.Host, copy.TargetHost);
    }

    /// <summary>Every property must be copied: one that is forgotten would be ignored by handshakes.</summary>
    [Fact]
    public void A_snapshot_has_every_property()
    {
        SmSslClientAuthenticationOptions client = Client();
        SmSslServerAuthenticationOptions server = new() { Credential = s_pair, Trust = s_pki.Trust };
        Same(client, client.Snapshot(), AllSet);
        Same(server, server.Snapshot(), AllSet);
    }

    private static SmSslClientAuthenticationOptions Client() => new() { TargetHost = TestPki.Host, Trust = s_pki.Trust };

    private static void AllSet(object options)
    {
        foreach (System.Reflection.PropertyInfo property in options.GetType().GetProperties().Where(p => p.CanWrite))
        {
            object? other = property.PropertyType switch
            {
                { } type when type == typeof(bool) => !(bool)property.GetValue(options)!,
                { } type when type == typeof(int) => 77_777,
                { } type when type == typeof(TimeSpan) => TimeSpan.FromSeconds(77),
                { } type when type == typeof(SmProtocol) => SmProtocol.Tlcp,
                { } type when type == typeof(SmClientCertificateMode) => SmClientCertificateMode.Require,
                { } type when type == typeof(IReadOnlyList<NamedGroup>) => new[] { NamedGroup.CurveSm2 },
                { } type when type == typeof(IReadOnlyList<SslApplicationProtocol>) => new[] { SslApplicationProtocol.Http11 },
                { } type when type == typeof(SmSslCredential) => s_pair,
                { } type when type == typeof(SmChainOptions) => new SmChainOptions { MaxAuthorities = 3 },
                { } type when type == typeof(SmVerifiedChainCache) => new SmVerifiedChainCache(7),
                { } type when type == typeof(SmRemoteCertificateValidationCallback) => (SmRemoteCertificateValidationCallback)(result => result.IsValid),
                { } type when type == typeof(SmServerCredentialSelector) => (SmServerCredentialSelector)(_ => s_pair),
                { } type when type == typeof(Action<string>) => (Action<string>)(_ => { }),
                { } type when type == typeof(string) && property.Name != nameof(SmSslClientAuthenticationOptions.TargetHost) => "x",
                { } type when !type.IsAbstract && type.GetConstructors().FirstOrDefault(c => c.GetParameters().All(p => p.IsOptional)) is { } make =>
                    make.Invoke([.. make.GetParameters().Select(p => p.DefaultValue is DBNull ? null : p.DefaultValue)]),
                _ => null,
            };
            if (other is not null)
            {
                property.SetValue(options, other);
            }
        }
    }

    private static void Same(object options, object unset, Action<object> setAll)
    {
        setAll(options);
        object copy = options switch
        {
            SmSslClientAuthenticationOptions client => client.Snapshot(),
            SmSslServerAuthenticationOptions server => server.Snapshot(),
            _ => throw new ArgumentException("no options", nameof(options)),
        };
        foreach (System.Reflection.PropertyInfo property in options.GetType().GetProperties().Where(p => p.CanWrite))
        {
            object? expected = property.GetValue(options), found = property.GetValue(copy);
            if (expected is System.Collections.IEnumerable list and not string)
            {
                Assert.True(found is System.Collections.IEnumerable, property.Name);
                Assert.Equal(list.Cast<object>(), ((System.Collections.IEnumerable)found!).Cast<object>());
            }
            else
            {
                Assert.True(Equals(expected, found), property.Name);
            }
        }
        Assert.NotSame(unset, copy);
    }

    private static void RefusesNaming(string property, SmSslAuthenticationOptions options)
    {
        SmTlsException e = Assert.Throws<SmTlsException>(options.Validate);
        Assert.Equal(SmTlsError.InvalidOptions, e.Error);
        Assert.StartsWith(property + " ", e.Message, StringComparison.Ordinal);
    }
}
