using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>What the key exchange must not give away, and what it must not take: pre-master secrets that are wrong in any way, points that are none, signatures over something else.</summary>
public sealed class TlcpKeyExchangeTests
{
    private static readonly byte[] s_right = [1, 1, .. Enumerable.Range(0, 46).Select(i => (byte)i)];

    /// <summary>Everything a client may put into its ClientKeyExchange, and whether the server then has the client's secret.</summary>
    public static TheoryData<string> WrongPreMasterSecrets =>
    [
        "C3", "C2", "C1 off the curve", "C1 of another key", "version 0x0102", "version 0x0303", "version 0x0100", "47 bytes", "49 bytes", "1 byte", "for the signing key",
        "not ASN.1", "trailing byte", "C1 not below p",
    ];

    [Theory]
    [MemberData(nameof(WrongPreMasterSecrets))]
    [Trait("Kind", "Unit")]
    public void A_wrong_pre_master_secret_goes_on_with_a_random_one_and_fails_at_finished_only(string wrong)
    {
        foreach (SmCipherSuite suite in (SmCipherSuite[])[SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3])
        {
            using TlcpForger forger = TlcpForger.OneSided(suite);
            bool isLate = false;
            forger.Change = (fromServer, index, record) =>
            {
                if (!fromServer && index == 1)
                {
                    return TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.ClientKeyExchange, Vector(Spoil(wrong))));
                }
                if (!fromServer && index == 3)
                {
                    // ClientKeyExchange and ChangeCipherSpec went through: nothing was said so far.
                    isLate = forger.Pump.Server.Failure is null && !forger.Pump.Server.HasOutput;
                }
                return record;
            };
            forger.Pump.Run();
            Assert.True(isLate);
            // The client's Finished is under other keys, as it would be with any other secret: one error, one alert, whatever was wrong.
            Assert.Equal(SmTlsError.BadRecordMac, forger.Pump.Server.Failure!.Error);
            Assert.Equal(AlertDescription.BadRecordMac, forger.Pump.Client.Failure!.Alert);
            byte[] answer = Assert.Single(forger.Records(ofServer: true).Skip(4));
            Assert.Equal([21, 1, 1, 0, 2, 2, 20], answer);
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Decryption_gives_the_secret_or_random_bytes_of_its_own_each_time()
    {
        byte[] secret = new byte[48], other = new byte[48];
        TlcpPreMasterSecret.Decrypt(TlcpWorld.Pki.EncryptKey, TlcpWorld.Pki.EncryptKey.Encrypt(s_right, Sm2CipherFormat.Asn1), secret);
        Assert.Equal(s_right, secret);
        foreach (string wrong in WrongPreMasterSecrets.Select(row => (string)row.Data))
        {
            byte[] ciphertext = Spoil(wrong);
            TlcpPreMasterSecret.Decrypt(TlcpWorld.Pki.EncryptKey, ciphertext, secret);
            TlcpPreMasterSecret.Decrypt(TlcpWorld.Pki.EncryptKey, ciphertext, other);
            Assert.NotEqual(secret, other);
            Assert.NotEqual(s_right[2..], secret[2..]);
            Assert.True(secret.Distinct().Count() > 16);
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_client_key_exchange_that_is_cut_is_refused_at_once_since_everyone_sees_that()
    {
        foreach (byte[] body in (byte[][])[[], [0], [0, 0], [0, 200, 1], [.. Vector(Spoil("C3")), 0]])
        {
            using TlcpForger forger = TlcpForger.OneSided(SmCipherSuite.EccSm4GcmSm3);
            forger.Limits[0] = 1;
            forger.Pump.Run();
            Assert.Equal(SmTlsError.DecodeError, forger.Pump.Inject(true, TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.ClientKeyExchange, body))));
        }
    }

    public static TheoryData<string, SmTlsError> WrongParameters => new()
    {
        { "off the curve", SmTlsError.InvalidKeyShare },
        { "zero", SmTlsError.InvalidKeyShare },
        { "x not below p", SmTlsError.InvalidKeyShare },
        { "all ones", SmTlsError.InvalidKeyShare },
        { "compressed form", SmTlsError.InvalidKeyShare },
        { "infinity form", SmTlsError.InvalidKeyShare },
        { "P-256", SmTlsError.IllegalParameter },
        { "explicit curve", SmTlsError.IllegalParameter },
        { "shorter point", SmTlsError.DecodeError },
    };

    [Theory]
    [MemberData(nameof(WrongParameters))]
    [Trait("Kind", "Unit")]
    public void A_servers_ephemeral_key_that_is_no_point_is_refused_although_it_is_signed(string wrong, SmTlsError expected)
    {
        using TlcpForger forger = TlcpForger.Mutual(SmCipherSuite.EcdheSm4GcmSm3);
        forger.Change = (fromServer, index, record) =>
        {
            if (!fromServer || index != 2)
            {
                return record;
            }
            byte[] parameters = Spoil(record.AsSpan(RecordHeader.Size + HandshakeMessage.HeaderLength, EcdheParameters.Length).ToArray(), wrong);
            byte[] signature = TlcpWorld.Pki.SignKey.SignData([.. Random(forger, 0), .. Random(forger, 1), .. parameters], Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence);
            return TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.ServerKeyExchange, [.. parameters, .. Vector(signature)]));
        };
        forger.Pump.Run();
        Assert.Equal(expected, forger.Pump.Client.Failure!.Error);
        Assert.Single(forger.Records(ofServer: false), r => r[0] == (byte)RecordType.Alert);
    }

    [Theory]
    [MemberData(nameof(WrongParameters))]
    [Trait("Kind", "Unit")]
    public void A_clients_ephemeral_key_that_is_no_point_is_refused_in_both_dialects(string wrong, SmTlsError expected)
    {
        foreach (bool hasLength in (bool[])[false, true])
        {
            using TlcpForger forger = TlcpForger.Mutual(SmCipherSuite.EcdheSm4GcmSm3);
            forger.Change = (fromServer, index, record) =>
            {
                if (fromServer || index != 2)
                {
                    return record;
                }
                byte[] parameters = Spoil(record[^EcdheParameters.Length..], wrong);
                return TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.ClientKeyExchange, hasLength ? Vector(parameters) : parameters));
            };
            forger.Pump.Run();
            Assert.Equal(expected, forger.Pump.Server.Failure!.Error);
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_peer_whose_two_keys_cancel_each_other_is_refused()
    {
        // An ephemeral key r first, then a static key d = -w(x) r, so that the point to multiply is infinity (GB/T 32918.3 section 6.1, step B6).
        System.Numerics.BigInteger order = System.Numerics.BigInteger.Parse("0FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123", System.Globalization.NumberStyles.HexNumber, null);
        using Sm2 ephemeral = Sm2.Create();
        byte[] bytes = new byte[32];
        ephemeral.ExportPrivateKey(bytes);
        System.Numerics.BigInteger Read(ReadOnlySpan<byte> number) => new(number, isUnsigned: true, isBigEndian: true);
        System.Numerics.BigInteger half = System.Numerics.BigInteger.One << 127;
        System.Numerics.BigInteger key = order - ((half + (Read(ephemeral.PublicKey.Slice(1, 32)) & (half - 1))) * Read(bytes) % order);
        byte[] number = key.ToByteArray(isUnsigned: true, isBigEndian: true);
        Sm2 Static() => Sm2.Create([.. new byte[32 - number.Length], .. number]);
        Certificates.TestPki pki = TlcpWorld.Pki;
        foreach (bool isServer in (bool[])[false, true])
        {
            Qanat.Tls.Certificates.SmName name = isServer ? pki.Subject : TlcpWorld.ClientName;
            Qanat.Tls.Certificates.SmCertificate encrypt = pki.Ca.Issue(name, Static(),
                Qanat.Tls.Certificates.SmCertificateProfile.Encrypt(Certificates.TestPki.Now.AddDays(-1), Certificates.TestPki.Now.AddDays(9)).For(isServer ? [TlcpWorld.Host] : []));
            SmSslCredential own = isServer ? TlcpWorld.ServerCredential : TlcpWorld.ClientCredential;
            SmSslCredential credential = new(own.SignChain, own.SignKey, encrypt, Static());
            SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(SmCipherSuite.EcdheSm4GcmSm3);
            client.ClientCredential = isServer ? TlcpWorld.ClientCredential : credential;
            SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(SmClientCertificateMode.Require, SmCipherSuite.EcdheSm4GcmSm3);
            server.Credential = isServer ? credential : TlcpWorld.ServerCredential;
            using TlcpForger forger = new(client, server);
            forger.Change = (fromServer, index, record) =>
            {
                if (index != 2 || fromServer != isServer)
                {
                    return record;
                }
                byte[] parameters = [3, 0, 41, 65, .. ephemeral.PublicKey];
                return TlcpForger.Plain(RecordType.Handshake, isServer
                    ? TlcpForger.Message(HandshakeType.ServerKeyExchange,
                        [.. parameters, .. Vector(own.SignKey.SignData([.. Random(forger, 0), .. Random(forger, 1), .. parameters], Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence))])
                    : TlcpForger.Message(HandshakeType.ClientKeyExchange, Vector(parameters)));
            };
            forger.Pump.Run();
            Assert.Equal(SmTlsError.InvalidKeyShare, forger.Receiver(!isServer).Failure!.Error);
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    [Trait("Kind", "Unit")]
    public void A_servers_signature_over_anything_else_is_refused(SmCipherSuite suite)
    {
        foreach (string wrong in (string[])["a bit", "old randoms", "encryption key", "empty", "another id"])
        {
            using TlcpForger forger = TlcpForger.Mutual(suite);
            forger.Change = (fromServer, index, record) => fromServer && index == 2 ? Resign(forger, suite, record, wrong) : record;
            forger.Pump.Run();
            SmTlsError expected = wrong == "empty" ? SmTlsError.DecodeError : SmTlsError.BadSignature;
            Assert.True(expected == forger.Pump.Client.Failure!.Error, $"{wrong}: {forger.Pump.Client.Failure.Error}");
        }
    }

    public static TheoryData<SmCipherSuite> Suites => [.. TlcpWorld.Suites];

    [Theory]
    [MemberData(nameof(Suites))]
    [Trait("Kind", "Unit")]
    public void A_clients_signature_over_anything_else_is_refused(SmCipherSuite suite)
    {
        foreach (Func<byte[], byte[]> spoil in (Func<byte[], byte[]>[])
        [
            signature => Flip(signature, signature.Length - 1),
            _ => TlcpWorld.ClientCredential.SignKey.SignData("something else"u8, Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence),
            _ => TlcpWorld.ClientCredential.EncryptKey!.SignData(new byte[32], Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence),
        ])
        {
            using TlcpForger forger = TlcpForger.Mutual(suite);
            forger.Change = (fromServer, index, record) => !fromServer && index == 3
                ? TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.CertificateVerify, Vector(spoil(record[(RecordHeader.Size + HandshakeMessage.HeaderLength + 2)..]))))
                : record;
            forger.Pump.Run();
            Assert.Equal(SmTlsError.BadSignature, forger.Pump.Server.Failure!.Error);
            Assert.Equal(AlertDescription.DecryptError, forger.Pump.Client.Failure!.Alert);
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_wrong_finished_under_the_right_keys_is_refused_by_either_end()
    {
        foreach (SmCipherSuite suite in TlcpWorld.Suites)
        {
            foreach (bool toServer in (bool[])[false, true])
            {
                foreach ((byte[] body, SmTlsError expected) in new[] { (new byte[12], SmTlsError.BadFinished), (new byte[11], SmTlsError.DecodeError), (new byte[13], SmTlsError.DecodeError) })
                {
                    using TlcpForger forger = TlcpForger.Mutual(suite);
                    // All of the sender's records but the last, which is its Finished.
                    forger.Limits[toServer ? 0 : 1] = toServer ? 5 : 6;
                    forger.Pump.Run();
                    byte[] finished = forger.Seal(!toServer, RecordType.Handshake, TlcpForger.Message(HandshakeType.Finished, body));
                    Assert.Equal(expected, forger.Pump.Inject(toServer, finished));
                    Assert.False(forger.Receiver(toServer).IsHandshakeComplete);
                }
            }
        }
    }

    private static byte[] Spoil(string wrong)
    {
        Sm2 key = TlcpWorld.Pki.EncryptKey;
        byte[] Encrypt(byte[] secret) => key.Encrypt(secret, Sm2CipherFormat.Asn1);
        byte[] right = Encrypt(s_right);
        // SEQUENCE { INTEGER x, INTEGER y, OCTET STRING C3 (32), OCTET STRING C2 (48) }
        return wrong switch
        {
            "C3" => Flip(right, right.Length - 48 - 2 - 1),
            "C2" => Flip(right, right.Length - 1),
            "C1 off the curve" => Flip(right, 20),
            "C1 of another key" => OtherC1(right),
            "version 0x0102" => Encrypt([1, 2, .. s_right[2..]]),
            "version 0x0303" => Encrypt([3, 3, .. s_right[2..]]),
            "version 0x0100" => Encrypt([1, 0, .. s_right[2..]]),
            "47 bytes" => Encrypt(s_right[..47]),
            "49 bytes" => Encrypt([.. s_right, 0]),
            "1 byte" => Encrypt([1]),
            "for the signing key" => TlcpWorld.Pki.SignKey.Encrypt(s_right, Sm2CipherFormat.Asn1),
            "not ASN.1" => RandomNumberGenerator.GetBytes(150),
            "trailing byte" => [.. right, 0],
            "C1 not below p" => NotBelowP(),
            _ => throw new ArgumentOutOfRangeException(nameof(wrong)),
        };

        // C1 is 0x04, x, y in the raw form; two ciphertexts change their points.
        byte[] OtherC1(byte[] _)
        {
            byte[] one = key.Encrypt(s_right, Sm2CipherFormat.C1C3C2), two = key.Encrypt(s_right, Sm2CipherFormat.C1C3C2);
            return Asn1([.. two[..65], .. one[65..]]);
        }

        byte[] NotBelowP()
        {
            byte[] raw = key.Encrypt(s_right, Sm2CipherFormat.C1C3C2);
            raw.AsSpan(1, 32).Fill(0xFF);
            return Asn1(raw);
        }
    }

    private static byte[] Asn1(byte[] raw)
    {
        System.Formats.Asn1.AsnWriter writer = new(System.Formats.Asn1.AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(new System.Numerics.BigInteger(raw.AsSpan(1, 32), isUnsigned: true, isBigEndian: true));
            writer.WriteInteger(new System.Numerics.BigInteger(raw.AsSpan(33, 32), isUnsigned: true, isBigEndian: true));
            writer.WriteOctetString(raw.AsSpan(65, 32));
            writer.WriteOctetString(raw.AsSpan(97));
        }
        return writer.Encode();
    }

    private static byte[] Spoil(byte[] parameters, string wrong)
    {
        Span<byte> point = parameters.AsSpan(4);
        switch (wrong)
        {
            case "off the curve":
                point[64] ^= 1;
                break;
            case "zero":
                point[1..].Clear();
                break;
            case "x not below p":
                // p + x for an x below 2^32 or so does not fit; the largest number is enough.
                point[1..33].Fill(0xFF);
                break;
            case "all ones":
                point[1..].Fill(0xFF);
                break;
            case "compressed form":
                point[0] = 2;
                break;
            case "infinity form":
                point.Clear();
                break;
            case "P-256":
                parameters[2] = 23;
                break;
            case "explicit curve":
                parameters[0] = 1;
                break;
            default:
                parameters[3] = 64;
                break;
        }
        return parameters;
    }

    private static byte[] Resign(TlcpForger forger, SmCipherSuite suite, byte[] record, string wrong)
    {
        byte[] body = record[(RecordHeader.Size + HandshakeMessage.HeaderLength)..];
        byte[] parameters = suite.IsEcdhe() ? body[..EcdheParameters.Length] : [];
        byte[] certificate = TlcpWorld.Pki.Encrypt.RawData.ToArray();
        byte[] signedPart = suite.IsEcdhe() ? parameters : [(byte)(certificate.Length >> 16), (byte)(certificate.Length >> 8), (byte)certificate.Length, .. certificate];
        byte[] data = [.. Random(forger, 0), .. Random(forger, 1), .. signedPart];
        byte[] Sign(Sm2 key, byte[] what, ReadOnlySpan<byte> id) => key.SignData(what, id, DSASignatureFormat.Rfc3279DerSequence);
        byte[] signature = wrong switch
        {
            "a bit" => Flip(body[(parameters.Length + 2)..], body.Length - parameters.Length - 3),
            "old randoms" => Sign(TlcpWorld.Pki.SignKey, [.. new byte[64], .. signedPart], Sm2.DefaultUserId),
            "encryption key" => Sign(TlcpWorld.Pki.EncryptKey, data, Sm2.DefaultUserId),
            "another id" => Sign(TlcpWorld.Pki.SignKey, data, "TLSv1.3+GM+Cipher+Suite"u8),
            _ => [],
        };
        return TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.ServerKeyExchange, [.. parameters, .. Vector(signature)]));
    }

    private static byte[] Random(TlcpForger forger, int side) =>
        forger.Records(ofServer: side == 1)[0].AsSpan(RecordHeader.Size + HandshakeMessage.HeaderLength + 2, ClientHello.RandomLength).ToArray();

    private static byte[] Vector(byte[] content) => [(byte)(content.Length >> 8), (byte)content.Length, .. content];

    private static byte[] Flip(byte[] bytes, int at)
    {
        byte[] flipped = [.. bytes];
        flipped[at] ^= 1;
        return flipped;
    }
}
