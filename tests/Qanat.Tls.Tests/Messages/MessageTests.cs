using System.Text;
using CsCheck;
using Qanat.Tls.Messages;
using static Qanat.Tls.Tests.Messages.MessageSamples;

namespace Qanat.Tls.Tests.Messages;

public sealed class MessageTests
{
    public static TheoryData<string> Names => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_written_is_read(string name) => Assert.Equal(SmTlsError.None, All[name].Read(All[name].Body));

    [Fact]
    public void Client_hello_of_tls13_shows_every_extension()
    {
        byte[] message = Write(w =>
        {
            using (w.Handshake(HandshakeType.ClientHello))
            {
                WriteTls13ClientHello(w);
            }
        });
        Assert.Equal(SmTlsError.None, ClientHello.Read(message.AsSpan(4), out ClientHello hello));
        Assert.True(hello.OffersTls13);
        Assert.False(hello.OffersTlcp);
        Assert.True(hello.OffersSmSuite(SmProtocol.Tls13));
        Assert.False(hello.OffersSmSuite(SmProtocol.Tlcp));
        Assert.Equal(HelloRandom, hello.Random.ToArray());
        Assert.Equal(SessionId, hello.SessionId.ToArray());
        Assert.Equal([0x00C6, 0x00C7], hello.CipherSuites.ToArray());
        Assert.Equal("bank.example", Encoding.ASCII.GetString(hello.ServerName));
        Assert.True(hello.ApplicationProtocols.Contains("http/1.1"u8));
        Assert.False(hello.ApplicationProtocols.Contains("http/1."u8));
        Assert.False(hello.ApplicationProtocols.TryGetOnly(out _));
        Assert.Equal([(ushort)NamedGroup.CurveSm2, (ushort)NamedGroup.CurveSm2MlKem768], hello.SupportedGroups.ToArray());
        Assert.Equal([(ushort)SignatureScheme.Sm2SigSm3], hello.SignatureAlgorithms.ToArray());
        Assert.Equal(1, hello.SignatureAlgorithmsCert.Count);
        Assert.Equal([9, 8, 7], hello.Cookie.ToArray());
        Assert.True(hello.HasKeyShare);
        Assert.True(hello.KeyShares.TryGet(NamedGroup.CurveSm2, out ReadOnlySpan<byte> share));
        Assert.Equal(Point, share.ToArray());
        Assert.False(hello.KeyShares.TryGet(NamedGroup.CurveSm2MlKem768, out _));
        Assert.Equal([TlsExtensions.PskDheKe], hello.PskKeyExchangeModes.ToArray());
        Assert.Equal(2, hello.PreSharedKeys.Count);
        Assert.Equal(Certificate, hello.PreSharedKeys[0].Identity.ToArray());
        Assert.Equal(0x01020304u, hello.PreSharedKeys[0].ObfuscatedTicketAge);
        Assert.Equal(HelloRandom, hello.PreSharedKeys[1].Identity.ToArray());
        Assert.Equal(new byte[32], hello.PreSharedKeys[1].Binder.ToArray());
        Assert.Equal(message.Length - OfferedPsks.GetBindersLength(2), hello.PreSharedKeys.TruncatedLength);
        Assert.Equal(11, hello.Extensions.GetTypes().Length);
    }

    [Fact]
    public void Minimal_tlcp_hello_has_no_extension_block()
    {
        Assert.Equal(SmTlsError.None, ClientHello.Read(All["client-hello-tlcp"].Body, out ClientHello hello));
        Assert.True(hello.OffersTlcp);
        Assert.True(hello.OffersSmSuite(SmProtocol.Tlcp));
        Assert.Empty(hello.Extensions.GetTypes());
        Assert.True(hello.ServerName.IsEmpty);
        Assert.True(hello.CipherSuites.Contains(SmCipherSuites.EmptyRenegotiationInfoScsv));
        Assert.Equal(2 + 32 + 33 + 6 + 2, All["client-hello-tlcp"].Body.Length);
    }

    [Fact]
    public void Server_hello_and_hello_retry_request_are_told_apart()
    {
        Assert.Equal(SmTlsError.None, ServerHello.Read(All["server-hello-tls13"].Body, out ServerHello hello));
        Assert.False(hello.IsHelloRetryRequest);
        Assert.Equal(SmProtocol.Tls13, hello.Protocol);
        Assert.Equal(SmCipherSuite.TlsSm4GcmSm3, hello.CipherSuite);
        Assert.Equal(NamedGroup.CurveSm2, hello.Group);
        Assert.Equal(Point, hello.KeyShare.ToArray());
        Assert.Equal(1, hello.SelectedIdentity);

        Assert.Equal(SmTlsError.None, ServerHello.Read(All["hello-retry-request"].Body, out ServerHello retry));
        Assert.True(retry.IsHelloRetryRequest);
        Assert.Equal(NamedGroup.CurveSm2, retry.Group);
        Assert.True(retry.KeyShare.IsEmpty);
        Assert.Equal([1], retry.Cookie.ToArray());
        Assert.Equal(-1, retry.SelectedIdentity);

        Assert.Equal(SmTlsError.None, ServerHello.Read(All["server-hello-tlcp"].Body, out ServerHello tlcp));
        Assert.Equal(SmProtocol.Tlcp, tlcp.Protocol);
    }

    [Fact]
    public void Client_key_exchange_tells_its_dialect_by_its_length()
    {
        Assert.Equal(71, All["client-key-exchange-71"].Body.Length);
        Assert.Equal(69, All["client-key-exchange-69"].Body.Length);
        foreach ((string name, ClientKeyExchangeDialect dialect) in new[] { ("client-key-exchange-71", ClientKeyExchangeDialect.WithLength), ("client-key-exchange-69", ClientKeyExchangeDialect.WithoutLength) })
        {
            Assert.Equal(SmTlsError.None, ClientKeyExchange.Read(All[name].Body, true, out ClientKeyExchange message));
            Assert.Equal(dialect, message.Dialect);
            Assert.Equal(Point, message.Point.ToArray());
        }
    }

    [Fact]
    public void Key_exchange_of_another_curve_or_point_form_is_refused()
    {
        byte[] curve = [.. All["client-key-exchange-69"].Body];
        curve[2] = 0x17;
        Assert.Equal(SmTlsError.IllegalParameter, ClientKeyExchange.Read(curve, true, out _));
        byte[] compressed = [.. All["client-key-exchange-69"].Body];
        compressed[4] = 2;
        Assert.Equal(SmTlsError.InvalidKeyShare, ClientKeyExchange.Read(compressed, true, out _));
        Assert.Equal(SmTlsError.DecodeError, ClientKeyExchange.Read(new byte[70], true, out _));
    }

    [Fact]
    public void Certificates_are_read_in_order()
    {
        Assert.Equal(SmTlsError.None, CertificateList.ReadTlcp(All["certificate-tlcp"].Body, out CertificateList tlcp));
        Assert.Equal(3, tlcp.Count);
        Assert.Equal([1], tlcp[1].ToArray());
        Assert.Equal(Certificate, tlcp.ToArray()[2]);
        Assert.Equal(SmTlsError.None, CertificateList.ReadTls13(All["certificate-tls13"].Body, out ReadOnlySpan<byte> context, out CertificateList tls13));
        Assert.Equal([7], context.ToArray());
        Assert.Equal([1], tls13[1].ToArray());
        Assert.Equal(SmTlsError.None, CertificateList.ReadTlcp([0, 0, 0], out CertificateList none));
        Assert.Equal(0, none.Count);
    }

    [Fact]
    public void Too_many_certificates_are_refused() =>
        Assert.Equal(SmTlsError.DecodeError, CertificateList.ReadTlcp(Write(w => CertificateList.WriteTlcp(w, [.. Enumerable.Repeat(new byte[] { 1 }, 33)])), out _));

    [Fact]
    public void Authorities_are_read()
    {
        Assert.Equal(SmTlsError.None, TlcpCertificateRequest.Read(All["certificate-request-tlcp"].Body, out TlcpCertificateRequest tlcp));
        Assert.True(tlcp.CertificateTypes.Contains(TlcpCertificateRequest.EcdsaSign));
        Assert.True(tlcp.Authorities.Contains([0x30, 1, 2]));
        Assert.Equal(SmTlsError.None, Tls13CertificateRequest.Read(All["certificate-request-tls13"].Body, out Tls13CertificateRequest tls13));
        Assert.True(tls13.Authorities.Contains([0x30, 0]));
        Assert.Equal(SmTlsError.MissingExtension, Tls13CertificateRequest.Read([0, 0, 0], out _));
    }

    [Fact]
    public void Ticket_fields_are_read_and_bounded()
    {
        Assert.Equal(SmTlsError.None, Tls13NewSessionTicket.Read(All["new-session-ticket-tls13"].Body, out Tls13NewSessionTicket ticket));
        Assert.Equal((7200u, 0xDEADBEEFu), (ticket.LifetimeSeconds, ticket.AgeAdd));
        Assert.Equal([0, 1], ticket.Nonce.ToArray());
        Assert.Equal(Certificate, ticket.Ticket.ToArray());
        byte[] eternal = [.. All["new-session-ticket-tls13"].Body];
        eternal[0] = 0xFF;
        Assert.Equal(SmTlsError.IllegalParameter, Tls13NewSessionTicket.Read(eternal, out _));
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 }, SmTlsError.IllegalParameter)]
    [InlineData(new byte[] { 0, 51, 0, 0 }, SmTlsError.IllegalParameter)]
    [InlineData(new byte[] { 0, 16, 0, 5, 0, 3, 2, 104 }, SmTlsError.DecodeError)]
    public void Encrypted_extensions_refuse_what_does_not_belong(byte[] extensions, SmTlsError expected) =>
        Assert.Equal(expected, EncryptedExtensions.Read([0, (byte)extensions.Length, .. extensions], out _));

    [Fact]
    public void Extensions_after_pre_shared_key_are_refused()
    {
        byte[] body = Write(w =>
        {
            ClientHello.WriteFields(w, ProtocolVersions.Tls12, HelloRandom, [], [0x00C6]);
            using (w.Vector16())
            {
                OfferedPsks.Write(w, (HelloRandom, 0u));
                TlsExtensions.WriteEmpty(w, ExtensionType.EarlyData);
            }
        });
        Assert.Equal(SmTlsError.IllegalParameter, ClientHello.Read(body, out _));
    }

    [Fact]
    public void More_than_128_extensions_are_refused()
    {
        byte[] With(int count) => Write(w =>
        {
            ClientHello.WriteFields(w, ProtocolVersions.Tls12, HelloRandom, [], [0x00C6]);
            using (w.Vector16())
            {
                for (int i = 0; i < count; i++)
                {
                    TlsExtensions.WriteEmpty(w, (ExtensionType)(0x4000 + i));
                }
            }
        });
        Assert.Equal(SmTlsError.None, ClientHello.Read(With(ExtensionList.MaxCount), out _));
        Assert.Equal(SmTlsError.DecodeError, ClientHello.Read(With(ExtensionList.MaxCount + 1), out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("with space")]
    [InlineData("nul\0")]
    [InlineData("食.example")]
    public void Server_name_that_is_no_host_name_cannot_be_written(string name) =>
        Assert.Throws<ArgumentException>(() => Write(w => TlsExtensions.WriteServerName(w, name)));

    [Theory]
    [InlineData(new byte[] { 0, 0 })]
    [InlineData(new byte[] { 0, 5, 0, 0, 2, 97, 0 })]
    [InlineData(new byte[] { 0, 8, 0, 0, 1, 97, 0, 0, 1, 98 })]
    public void Bad_server_names_are_refused(byte[] extension)
    {
        byte[] body = Write(w =>
        {
            ClientHello.WriteFields(w, ProtocolVersions.Tls12, HelloRandom, [], [0x00C6]);
            using (w.Vector16())
            {
                TlsExtensions.WriteRaw(w, ExtensionType.ServerName, extension);
            }
        });
        Assert.NotEqual(SmTlsError.None, ClientHello.Read(body, out _));
    }

    [Fact]
    public void Vectors_round_trip_and_a_failed_read_consumes_nothing() =>
        Gen.Byte.Array[0, 300].Sample(value =>
        {
            byte[] written = Write(w =>
            {
                w.WriteVector16(value);
                using (w.Vector24())
                {
                    w.WriteBytes(value);
                }
            });
            TlsReader reader = new(written);
            Assert.True(reader.TryReadVector16(0, 300, out ReadOnlySpan<byte> first));
            Assert.True(reader.TryReadVector24(0, 300, out ReadOnlySpan<byte> second));
            Assert.True(reader.IsEmpty);
            Assert.True(first.SequenceEqual(value) && second.SequenceEqual(value));
            TlsReader bounded = new(written);
            Assert.False(bounded.TryReadVector16(value.Length + 1, 400, out _));
            Assert.Equal(written.Length, bounded.Rest.Length);
        });

    [Fact]
    public void Vector_that_is_too_long_for_its_length_is_refused() =>
        Assert.Throws<InvalidOperationException>(() => Write(w =>
        {
            TlsWriter.Scope scope = w.Vector8();
            w.WriteBytes(new byte[256]);
            scope.Dispose();
        }));
}
