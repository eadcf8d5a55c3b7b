using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine;

/// <summary>Certificates in handshakes: mistakes with the pair, trust, names, times, what clients show and what applications say.</summary>
public sealed class TlcpCertificateTests
{
    public static TheoryData<string, SmTlsError> WrongChains => new()
    {
        { "none", SmTlsError.CertificateRequired },
        { "signing certificate alone", SmTlsError.UnsupportedCertificate },
        { "swapped", SmTlsError.UnsupportedCertificate },
        { "the signing certificate twice", SmTlsError.BadCertificate },
        { "encryption certificate of another subject", SmTlsError.UnsupportedCertificate },
        { "encryption certificate of another authority", SmTlsError.UnsupportedCertificate },
        { "encryption certificate expired", SmTlsError.CertificateExpired },
        { "encryption certificate that may sign", SmTlsError.UnsupportedCertificate },
        { "signing certificate that may not sign", SmTlsError.UnsupportedCertificate },
        { "without the intermediate", SmTlsError.UnknownCa },
        { "not DER", SmTlsError.BadCertificate },
        { "33 certificates", SmTlsError.DecodeError },
        { "12 certificates", SmTlsError.BadCertificate },
    };

    [Theory]
    [MemberData(nameof(WrongChains))]
    [Trait("Kind", "Unit")]
    public void A_servers_wrong_pair_is_refused_by_suites_of_both_kinds(string wrong, SmTlsError expected)
    {
        foreach (SmCipherSuite suite in (SmCipherSuite[])[SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EcdheSm4GcmSm3])
        {
            EnginePump pump = WithChain(suite, ofServer: true, Chain(wrong));
            Assert.True(expected == pump.Client.Failure!.Error, $"{suite}: {pump.Client.Failure.Error}, {pump.Client.Failure.Message}");
            Assert.Equal(expected.ToAlert(), pump.Server.Failure!.Alert);
            Assert.Null(pump.Client.PeerChain);
            pump.Dispose();
        }
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.EcdheSm4CbcSm3)]
    [Trait("Kind", "Unit")]
    public void A_clients_wrong_pair_is_refused_and_a_single_certificate_does_for_ecc_alone(SmCipherSuite suite)
    {
        byte[][] own = [.. TlcpWorld.ClientCredential.TlcpChain.Select(c => c.RawData.ToArray())];
        foreach ((byte[][] chain, SmTlsError expected) in new (byte[][], SmTlsError)[]
        {
            ([], SmTlsError.CertificateRequired),
            ([own[1], own[0], own[2]], SmTlsError.UnsupportedCertificate),
            ([own[0], own[0], own[2]], SmTlsError.BadCertificate),
            ([own[0], TlcpWorld.Pki.Encrypt.RawData.ToArray(), own[2]], SmTlsError.UnsupportedCertificate),
            // The signing certificate and its authority: what follows fails, since the client signed other messages.
            ([own[0], own[2]], suite.IsEcdhe() ? SmTlsError.UnsupportedCertificate : SmTlsError.BadSignature),
        })
        {
            using EnginePump pump = WithChain(suite, ofServer: false, chain);
            Assert.True(expected == pump.Server.Failure!.Error, $"{chain.Length}: {pump.Server.Failure.Error}, {pump.Server.Failure.Message}");
        }
    }

    [Theory]
    [InlineData(SmClientCertificateMode.None, true, null)]
    [InlineData(SmClientCertificateMode.Request, true, null)]
    [InlineData(SmClientCertificateMode.Require, false, SmTlsError.CertificateRequired)]
    [Trait("Kind", "Unit")]
    public void A_client_without_a_certificate_is_let_in_unless_one_is_required(SmClientCertificateMode mode, bool isLetIn, SmTlsError? expected)
    {
        using EnginePump pump = TlcpWorld.Pump(TlcpWorld.ClientOptions(), TlcpWorld.ServerOptions(mode)).Run();
        Assert.Equal(isLetIn, pump.Server.IsHandshakeComplete);
        Assert.Equal(expected, pump.Server.Failure?.Error);
        Assert.Equal(expected?.ToAlert(), pump.Client.Failure?.Alert);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Trust_names_and_times_are_checked_by_both_ends()
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions();
        client.Trust = TlcpWorld.OtherTrust;
        Assert.Equal(SmTlsError.UnknownCa, Fail(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None)).Client);
        client = TlcpWorld.ClientOptions();
        client.TargetHost = "mail.example.cn";
        Assert.Equal(SmTlsError.CertificateUnknown, Fail(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None)).Client);
        client = TlcpWorld.ClientOptions();
        client.TimeProvider = new StoppedClock(TestPki.Now.AddDays(100));
        Assert.Equal(SmTlsError.CertificateExpired, Fail(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None)).Client);
        client = TlcpWorld.ClientOptions();
        client.ClientCredential = TlcpWorld.ClientCredential;
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.Request);
        server.Trust = TlcpWorld.OtherTrust;
        // Asked for, shown, and not good: that is not the same as none.
        Assert.Equal(SmTlsError.UnknownCa, Fail(client, server).Server);

        static (SmTlsError? Client, SmTlsError? Server) Fail(SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server)
        {
            using EnginePump pump = TlcpWorld.Pump(client, server).Run();
            return (pump.Client.Failure?.Error, pump.Server.Failure?.Error);
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void The_application_may_refuse_a_good_chain_and_take_a_bad_one_but_not_one_without_keys()
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions();
        client.RemoteCertificateValidationCallback = chain => !chain.IsValid;
        using (EnginePump pump = TlcpWorld.Pump(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None)).Run())
        {
            Assert.Equal(SmTlsError.CertificateUnknown, pump.Client.Failure!.Error);
        }
        client.Trust = null;
        using (EnginePump pump = TlcpWorld.Pump(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None)).RunToCompletion())
        {
            Assert.False(pump.Client.PeerChain!.IsValid);
        }
        client.RemoteCertificateValidationCallback = _ => true;
        foreach (string wrong in (string[])["none", "not DER", "signing certificate alone"])
        {
            using EnginePump pump = WithChain(client, SmCipherSuite.EccSm4GcmSm3, ofServer: true, Chain(wrong));
            Assert.True(pump.Client.Failure!.Error is SmTlsError.BadCertificate or SmTlsError.UnsupportedCertificate, wrong);
        }
        client.RemoteCertificateValidationCallback = _ => throw new InvalidOperationException("the application's own mistake");
        using EnginePump thrown = TlcpWorld.Pump(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None)).Run();
        Assert.Equal(SmTlsError.InternalError, thrown.Client.Failure!.Error);
        Assert.IsType<InvalidOperationException>(thrown.Client.Failure.InnerException);
        Assert.Equal(AlertDescription.InternalError, thrown.Server.Failure!.Alert);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_server_needs_a_pair_and_a_client_of_ecdhe_alone_too()
    {
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.None);
        server.Credential = null;
        server.CredentialSelector = _ => new SmSslCredential([TlcpWorld.Pki.Sign, TlcpWorld.Pki.Ca.Certificate], TlcpWorld.Pki.SignKey);
        using EnginePump pump = TlcpWorld.Pump(TlcpWorld.ClientOptions(), server).Run();
        Assert.Equal(SmTlsError.CertificateMissing, pump.Server.Failure!.Error);
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(SmCipherSuite.EcdheSm4GcmSm3);
        Assert.Equal(SmTlsError.InvalidOptions, Assert.Throws<SmTlsException>(() => new TlcpClientEngine(client)).Error);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_certificate_request_names_the_authorities_that_are_trusted()
    {
        using TlcpForger forger = TlcpForger.Mutual(SmCipherSuite.EccSm4GcmSm3);
        forger.Pump.RunToCompletion();
        byte[] request = forger.Records(ofServer: true)[3][(RecordHeader.Size + HandshakeMessage.HeaderLength)..];
        Assert.Equal(SmTlsError.None, TlcpCertificateRequest.Read(request, out TlcpCertificateRequest message));
        Assert.True(message.Authorities.Contains(TlcpWorld.Pki.Root.Certificate.Subject.RawData.Span));
        Assert.Equal([TlcpCertificateRequest.EcdsaSign], message.CertificateTypes);
        // With a great many of them any authority is asked for, in a message of one record.
        SmTrustStore many = new([.. Enumerable.Range(0, 200).Select(i => (TlcpWorld.Pki.ForgedSign with
        {
            Subject = SmName.Create($"Root {i} with a rather long name so that the list of all is long", "Example"),
            IsAuthority = true,
        }).Sign(TlcpWorld.Pki.CaKey)), TlcpWorld.Pki.Root.Certificate]);
        Assert.Empty(many.AuthorityNames);
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.Require);
        server.Trust = many;
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions();
        client.ClientCredential = TlcpWorld.ClientCredential;
        using EnginePump pump = TlcpWorld.Pump(client, server).RunToCompletion();
        Assert.NotNull(pump.Server.PeerChain);
    }

    private static EnginePump WithChain(SmCipherSuite suite, bool ofServer, byte[][] chain)
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
        client.ClientCredential = TlcpWorld.ClientCredential;
        return WithChain(client, suite, ofServer, chain);
    }

    private static EnginePump WithChain(SmSslClientAuthenticationOptions client, SmCipherSuite suite, bool ofServer, byte[][] chain)
    {
        SmClientCertificateMode mode = client.ClientCredential is null ? SmClientCertificateMode.None : SmClientCertificateMode.Require;
        EnginePump pump = TlcpWorld.Pump(client, TlcpWorld.ServerOptions(mode, suite));
        using TlsWriter body = new();
        CertificateList.WriteTlcp(body, chain);
        byte[] record = TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.Certificate, body.Written));
        int sent = 0;
        pump.OnWire = (fromServer, original) => fromServer == ofServer && sent++ == 1 ? record : original;
        return pump.Run();
    }

    private static byte[][] Chain(string wrong)
    {
        TestPki pki = TlcpWorld.Pki;
        using Sm2 otherKey = Sm2.Create();
        SmCertificateAuthority otherCa = TestPki.Authority(pki.Root, "Other CA", otherKey, pathLength: 0);
        IReadOnlyList<SmCertificate> chain = wrong switch
        {
            "none" => [],
            "signing certificate alone" => [pki.Sign, pki.Ca.Certificate],
            "swapped" => [pki.Encrypt, pki.Sign, pki.Ca.Certificate],
            "the signing certificate twice" => [pki.Sign, pki.Sign, pki.Ca.Certificate],
            "encryption certificate of another subject" => [pki.Sign, TlcpWorld.ClientCredential.EncryptCertificate!, pki.Ca.Certificate],
            "encryption certificate of another authority" =>
                [pki.Sign, otherCa.Issue(pki.Subject, pki.EncryptKey, SmCertificateProfile.Encrypt(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(9)).For(TestPki.Host)), pki.Ca.Certificate, otherCa.Certificate],
            "encryption certificate expired" => [pki.Sign, (pki.ForgedEncrypt with { NotBefore = TestPki.Now.AddDays(-9), NotAfter = TestPki.Now.AddDays(-1) }).Sign(pki.CaKey), pki.Ca.Certificate],
            "encryption certificate that may sign" =>
                [pki.Sign, (pki.ForgedEncrypt with { KeyUsage = SmKeyUsage.KeyEncipherment | SmKeyUsage.DigitalSignature }).Sign(pki.CaKey), pki.Ca.Certificate],
            "signing certificate that may not sign" => [(pki.ForgedSign with { KeyUsage = SmKeyUsage.NonRepudiation }).Sign(pki.CaKey), pki.Encrypt, pki.Ca.Certificate],
            "without the intermediate" => [pki.Sign, pki.Encrypt],
            "12 certificates" => [.. Enumerable.Repeat(pki.Sign, 12)],
            _ => [],
        };
        return wrong == "not DER" ? [[1, 2, 3]] : wrong == "33 certificates" ? [.. Enumerable.Repeat((byte[])[0x30], 33)] : [.. chain.Select(c => c.RawData.ToArray())];
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void CertificateRequest_names_the_authorities_below_the_anchors_too()
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(SmCipherSuite.EccSm4GcmSm3);
        client.ClientCredential = TlcpWorld.ClientCredential;
        SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.Require, SmCipherSuite.EccSm4GcmSm3);
        server.Trust = new SmTrustStore([TlcpWorld.Pki.Root.Certificate], [TlcpWorld.Pki.Ca.Certificate]);
        using EnginePump pump = TlcpWorld.Pump(client, server).RunToCompletion();
        byte[] flight = [.. pump.Log.Where(record => record.FromServer).SelectMany(record => record.Record)];
        // gotlcp's client shows a certificate only when its issuer is among the names.
        byte[] root = TlcpWorld.Pki.Root.Certificate.Subject.RawData.ToArray(), authority = TlcpWorld.Pki.Ca.Certificate.Subject.RawData.ToArray();
        byte[] names = [0, (byte)root.Length, .. root, 0, (byte)authority.Length, .. authority];
        byte[] list = [0, (byte)names.Length, .. names];
        Assert.True(flight.AsSpan().IndexOf(list) >= 0);
    }
}
