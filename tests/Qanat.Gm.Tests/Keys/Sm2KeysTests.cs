using System.Formats.Asn1;
using System.Security.Cryptography;
using Org.BouncyCastle.Asn1.GM;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Pkcs;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;

namespace Qanat.Gm.Tests.Keys;

/// <summary>Plain key structures, with BouncyCastle as the second opinion.</summary>
public sealed class Sm2KeysTests
{
    private static readonly byte[] s_scalar = Convert.FromHexString("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"); // GB/T 32918.5 appendix A.2

    [Fact]
    public void Each_structure_that_is_written_is_read_as_the_same_key()
    {
        using Sm2 key = Sm2.Create();
        using Sm2 sec1 = Sm2Keys.ReadECPrivateKey(Sm2Keys.WriteECPrivateKey(key));
        using Sm2 pkcs8 = Sm2Keys.ReadPkcs8PrivateKey(Sm2Keys.WritePkcs8PrivateKey(key));
        using Sm2 info = Sm2Keys.ReadSubjectPublicKeyInfo(Sm2Keys.WriteSubjectPublicKeyInfo(key));
        AssertSame(key, sec1);
        AssertSame(key, pkcs8);
        Assert.Equal(key.PublicKey.ToArray(), info.PublicKey.ToArray());
        Assert.False(info.HasPrivateKey);
    }

    [Fact]
    public void Each_pem_that_is_written_is_read_as_the_same_key()
    {
        using Sm2 key = Sm2.Create();
        using Sm2 sec1 = Sm2Keys.ReadPem(Sm2Keys.WriteECPrivateKeyPem(key));
        using Sm2 pkcs8 = Sm2Keys.ReadPem(Sm2Keys.WritePkcs8PrivateKeyPem(key));
        using Sm2 info = Sm2Keys.ReadPem(Sm2Keys.WriteSubjectPublicKeyInfoPem(key));
        AssertSame(key, sec1);
        AssertSame(key, pkcs8);
        Assert.Equal(key.PublicKey.ToArray(), info.PublicKey.ToArray());
    }

    [Fact]
    public void BouncyCastle_reads_what_is_written()
    {
        using Sm2 key = Sm2.Create(s_scalar);
        ECPrivateKeyParameters theirs = (ECPrivateKeyParameters)PrivateKeyFactory.CreateKey(Sm2Keys.WritePkcs8PrivateKey(key));
        Assert.Equal(s_scalar, theirs.D.ToByteArrayUnsigned());
        ECPublicKeyParameters point = (ECPublicKeyParameters)PublicKeyFactory.CreateKey(Sm2Keys.WriteSubjectPublicKeyInfo(key));
        Assert.Equal(key.PublicKey.ToArray(), point.Q.GetEncoded(compressed: false));
    }

    [Fact]
    public void What_BouncyCastle_writes_is_read()
    {
        ECNamedDomainParameters domain = new(GMObjectIdentifiers.sm2p256v1, GMNamedCurves.GetByName("sm2p256v1"));
        ECPrivateKeyParameters theirs = new("EC", new Org.BouncyCastle.Math.BigInteger(1, s_scalar), domain);
        using Sm2 key = Sm2Keys.ReadPkcs8PrivateKey(PrivateKeyInfoFactory.CreatePrivateKeyInfo(theirs).GetDerEncoded());
        using Sm2 expected = Sm2.Create(s_scalar);
        AssertSame(expected, key);
        ECPublicKeyParameters theirPoint = new("EC", domain.G.Multiply(theirs.D).Normalize(), domain);
        using Sm2 point = Sm2Keys.ReadSubjectPublicKeyInfo(SubjectPublicKeyInfoFactory.CreateSubjectPublicKeyInfo(theirPoint).GetDerEncoded());
        Assert.Equal(expected.PublicKey.ToArray(), point.PublicKey.ToArray());
    }

    [Fact]
    public void Keys_of_other_algorithms_are_refused_by_name()
    {
        using ECDsa p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using RSA rsa = RSA.Create(2048);
        Assert.Contains("1.2.840.10045.3.1.7", Refused(Sm2KeyError.NotSm2, () => Sm2Keys.ReadPkcs8PrivateKey(p256.ExportPkcs8PrivateKey())), StringComparison.Ordinal);
        Refused(Sm2KeyError.NotSm2, () => Sm2Keys.ReadECPrivateKey(p256.ExportECPrivateKey()));
        Refused(Sm2KeyError.NotSm2, () => Sm2Keys.ReadSubjectPublicKeyInfo(p256.ExportSubjectPublicKeyInfo()));
        Assert.Contains("1.2.840.113549.1.1.1", Refused(Sm2KeyError.NotSm2, () => Sm2Keys.ReadPkcs8PrivateKey(rsa.ExportPkcs8PrivateKey())), StringComparison.Ordinal);
    }

    [Fact]
    public void A_sec1_key_without_its_curve_is_refused()
    {
        byte[] der = ECPrivateKey(s_scalar, withCurve: false, point: null);
        Assert.Contains("curve", Refused(Sm2KeyError.NotSm2, () => Sm2Keys.ReadECPrivateKey(der)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54122")] // n - 1
    [InlineData("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123")] // n
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")]
    [InlineData("45208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")]
    [InlineData("003945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")]
    public void A_scalar_out_of_range_is_refused(string scalar) =>
        Refused(Sm2KeyError.InvalidPrivateKey, () => Sm2Keys.ReadECPrivateKey(ECPrivateKey(Convert.FromHexString(scalar), withCurve: true, point: null)));

    [Fact]
    public void A_public_key_of_another_private_key_is_refused()
    {
        using Sm2 other = Sm2.Create();
        Refused(Sm2KeyError.KeyPairMismatch, () => Sm2Keys.ReadECPrivateKey(ECPrivateKey(s_scalar, withCurve: true, point: other.PublicKey.ToArray())));
    }

    [Fact]
    public void A_public_point_that_is_compressed_or_off_the_curve_is_refused()
    {
        using Sm2 key = Sm2.Create();
        byte[] info = Sm2Keys.WriteSubjectPublicKeyInfo(key);
        info[^1] ^= 1;
        Refused(Sm2KeyError.InvalidPublicKey, () => Sm2Keys.ReadSubjectPublicKeyInfo(info));
        byte[] compressed = new SubjectPublicKeyInfo(new AlgorithmIdentifier(new("1.2.840.10045.2.1"), GMObjectIdentifiers.sm2p256v1), [0x02, .. key.PublicKey[1..33]]).GetDerEncoded();
        Assert.Contains("uncompressed", Refused(Sm2KeyError.InvalidPublicKey, () => Sm2Keys.ReadSubjectPublicKeyInfo(compressed)), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_after_the_key_and_long_lengths_are_refused()
    {
        using Sm2 key = Sm2.Create(s_scalar);
        foreach (byte[] der in new[] { Sm2Keys.WriteECPrivateKey(key), Sm2Keys.WritePkcs8PrivateKey(key) })
        {
            Func<ReadOnlyMemory<byte>, Sm2> read = der.Length < 130 ? Sm2Keys.ReadECPrivateKey : Sm2Keys.ReadPkcs8PrivateKey;
            Refused(Sm2KeyError.MalformedDer, () => read((byte[])[.. der, 0]));
            Refused(Sm2KeyError.MalformedDer, () => read(der.AsMemory(0, der.Length - 1)));
            // The same length in one byte more than needed: BER, not DER.
            byte[] ber = der[1] < 0x80 ? [der[0], 0x81, der[1], .. der[2..]] : [der[0], 0x82, 0, der[2], .. der[3..]];
            Refused(Sm2KeyError.MalformedDer, () => read(ber));
        }
    }

    [Fact]
    public void A_pkcs8_key_with_attributes_and_a_public_key_is_read()
    {
        using Sm2 key = Sm2.Create(s_scalar);
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(1);
            WriteAlgorithm(writer);
            writer.WriteOctetString(ECPrivateKey(s_scalar, withCurve: false, point: null));
            using (writer.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
            }
            writer.WriteBitString(key.PublicKey, 0, new Asn1Tag(TagClass.ContextSpecific, 1));
        }
        using Sm2 read = Sm2Keys.ReadPkcs8PrivateKey(writer.Encode());
        AssertSame(key, read);
    }

    [Fact]
    public void A_pem_without_a_key_or_in_the_old_encryption_is_refused_and_other_blocks_are_passed_over()
    {
        using Sm2 key = Sm2.Create(s_scalar);
        Refused(Sm2KeyError.NoKeyInPem, () => Sm2Keys.ReadPem("nothing"));
        Refused(Sm2KeyError.NoKeyInPem, () => Sm2Keys.ReadPem(PemEncoding.Write("CERTIFICATE", [1, 2, 3])));
        Assert.Contains("openssl pkcs8", Refused(Sm2KeyError.UnsupportedEncryption, () => Sm2Keys.ReadPem(
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n")), StringComparison.Ordinal);
        string text = PemEncoding.WriteString("EC PARAMETERS", [6, 8, 42]) + "\nnotes\n" + new string(Sm2Keys.WriteECPrivateKeyPem(key)).Replace("\n", "\r\n", StringComparison.Ordinal);
        using Sm2 read = Sm2Keys.ReadPem(text);
        AssertSame(key, read);
    }

    [Fact]
    public void A_public_key_cannot_be_written_as_a_private_one()
    {
        using Sm2 key = Sm2.Create();
        using Sm2 point = Sm2.ImportPublicKey(key.PublicKey);
        Assert.Throws<InvalidOperationException>(() => Sm2Keys.WritePkcs8PrivateKey(point));
        Assert.Throws<InvalidOperationException>(() => Sm2Keys.WriteECPrivateKey(point));
    }

    [Fact]
    public void Any_change_of_a_key_gives_a_key_or_a_typed_error()
    {
        using Sm2 key = Sm2.Create(s_scalar);
        (byte[] Der, Func<ReadOnlyMemory<byte>, Sm2> Read)[] structures =
        [
            (Sm2Keys.WriteECPrivateKey(key), Sm2Keys.ReadECPrivateKey),
            (Sm2Keys.WritePkcs8PrivateKey(key), Sm2Keys.ReadPkcs8PrivateKey),
            (Sm2Keys.WriteSubjectPublicKeyInfo(key), Sm2Keys.ReadSubjectPublicKeyInfo),
        ];
        Random random = new(1);
        int refused = 0;
        for (int i = 0; i < 6000; i++)
        {
            (byte[] der, Func<ReadOnlyMemory<byte>, Sm2> read) = structures[i % structures.Length];
            byte[] mutated = DerMutation.Next(random, der);
            try
            {
                using Sm2 same = read(mutated);
                // With the public key inside, nothing but the same key can come out.
                Assert.Equal(key.PublicKey.ToArray(), same.PublicKey.ToArray());
            }
            catch (Sm2KeyException)
            {
                refused++;
            }
        }
        Assert.True(refused > 5000, $"{refused} were refused");
    }

    private static string Refused(Sm2KeyError error, Func<object> read)
    {
        Sm2KeyException refusal = Assert.Throws<Sm2KeyException>(read);
        Assert.Equal(error, refusal.Error);
        return refusal.Message;
    }

    private static void AssertSame(Sm2 expected, Sm2 actual)
    {
        byte[] a = new byte[32], b = new byte[32];
        expected.ExportPrivateKey(a);
        actual.ExportPrivateKey(b);
        Assert.Equal(a, b);
        Assert.Equal(expected.PublicKey.ToArray(), actual.PublicKey.ToArray());
    }

    private static byte[] ECPrivateKey(byte[] scalar, bool withCurve, byte[]? point)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(1);
            writer.WriteOctetString(scalar);
            if (withCurve)
            {
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    writer.WriteObjectIdentifier(GmObjectIdentifiers.Sm2Curve);
                }
            }
            if (point is not null)
            {
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 1)))
                {
                    writer.WriteBitString(point);
                }
            }
        }
        return writer.Encode();
    }

    private static void WriteAlgorithm(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(GmObjectIdentifiers.ECPublicKey);
            writer.WriteObjectIdentifier(GmObjectIdentifiers.Sm2Curve);
        }
    }
}
