using System.Net.Security;
using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>Choices that nobody offered, and clients made to fall back.</summary>
public sealed class TlcpDowngradeTests
{
    [Fact]
    [Trait("Kind", "Unit")]
    public void A_client_that_says_it_fell_back_is_refused_where_tls_13_is_spoken()
    {
        SmSslServerAuthenticationOptions options = TlcpWorld.ServerOptions(SmClientCertificateMode.None);
        foreach (bool isTls13Spoken in (bool[])[false, true])
        {
            options.EnabledProtocols = isTls13Spoken ? [SmProtocol.Tlcp, SmProtocol.Tls13] : [SmProtocol.Tlcp];
            Assert.Equal(isTls13Spoken ? SmTlsError.InappropriateFallback : SmTlsError.None, Offer(options, ProtocolVersions.Tlcp, SmCipherSuites.FallbackScsv, (ushort)SmCipherSuite.EccSm4GcmSm3));
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_hello_of_another_version_or_without_a_common_suite_is_refused()
    {
        SmSslServerAuthenticationOptions options = TlcpWorld.ServerOptions(SmClientCertificateMode.None);
        ushort gcm = (ushort)SmCipherSuite.EccSm4GcmSm3;
        Assert.Equal(SmTlsError.UnsupportedVersion, Offer(options, ProtocolVersions.Tls12, gcm));
        Assert.Equal(SmTlsError.UnsupportedVersion, Offer(options, 0x0102, gcm));
        Assert.Equal(SmTlsError.NoCommonSuite, Offer(options, ProtocolVersions.Tlcp, 0x00C6, 0x1301, SmCipherSuites.EmptyRenegotiationInfoScsv));
        // ECDHE suites need a client's certificates, and this server asks for none.
        Assert.Equal(SmTlsError.NoCommonSuite, Offer(options, ProtocolVersions.Tlcp, (ushort)SmCipherSuite.EcdheSm4GcmSm3));
        Assert.Equal(SmTlsError.None, Offer(options, ProtocolVersions.Tlcp, 0xE019, 0xE01C, gcm));
    }

    public static TheoryData<string, SmTlsError> Choices => new()
    {
        { "a suite that was not offered", SmTlsError.IllegalParameter },
        { "a suite of TLS 1.3", SmTlsError.IllegalParameter },
        { "a suite without encryption", SmTlsError.IllegalParameter },
        { "version 3.3", SmTlsError.UnsupportedVersion },
        { "compression", SmTlsError.IllegalParameter },
        { "session_ticket", SmTlsError.UnsupportedExtension },
        { "supported_versions", SmTlsError.UnsupportedExtension },
        { "server_name", SmTlsError.None },
        { "server_name twice", SmTlsError.IllegalParameter },
        { "a protocol that was not offered", SmTlsError.IllegalParameter },
        { "two protocols", SmTlsError.DecodeError },
        { "an offered protocol", SmTlsError.None },
        { "an empty block", SmTlsError.None },
    };

    [Theory]
    [MemberData(nameof(Choices))]
    [Trait("Kind", "Unit")]
    public void A_server_that_chooses_what_was_not_offered_is_refused(string choice, SmTlsError expected)
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(SmCipherSuite.EccSm4GcmSm3);
        client.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        using TlcpForger forger = new(client, TlcpWorld.ServerOptions(SmClientCertificateMode.None, SmCipherSuite.EccSm4GcmSm3));
        forger.Limits[1] = 1;
        forger.Change = (fromServer, index, record) => fromServer ? Choose(choice) : record;
        forger.Pump.Run();
        Assert.Equal(expected, forger.Pump.Client.Failure?.Error ?? SmTlsError.None);
        Assert.Equal(choice == "an offered protocol" ? SslApplicationProtocol.Http11 : default, forger.Pump.Client.ApplicationProtocol);
    }

    private static byte[] Choose(string choice)
    {
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ServerHello))
        {
            SmCipherSuite suite = choice switch
            {
                "a suite that was not offered" => SmCipherSuite.EccSm4CbcSm3,
                "a suite of TLS 1.3" => SmCipherSuite.TlsSm4GcmSm3,
                "a suite without encryption" => SmCipherSuite.None,
                _ => SmCipherSuite.EccSm4GcmSm3,
            };
            ServerHello.WriteFields(writer, choice == "version 3.3" ? ProtocolVersions.Tls12 : ProtocolVersions.Tlcp, new byte[32], [], suite);
            if (choice == "compression")
            {
                writer.WrittenMutable[^1] = 1;
            }
            using (choice is "compression" || choice.Contains("suite", StringComparison.Ordinal) || choice.StartsWith("version", StringComparison.Ordinal) ? default : writer.Vector16())
            {
                switch (choice)
                {
                    case "session_ticket": TlsExtensions.WriteEmpty(writer, ExtensionType.SessionTicket); break;
                    case "supported_versions": TlsExtensions.WriteSelectedVersion(writer, ProtocolVersions.Tls13); break;
                    case "server_name": TlsExtensions.WriteEmpty(writer, ExtensionType.ServerName); break;
                    case "server_name twice":
                        TlsExtensions.WriteEmpty(writer, ExtensionType.ServerName);
                        TlsExtensions.WriteEmpty(writer, ExtensionType.ServerName);
                        break;
                    case "a protocol that was not offered": TlsExtensions.WriteApplicationProtocols(writer, ["h3"]); break;
                    case "two protocols": TlsExtensions.WriteApplicationProtocols(writer, ["h2", "http/1.1"]); break;
                    case "an offered protocol": TlsExtensions.WriteApplicationProtocols(writer, ["http/1.1"]); break;
                }
            }
        }
        return TlcpForger.Plain(RecordType.Handshake, writer.Written);
    }

    private static SmTlsError Offer(SmSslServerAuthenticationOptions options, ushort version, params ushort[] suites)
    {
        using TlcpServerEngine engine = new(options.Snapshot());
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ClientHello))
        {
            ClientHello.WriteFields(writer, version, new byte[32], [], suites);
        }
        byte[] message = writer.Written.ToArray();
        return engine.Receive(new RecordHeader(RecordType.Handshake, ProtocolVersions.Tlcp, message.Length), message, out _);
    }
}
