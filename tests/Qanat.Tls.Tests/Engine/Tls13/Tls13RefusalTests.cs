using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Wrong proofs, wrong shares, wrong choices: each is refused by the end that must, with its own error and alert.</summary>
public sealed class Tls13RefusalTests
{
    private static readonly SmCertificateAuthority s_stranger = SmCertificateAuthority.CreateRoot(
        SmName.Create("Stranger"), Tls13Setup.Pki.RootKey, SmCertificateProfile.Authority(TestPki.Now.AddYears(-1), TestPki.Now.AddYears(9), null));

    [Theory]
    [InlineData(true, HandshakeType.CertificateVerify, SmTlsError.BadSignature)]
    [InlineData(false, HandshakeType.CertificateVerify, SmTlsError.BadSignature)]
    [InlineData(true, HandshakeType.Finished, SmTlsError.BadFinished)]
    [InlineData(false, HandshakeType.Finished, SmTlsError.BadFinished)]
    public void Wrong_proof_is_refused(bool fromClient, HandshakeType type, SmTlsError expected)
    {
        // The last byte is one of the signature's s, or of the MAC.
        using EnginePair pair = Change(Mutual(), fromClient, type, content => content[^1] ^= 1);
        Assert.Equal(expected, (fromClient ? pair.Server : pair.Client).Error);
        Assert.Equal(AlertDescription.DecryptError, (fromClient ? pair.Client : pair.Server).Engine.Failure!.Alert);
        Assert.False((fromClient ? pair.Server : pair.Client).Engine.IsHandshakeComplete);
    }

    [Fact]
    public void Signature_under_the_id_of_certificates_is_refused()
    {
        // RFC 8998 section 3.2.1: CertificateVerify has an id of its own. What was signed is known to the test: it sits at the wire with all keys.
        Tls13Setup setup = new();
        using HandshakeTranscript transcript = new();
        Tls13Tap tap = new(setup, (fromClient, record) =>
        {
            if (!fromClient && record.Message == HandshakeType.CertificateVerify)
            {
                byte[] hash = new byte[32];
                transcript.GetHash(hash);
                using TlsWriter signed = new();
                Tls13Messages.WriteSigned(signed, isServer: true, hash);
                byte[] right = record.Content[8..];
                Assert.True(Tls13Setup.ServerCredential.SignCertificate.PublicKey.VerifyData(signed.Written, Tls13Messages.Sm2Id, right, DSASignatureFormat.Rfc3279DerSequence));
                byte[] wrong = Tls13Setup.ServerCredential.SignKey.SignData(signed.Written, Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence);
                return [TapRecord.Of(HandshakeType.CertificateVerify, [7, 8, 0, (byte)wrong.Length, .. wrong])];
            }
            if (record.Type == RecordType.Handshake)
            {
                transcript.Append(record.Content);
            }
            return [record];
        });
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(SmTlsError.BadSignature, pair.Client.Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Signature_of_another_scheme_is_refused(bool fromClient)
    {
        using EnginePair pair = Change(Mutual(), fromClient, HandshakeType.CertificateVerify, content => (content[4], content[5]) = (4, 3));
        Assert.Equal(SmTlsError.IllegalParameter, (fromClient ? pair.Server : pair.Client).Error);
    }

    public static TheoryData<string> Shares => ["off-curve", "infinity", "zero", "x-not-below-p", "compressed", "short", "long", "empty"];

    [Theory]
    [MemberData(nameof(Shares))]
    public void Invalid_point_is_refused_at_both_ends(string kind)
    {
        foreach (NamedGroup group in (NamedGroup[])[NamedGroup.CurveSm2, NamedGroup.CurveSm2MlKem768])
        {
            foreach (bool fromClient in (bool[])[true, false])
            {
                Tls13Setup setup = new();
                setup.ClientOptions.Groups = [group];
                using EnginePair pair = ChangeShare(setup, fromClient, share => Point(kind, share));
                EngineEnd receiver = fromClient ? pair.Server : pair.Client;
                Assert.Equal(kind == "empty" ? SmTlsError.DecodeError : SmTlsError.InvalidKeyShare, receiver.Error);
                Assert.Equal(kind == "empty" ? AlertDescription.DecodeError : AlertDescription.IllegalParameter, (fromClient ? pair.Client : pair.Server).Engine.Failure!.Alert);
            }
        }
    }

    [Theory]
    [InlineData(true, -1)]
    [InlineData(true, 1)]
    [InlineData(true, -1184)]
    [InlineData(false, -1)]
    [InlineData(false, 1)]
    [InlineData(false, -1088)]
    public void Wrong_length_of_the_hybrid_share_is_refused(bool fromClient, int by)
    {
        Tls13Setup setup = new();
        setup.ClientOptions.Groups = [NamedGroup.CurveSm2MlKem768];
        using EnginePair pair = ChangeShare(setup, fromClient, share => by < 0 ? share[..^-by] : [.. share, .. new byte[by]]);
        Assert.Equal(SmTlsError.InvalidKeyShare, (fromClient ? pair.Server : pair.Client).Error);
    }

    [Fact]
    public void Encapsulation_key_with_a_coefficient_not_below_q_is_refused()
    {
        Tls13Setup setup = new();
        setup.ClientOptions.Groups = [NamedGroup.CurveSm2MlKem768];
        // FIPS 203 section 7.2: coefficients are 12 bits, little-endian; 0xFFF is above q = 3329.
        using EnginePair pair = ChangeShare(setup, fromClient: true, share => [.. share[..65], 0xFF, 0xFF, .. share[67..]]);
        Assert.Equal(SmTlsError.InvalidKeyShare, pair.Server.Error);
    }

    [Fact]
    public void Ciphertext_for_another_key_gives_other_keys_and_no_oracle()
    {
        Tls13Setup setup = new();
        setup.ClientOptions.Groups = [NamedGroup.CurveSm2MlKem768];
        using EnginePair pair = ChangeShare(setup, fromClient: false, share => [.. share[..^1], (byte)(share[^1] ^ 1)]);
        Assert.Equal(SmTlsError.BadRecordMac, pair.Client.Error);
    }

    public static TheoryData<string, SmTlsError> ServerHellos => new()
    {
        { "suite not offered", SmTlsError.IllegalParameter },
        { "suite of TLS with AES", SmTlsError.IllegalParameter },
        { "session id", SmTlsError.IllegalParameter },
        { "version TLS 1.2", SmTlsError.UnsupportedVersion },
        { "downgrade mark", SmTlsError.IllegalParameter },
        { "group not offered", SmTlsError.IllegalParameter },
        { "compression", SmTlsError.IllegalParameter },
        { "pre-shared key not offered", SmTlsError.UnsupportedExtension },
        { "no key_share", SmTlsError.MissingExtension },
        { "extension of another message", SmTlsError.UnsupportedExtension },
    };

    [Theory]
    [MemberData(nameof(ServerHellos))]
    public void Server_hello_with_another_choice_is_refused(string what, SmTlsError expected)
    {
        Tls13Setup setup = new();
        setup.ClientOptions.CipherSuites = [SmCipherSuite.TlsSm4GcmSm3];
        using EnginePair pair = Rewrite(setup, fromClient: false, HandshakeType.ServerHello, content =>
        {
            ServerHello.Read(content.AsSpan(4), out ServerHello hello);
            byte[] random = hello.Random.ToArray(), sessionId = hello.SessionId.ToArray(), share = hello.KeyShare.ToArray();
            if (what == "downgrade mark")
            {
                "DOWNGRD\x01"u8.CopyTo(random.AsSpan(24));
            }
            if (what == "session id")
            {
                sessionId[0] ^= 1;
            }
            using TlsWriter writer = new();
            using (writer.Handshake(HandshakeType.ServerHello))
            {
                ServerHello.WriteFields(writer, ProtocolVersions.Tls12, random, sessionId, what switch
                {
                    "suite not offered" => SmCipherSuite.TlsSm4CcmSm3,
                    "suite of TLS with AES" => (SmCipherSuite)0x1301,
                    _ => SmCipherSuite.TlsSm4GcmSm3,
                });
                if (what == "compression")
                {
                    writer.WrittenMutable[^1] = 1;
                }
                using (writer.Vector16())
                {
                    if (what is not ("version TLS 1.2" or "downgrade mark"))
                    {
                        TlsExtensions.WriteSelectedVersion(writer, ProtocolVersions.Tls13);
                    }
                    if (what != "no key_share")
                    {
                        TlsExtensions.WriteServerKeyShare(writer, what == "group not offered" ? NamedGroup.Secp256R1 : NamedGroup.CurveSm2, share);
                    }
                    if (what == "pre-shared key not offered")
                    {
                        TlsExtensions.WriteSelectedIdentity(writer, 0);
                    }
                    if (what == "extension of another message")
                    {
                        TlsExtensions.WriteApplicationProtocols(writer, ["http/1.1"]);
                    }
                }
            }
            return writer.Written.ToArray();
        });
        Assert.Equal(expected, pair.Client.Error);
    }

    public static TheoryData<ExtensionType, byte[], SmTlsError> ExtensionsOfEncryptedExtensions => new()
    {
        { ExtensionType.EarlyData, [], SmTlsError.UnsupportedExtension },
        { (ExtensionType)0x1234, [], SmTlsError.UnsupportedExtension },
        { ExtensionType.KeyShare, [0, 41, 0, 1, 4], SmTlsError.IllegalParameter },
        { ExtensionType.ApplicationLayerProtocolNegotiation, [0, 5, 4, (byte)'s', (byte)'p', (byte)'d', (byte)'y'], SmTlsError.IllegalParameter },
    };

    [Theory]
    [MemberData(nameof(ExtensionsOfEncryptedExtensions))]
    public void Answer_to_what_was_not_asked_is_refused(ExtensionType type, byte[] body, SmTlsError expected)
    {
        using EnginePair pair = Rewrite(new Tls13Setup(), fromClient: false, HandshakeType.EncryptedExtensions, _ => MessageOf(HandshakeType.EncryptedExtensions, writer =>
        {
            using (writer.Vector16())
            {
                TlsExtensions.WriteRaw(writer, type, body);
            }
        }));
        Assert.Equal(expected, pair.Client.Error);
    }

    [Fact]
    public void Client_without_a_certificate_is_refused_where_one_is_required()
    {
        Tls13Setup setup = Mutual();
        setup.ClientOptions.ClientCredential = null;
        using EnginePair pair = setup.NewPair().Handshake();
        Assert.Equal(SmTlsError.CertificateRequired, pair.Server.Error);
        // The client was done before; it learns it afterwards (RFC 8446 section 4.4.2.4).
        Assert.True(pair.Client.Engine.IsHandshakeComplete);
        Assert.Equal(AlertDescription.CertificateRequired, pair.Client.Engine.Failure!.Alert);
    }

    [Fact]
    public void Server_without_a_certificate_is_refused()
    {
        using EnginePair pair = Rewrite(new Tls13Setup(), fromClient: false, HandshakeType.Certificate, _ => MessageOf(HandshakeType.Certificate, writer => CertificateList.WriteTls13(writer, default, [])));
        Assert.Equal(SmTlsError.DecodeError, pair.Client.Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Certificate_with_a_context_is_refused(bool fromClient)
    {
        using EnginePair pair = Rewrite(Mutual(), fromClient, HandshakeType.Certificate, _ => MessageOf(HandshakeType.Certificate, writer => CertificateList.WriteTls13(writer, [1], [[0x30, 0]])));
        Assert.Equal(SmTlsError.IllegalParameter, (fromClient ? pair.Server : pair.Client).Error);
    }

    [Fact]
    public void Chain_for_another_host_or_time_or_authority_is_refused()
    {
        Tls13Setup host = new();
        host.ClientOptions.TargetHost = "other.example.cn";
        AssertRefused(host, SmTlsError.CertificateUnknown);
        Tls13Setup late = new();
        late.Time.Now = TestPki.Now.AddYears(1);
        AssertRefused(late, SmTlsError.CertificateExpired);
        Tls13Setup stranger = new();
        stranger.ClientOptions.Trust = new SmTrustStore([s_stranger.Certificate]);
        AssertRefused(stranger, SmTlsError.UnknownCa);

        static void AssertRefused(Tls13Setup setup, SmTlsError expected)
        {
            using EnginePair pair = setup.NewPair().Handshake();
            Assert.Equal(expected, pair.Client.Error);
            Assert.Equal(expected.ToAlert(), pair.Server.Engine.Failure!.Alert);
            Assert.Null(pair.Client.Engine.PeerChain);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Application_has_the_last_word_on_certificates(bool isTaken)
    {
        Tls13Setup setup = new();
        SmChainResult? seen = null;
        setup.ClientOptions.Trust = isTaken ? new SmTrustStore([s_stranger.Certificate]) : setup.ClientOptions.Trust;
        setup.ClientOptions.RemoteCertificateValidationCallback = result =>
        {
            seen = result;
            return isTaken;
        };
        using EnginePair pair = setup.NewPair().Handshake();
        Assert.Equal(isTaken ? SmTlsError.None : SmTlsError.CertificateUnknown, pair.Client.Error);
        Assert.Equal(isTaken, pair.Client.Engine.IsHandshakeComplete);
        Assert.Equal(!isTaken, seen!.IsValid);
    }

    [Fact]
    public void Callback_is_asked_only_after_the_key_was_proven()
    {
        Tls13Setup setup = new();
        bool wasAsked = false;
        setup.ClientOptions.RemoteCertificateValidationCallback = _ => wasAsked = true;
        using EnginePair pair = Change(setup, fromClient: false, HandshakeType.CertificateVerify, content => content[^1] ^= 1);
        Assert.Equal(SmTlsError.BadSignature, pair.Client.Error);
        Assert.False(wasAsked);
    }

    private static Tls13Setup Mutual()
    {
        Tls13Setup setup = new();
        setup.ServerOptions.ClientCertificateMode = SmClientCertificateMode.Require;
        setup.ClientOptions.ClientCredential = Tls13Setup.ClientCredential;
        return setup;
    }

    private static byte[] Point(string kind, byte[] share)
    {
        byte[] rest = share[65..], p = Convert.FromHexString("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF");
        return kind switch
        {
            "off-curve" => [.. share[..64], (byte)(share[64] ^ 1), .. rest],
            "infinity" => [0, .. rest],
            "zero" => [4, .. new byte[64], .. rest],
            "x-not-below-p" => [4, .. p, .. share[33..65], .. rest],
            "compressed" => [(byte)(2 + (share[64] & 1)), .. share[1..33], .. rest],
            "short" => [.. share[..64], .. rest],
            "long" => [.. share[..65], 0, .. rest],
            _ => [],
        };
    }

    private static byte[] MessageOf(HandshakeType type, Action<TlsWriter> body)
    {
        using TlsWriter writer = new();
        using (writer.Handshake(type))
        {
            body(writer);
        }
        return writer.Written.ToArray();
    }

    private static EnginePair ChangeShare(Tls13Setup setup, bool fromClient, Func<byte[], byte[]> change) =>
        Rewrite(setup, fromClient, fromClient ? HandshakeType.ClientHello : HandshakeType.ServerHello, content => fromClient ? WithShare(content, change) : ServerHelloWithShare(content, change));

    private static byte[] WithShare(byte[] content, Func<byte[], byte[]> change)
    {
        ClientHello.Read(content.AsSpan(4), out ClientHello hello);
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ClientHello))
        {
            ClientHello.WriteFields(writer, hello.LegacyVersion, hello.Random, hello.SessionId, hello.CipherSuites.ToArray());
            using (writer.Vector16())
            {
                foreach (Extension extension in hello.Extensions)
                {
                    if (extension.Type != ExtensionType.KeyShare)
                    {
                        TlsExtensions.WriteRaw(writer, extension.Type, extension.Body);
                        continue;
                    }
                    byte[] body = extension.Body.ToArray(), share = change(body[6..]);
                    TlsExtensions.WriteRaw(writer, extension.Type, [(byte)((share.Length + 4) >> 8), (byte)(share.Length + 4), body[2], body[3], (byte)(share.Length >> 8), (byte)share.Length, .. share]);
                }
            }
        }
        return writer.Written.ToArray();
    }

    private static byte[] ServerHelloWithShare(byte[] content, Func<byte[], byte[]> change)
    {
        ServerHello.Read(content.AsSpan(4), out ServerHello hello);
        byte[] share = change(hello.KeyShare.ToArray()), group = [(byte)((ushort)hello.Group >> 8), (byte)hello.Group];
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ServerHello))
        {
            ServerHello.WriteFields(writer, hello.LegacyVersion, hello.Random, hello.SessionId, hello.CipherSuite);
            using (writer.Vector16())
            {
                TlsExtensions.WriteSelectedVersion(writer, ProtocolVersions.Tls13);
                TlsExtensions.WriteRaw(writer, ExtensionType.KeyShare, [.. group, (byte)(share.Length >> 8), (byte)share.Length, .. share]);
            }
        }
        return writer.Written.ToArray();
    }

    private static EnginePair Change(Tls13Setup setup, bool fromClient, HandshakeType type, Action<byte[]> change) => Rewrite(setup, fromClient, type, content =>
    {
        byte[] changed = [.. content];
        change(changed);
        return changed;
    });

    private static EnginePair Rewrite(Tls13Setup setup, bool fromClient, HandshakeType type, Func<byte[], byte[]> change)
    {
        Tls13Tap tap = new(setup, (sender, record) => [sender == fromClient && record.Message == type ? record with { Content = change(record.Content) } : record]);
        return setup.NewPair(tap.OnRecord).Handshake();
    }
}
