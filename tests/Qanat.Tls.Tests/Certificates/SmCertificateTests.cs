using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>Reading certificates: every field of real ones, and nothing but strict DER.</summary>
public sealed class SmCertificateTests
{
    private static readonly TestPki s_pki = new();

    [Fact]
    public void Fields_of_a_recorded_certificate_are_read()
    {
        SmCertificate server = Recorded("server_enc"), ca = Recorded("sub_ca"), root = Recorded("root_ca");
        Assert.Equal("CN=server, O=GM, C=CN", server.Subject.ToString());
        Assert.Equal("server", server.Subject.CommonName);
        Assert.Equal(ca.Subject, server.Issuer);
        Assert.Equal("9260eff46068ee2d1c5c8542", Convert.ToHexStringLower(server.SerialNumber.Span).TrimStart('0'));
        Assert.Equal((new DateTimeOffset(2026, 11, 22, 16, 51, 13, TimeSpan.Zero), new DateTimeOffset(2027, 11, 22, 16, 51, 13, TimeSpan.Zero)), (server.NotBefore, server.NotAfter));
        Assert.Equal(SmKeyUsage.KeyEncipherment | SmKeyUsage.DataEncipherment | SmKeyUsage.KeyAgreement, server.KeyUsage);
        Assert.Equal(["localhost"], server.DnsNames);
        Assert.Null(server.ExtendedKeyUsage);
        Assert.False(server.IsCertificateAuthority);
        Assert.Equal((true, 0), (ca.IsCertificateAuthority, ca.PathLength));
        Assert.Equal((true, null), (root.IsCertificateAuthority, root.PathLength));
        Assert.True(root.IsSelfIssued && root.IsSignedBy(root) && ca.IsSignedBy(root) && server.IsSignedBy(ca));
        Assert.False(server.IsSignedBy(root));
        Assert.StartsWith("048FE16EDE888C5D4C9C6BB706C74DCD", Convert.ToHexString(server.PublicKey.PublicKey), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("root_ca")]
    [InlineData("sub_ca")]
    [InlineData("server_sign")]
    [InlineData("server_enc")]
    [InlineData("client_sign")]
    [InlineData("client_enc")]
    public void Recorded_keys_belong_to_their_certificates(string name)
    {
        using Sm2 key = Sm2Keys.ReadPem(File.ReadAllText(Path.Combine(Vectors.Pki, name + ".key.pem")));
        Assert.True(key.HasPrivateKey);
        Assert.Equal(Recorded(name).SubjectPublicKeyInfo.ToArray(), Sm2Keys.WriteSubjectPublicKeyInfo(key));
    }

    [Theory]
    [InlineData("server", true)]
    [InlineData("client", false)]
    public void Recorded_chains_validate(string peer, bool isServer)
    {
        SmChainValidator validator = new(new SmTrustStore([Recorded("root_ca")]));
        DateTimeOffset recordedAt = new(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);
        SmChainRequest request = isServer ? SmChainRequest.Server("localhost", SmChainForm.Pair) : SmChainRequest.Client(SmChainForm.Pair);
        SmChainResult result = validator.Validate([Recorded($"{peer}_sign"), Recorded($"{peer}_enc"), Recorded("sub_ca")], request, recordedAt);
        Assert.True(result.IsValid, result.ToString());
        Assert.Equal([SmChainError.CertificatesSwapped], validator.Validate([Recorded($"{peer}_enc"), Recorded($"{peer}_sign"), Recorded("sub_ca")], request, recordedAt).Failures.Select(f => f.Error));
    }

    [Fact]
    public void Pem_round_trips_and_bundles_are_read_in_order()
    {
        Assert.Equal(s_pki.Sign, SmCertificate.FromPem(s_pki.Sign.ToPem()));
        Assert.Equal(s_pki.Pair, SmCertificate.ListFromPem("notes\n" + string.Join("\n", s_pki.Pair.Select(c => c.ToPem()))));
        Assert.Equal(SmCertificateError.MalformedPem, Assert.Throws<SmCertificateException>(() => SmCertificate.FromPem("nothing")).Error);
    }

    [Fact]
    public void Certificates_of_other_algorithms_are_refused_by_name()
    {
        using ECDsa p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using RSA rsa = RSA.Create(2048);
        using X509Certificate2 ecdsa = new CertificateRequest("CN=x", p256, HashAlgorithmName.SHA256).CreateSelfSigned(TestPki.Now, TestPki.Now.AddDays(1));
        using X509Certificate2 rsaCertificate = new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(TestPki.Now, TestPki.Now.AddDays(1));
        Assert.Contains("1.2.840.10045.4.3.2", Refused(SmCertificateError.UnsupportedSignatureAlgorithm, ecdsa.RawData), StringComparison.Ordinal);
        Refused(SmCertificateError.UnsupportedSignatureAlgorithm, rsaCertificate.RawData);
        Refused(SmCertificateError.NotSm2Key, (s_pki.ForgedSign with { PublicKeyInfo = p256.ExportSubjectPublicKeyInfo() }).Encode(s_pki.CaKey));
    }

    [Fact]
    public void Points_that_are_no_keys_are_refused()
    {
        byte[] info = s_pki.Sign.SubjectPublicKeyInfo.ToArray();
        byte[] offCurve = (byte[])info.Clone(), zero = (byte[])info.Clone(), hybrid = (byte[])info.Clone(), aboveP = (byte[])info.Clone();
        offCurve[^1] ^= 1;
        zero.AsSpan(^64..).Clear();
        hybrid[^65] = 0x06;
        aboveP.AsSpan(^64..^32).Fill(0xFF);
        foreach (byte[] bad in new[] { offCurve, zero, hybrid, aboveP })
        {
            Refused(SmCertificateError.InvalidPublicKey, (s_pki.ForgedSign with { PublicKeyInfo = bad }).Encode(s_pki.CaKey));
        }
    }

    [Fact]
    public void Every_other_encoding_of_a_good_certificate_is_refused()
    {
        byte[] tbs = s_pki.ForgedSign.EncodeTbs();
        byte[] signature = s_pki.CaKey.SignData(tbs, Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence);
        string oid = GmObjectIdentifiers.Sm2SignWithSm3;
        byte[] good = ForgedCertificate.Assemble(tbs, oid, signature);
        SmCertificate.Parse(good);
        (byte[] r, byte[] s) = Split(signature);

        Refused(SmCertificateError.MalformedDer, [.. good, 0]);
        Refused(SmCertificateError.MalformedDer, [good[0], 0x83, 0, good[2], good[3], .. good[4..]]); // a length in three bytes
        Refused(SmCertificateError.MalformedDer, [good[0], 0x80, .. good[4..], 0, 0]); // no length: BER
        Refused(SmCertificateError.MalformedDer, ForgedCertificate.Assemble(tbs, oid, Join([0, .. r], s))); // r with one zero more
        Refused(SmCertificateError.MalformedDer, ForgedCertificate.Assemble(tbs, oid, [.. signature, 0]));
        Refused(SmCertificateError.MalformedDer, ForgedCertificate.Assemble(tbs, oid, [0x30, 0x81, signature[1], .. signature[2..]]));
        Refused(SmCertificateError.MalformedDer, ForgedCertificate.Assemble(tbs, oid, Join([0xFF], s))); // r below zero
        Refused(SmCertificateError.MalformedDer, ForgedCertificate.Assemble(tbs, oid, Join([1, .. new byte[32]], s))); // r of 257 bits
        Refused(SmCertificateError.MalformedDer, ForgedCertificate.Assemble(tbs, oid, [.. signature[..^1], (byte)(signature[^1] & 0xFE)], unusedBits: 1));
        Refused(SmCertificateError.UnsupportedSignatureAlgorithm, ForgedCertificate.Assemble(tbs, "1.2.156.10197.1.502", signature)); // the outer algorithm is not signed
        byte[] withNull = ForgedCertificate.Encoded(w =>
        {
            using (w.PushSequence())
            {
                w.WriteEncodedValue(tbs);
                using (w.PushSequence())
                {
                    w.WriteObjectIdentifier(oid);
                    w.WriteNull();
                }
                w.WriteBitString(signature);
            }
        });
        Refused(SmCertificateError.UnsupportedSignatureAlgorithm, withNull); // good alone, but not what the signed part says
    }

    [Fact]
    public void Stated_defaults_and_wrong_versions_are_refused()
    {
        Action<AsnWriter> criticalFalse = w =>
        {
            using (w.PushSequence())
            {
                w.WriteObjectIdentifier("2.5.29.14");
                w.WriteBoolean(false);
                w.WriteOctetString([4, 1, 1]);
            }
        };
        Refused(SmCertificateError.MalformedDer, (s_pki.ForgedSign with { RawExtension = criticalFalse }).Encode(s_pki.CaKey));
        byte[] caFalse = ForgedCertificate.Encoded(w =>
        {
            using (w.PushSequence())
            {
                w.WriteBoolean(false);
            }
        });
        Refused(SmCertificateError.MalformedDer, (s_pki.ForgedSign with { Extra = [("2.5.29.19", true, caFalse)] }).Encode(s_pki.CaKey));
        foreach (int version in new[] { 0, 1, 3 })
        {
            Action<AsnWriter> write = w =>
            {
                using (w.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    w.WriteInteger(version);
                }
            };
            Refused(SmCertificateError.UnsupportedVersion, (s_pki.ForgedSign with { Version = write }).Encode(s_pki.CaKey));
        }
        Refused(SmCertificateError.MalformedDer, (s_pki.ForgedSign with { Version = _ => { } }).Encode(s_pki.CaKey)); // v1 with extensions
    }

    [Fact]
    public void Extensions_that_are_doubled_or_wrong_inside_are_refused()
    {
        byte[] usage = ForgedCertificate.Encoded(w => w.WriteNamedBitList(SmKeyUsage.KeyCertSign));
        Refused(SmCertificateError.InvalidExtension, (s_pki.ForgedSign with { Extra = [("2.5.29.15", true, usage)] }).Encode(s_pki.CaKey));
        Refused(SmCertificateError.InvalidExtension, (s_pki.ForgedSign with { Extra = [("2.5.29.14", false, [4, 1, 1, 0])] }).Encode(s_pki.CaKey));
        Refused(SmCertificateError.MalformedDer, (s_pki.ForgedSign with { Extra = [("2.5.29.14", false, [5, 0])] }).Encode(s_pki.CaKey));
        Refused(SmCertificateError.InvalidExtension, (s_pki.ForgedSign with { IsAuthority = false, PathLength = 1 }).Encode(s_pki.CaKey));
        Refused(SmCertificateError.InvalidExtension, (s_pki.ForgedSign with { Extra = [.. Enumerable.Range(0, 65).Select(i => ($"1.2.3.{i}", false, new byte[] { 5, 0 }))] }).Encode(s_pki.CaKey));
    }

    [Fact]
    public void A_certificate_that_is_too_long_is_refused_before_it_is_read() =>
        Assert.Contains("65536", Refused(SmCertificateError.TooLarge, new byte[SmCertificate.MaxBytes + 1]), StringComparison.Ordinal);

    [Fact]
    public void Names_show_no_control_characters_and_are_cut()
    {
        byte[] der = ForgedCertificate.Encoded(w =>
        {
            using (w.PushSequence())
            using (w.PushSetOf())
            using (w.PushSequence())
            {
                w.WriteObjectIdentifier("2.5.4.3");
                w.WriteCharacterString(UniversalTagNumber.UTF8String, "evil\u001b[2J\r\n\u202E" + new string('x', 500));
            }
        });
        string shown = SmName.Parse(der).ToString();
        Assert.StartsWith("CN=evil?[2J???xxx", shown, StringComparison.Ordinal);
        Assert.Equal(203, shown.Length);
        Assert.Throws<ArgumentException>(() => SmName.Create("a\nb"));
        Assert.Throws<ArgumentException>(() => SmName.Create("a", country: "CHN"));
        Assert.Equal("CN=a, OU=c, O=b, C=CN", SmName.Create("a", "b", "c", "cn").ToString());
    }

    [Fact]
    public void Any_change_of_a_certificate_gives_a_typed_error_or_a_certificate_whose_signature_fails()
    {
        byte[] der = s_pki.Sign.RawData.ToArray();
        Random random = new(4);
        int parsed = 0;
        for (int i = 0; i < 6000; i++)
        {
            byte[] mutated = DerMutation.Next(random, der);
            try
            {
                SmCertificate certificate = SmCertificate.Parse(mutated);
                parsed++;
                Assert.Equal(mutated.AsSpan().SequenceEqual(der), certificate.IsSignedBy(s_pki.Ca.Certificate));
                Assert.NotNull(certificate.ToString());
            }
            catch (SmCertificateException)
            {
            }
        }
        Assert.True(parsed > 100, $"{parsed} were read");
    }

    [Fact]
    public void Any_change_of_a_chain_gives_typed_failures()
    {
        SmChainValidator validator = new(s_pki.Trust, cache: new SmVerifiedChainCache());
        ReadOnlyMemory<byte>[] chain = [.. s_pki.Pair.Select(c => c.RawData)];
        SmChainRequest request = SmChainRequest.Server(TestPki.Host, SmChainForm.Pair);
        Assert.True(validator.Validate(chain, request, TestPki.Now).IsValid);
        Random random = new(5);
        for (int i = 0; i < 2000; i++)
        {
            ReadOnlyMemory<byte>[] mutated = [.. chain];
            int at = random.Next(3);
            byte[] bytes = DerMutation.Next(random, mutated[at].ToArray());
            mutated[at] = bytes;
            SmChainResult result = validator.Validate(mutated, request, TestPki.Now);
            Assert.Equal(bytes.AsSpan().SequenceEqual(chain[at].Span), result.IsValid);
        }
    }

    private static string Refused(SmCertificateError error, byte[] der)
    {
        SmCertificateException refusal = Assert.Throws<SmCertificateException>(() => SmCertificate.Parse(der));
        Assert.True(error == refusal.Error, $"{refusal.Error}: {refusal.Message}");
        return refusal.Message;
    }

    private static SmCertificate Recorded(string name) => SmCertificate.FromPem(File.ReadAllText(Path.Combine(Vectors.Pki, name + ".crt.pem")));

    private static (byte[] R, byte[] S) Split(byte[] signature)
    {
        AsnReader pair = new AsnReader(signature, AsnEncodingRules.DER).ReadSequence();
        return (pair.ReadIntegerBytes().ToArray(), pair.ReadIntegerBytes().ToArray());
    }

    private static byte[] Join(byte[] r, byte[] s) => [0x30, (byte)(4 + r.Length + s.Length), 2, (byte)r.Length, .. r, 2, (byte)s.Length, .. s];
}
