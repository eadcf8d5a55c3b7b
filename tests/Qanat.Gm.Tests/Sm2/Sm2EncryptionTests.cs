using System.Numerics;
using System.Security.Cryptography;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests.Sm2Tests;

public sealed class Sm2EncryptionTests
{
    /// <summary>GB/T 32918.5-2017 annex A.4.</summary>
    private const string
        D = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8",
        K = "59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21",
        C1 = "0404EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0",
        C3 = "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766",
        C2 = "21886CA989CA9C7D58087307CA93092D651EFA";

    [Fact]
    [Trait("Kind", "Vector")]
    public void Example_of_the_standard_holds()
    {
        using Sm2 key = Sm2.Create(Convert.FromHexString(D));
        byte[] ciphertext = new byte[65 + 32 + 19];
        Assert.True(key.TryEncrypt(Limbs.FromBytes(Convert.FromHexString(K)), "encryption standard"u8, ciphertext));
        Assert.Equal(C1 + C3 + C2, Convert.ToHexString(ciphertext));
        Assert.Equal("encryption standard"u8.ToArray(), key.Decrypt(ciphertext, Sm2CipherFormat.C1C3C2));
    }

    [Fact]
    public void Ciphertexts_decrypt_here_and_at_BouncyCastle_and_the_other_way()
    {
        byte[] d = new byte[32];
        for (int i = 1; i <= 200 * Numbers.Scale; i++)
        {
            using Sm2 key = Sm2.Create();
            using Sm2 publicKey = Sm2.ImportPublicKey(key.PublicKey);
            key.ExportPrivateKey(d);
            byte[] plaintext = RandomNumberGenerator.GetBytes(1 + i % 200);
            byte[] raw = publicKey.Encrypt(plaintext, Sm2CipherFormat.C1C3C2);
            Assert.Equal(plaintext, BouncyCastleSm2.Decrypt(d, raw));
            Assert.Equal(plaintext, key.Decrypt(raw, Sm2CipherFormat.C1C3C2));
            Assert.Equal(plaintext, key.Decrypt(BouncyCastleSm2.Encrypt(key.PublicKey, plaintext), Sm2CipherFormat.C1C3C2));
            byte[] asn1 = publicKey.Encrypt(plaintext, Sm2CipherFormat.Asn1);
            Assert.Equal(plaintext, key.Decrypt(asn1, Sm2CipherFormat.Asn1));
        }
    }

    [Fact]
    [Trait("Kind", "Interop")]
    public void Ciphertexts_decrypt_at_OpenSsl_and_the_other_way()
    {
        OpenSslSm2.Require();
        byte[] d = new byte[32];
        for (int i = 1; i <= 100 * Numbers.Scale; i++)
        {
            using Sm2 key = Sm2.Create();
            key.ExportPrivateKey(d);
            using OpenSslSm2 peer = new(d, key.PublicKey);
            byte[] plaintext = RandomNumberGenerator.GetBytes(1 + i % 300);
            Assert.Equal(plaintext, peer.Decrypt(key.Encrypt(plaintext, Sm2CipherFormat.Asn1)));
            Assert.Equal(plaintext, key.Decrypt(peer.Encrypt(plaintext), Sm2CipherFormat.Asn1));
        }
    }

    /// <summary>A key stream of one zero byte comes once in 256 nonces and must not be used.</summary>
    [Fact]
    public void Key_streams_of_zeros_are_not_used()
    {
        using Sm2 key = Sm2.Create(Numbers.ToBytes(4242));
        byte[] ciphertext = new byte[65 + 32 + 1];
        int refused = 0;
        for (ulong k = 1; k < 3000; k++)
        {
            if (key.TryEncrypt(new Limbs(k, 0, 0, 0), [0xA5], ciphertext))
            {
                Assert.NotEqual(0xA5, ciphertext[^1]);
                continue;
            }
            refused++;
            // What a careless sender would have sent is refused by the receiver (GB/T 32918.4 section 7.1, step B4).
            Assert.Equal(0xA5, ciphertext[^1]);
            Assert.False(key.TryDecrypt(ciphertext, Sm2CipherFormat.C1C3C2, new byte[1], out _));
        }
        Assert.InRange(refused, 1, 60);
    }

    [Theory]
    [InlineData(Sm2CipherFormat.C1C3C2)]
    [InlineData(Sm2CipherFormat.Asn1)]
    public void Every_changed_bit_is_refused_with_one_message(Sm2CipherFormat format)
    {
        using Sm2 key = Sm2.Create();
        byte[] ciphertext = key.Encrypt("premaster"u8, format), destination = new byte[ciphertext.Length];
        string message = Assert.Throws<CryptographicException>(() => key.Decrypt([], format)).Message;
        for (int i = 0; i < 8 * ciphertext.Length; i++)
        {
            ciphertext[i / 8] ^= (byte)(1 << (i % 8));
            Array.Fill(destination, (byte)0);
            Assert.False(key.TryDecrypt(ciphertext, format, destination, out int written));
            Assert.Equal(0, written);
            Assert.All(destination, value => Assert.Equal(0, value));
            Assert.Equal(message, Assert.Throws<CryptographicException>(() => key.Decrypt(ciphertext, format)).Message);
            ciphertext[i / 8] ^= (byte)(1 << (i % 8));
        }
        for (int i = 0; i < ciphertext.Length; i++) Assert.False(key.TryDecrypt(ciphertext.AsSpan(0, i), format, destination, out _));
        Assert.False(key.TryDecrypt((byte[])[.. ciphertext, 0], format, destination, out _) && format == Sm2CipherFormat.Asn1);
        Assert.True(key.TryDecrypt(ciphertext, format, destination, out int length));
        Assert.Equal("premaster"u8, destination.AsSpan(0, length));
        using Sm2 other = Sm2.Create();
        Assert.False(other.TryDecrypt(ciphertext, format, destination, out _));
    }

    [Fact]
    public void Asn1_form_has_the_shortest_integers_and_no_other_is_taken()
    {
        using Sm2 key = Sm2.Create();
        bool shorter = false, longer = false;
        for (int i = 0; i < 2000 && !(shorter && longer); i++)
        {
            byte[] asn1 = key.Encrypt([1], Sm2CipherFormat.Asn1);
            Assert.Equal(0x02, asn1[2]);
            shorter |= asn1[3] < 32;
            longer |= asn1[3] == 33;
            Assert.Equal([1], key.Decrypt(asn1, Sm2CipherFormat.Asn1));
        }
        Assert.True(shorter && longer);
        byte[] raw = key.Encrypt([1, 2, 3], Sm2CipherFormat.C1C3C2);
        (BigInteger x, BigInteger y) = (Numbers.FromBytes(raw.AsSpan(1, 32)), Numbers.FromBytes(raw.AsSpan(33, 32)));
        BigInteger p = Numbers.FromLimbs(FieldElement.Modulus);
        byte[] Write(BigInteger a, BigInteger b, byte[] c3, byte[] c2)
        {
            System.Formats.Asn1.AsnWriter writer = new(System.Formats.Asn1.AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteInteger(a);
                writer.WriteInteger(b);
                writer.WriteOctetString(c3);
                writer.WriteOctetString(c2);
            }
            return writer.Encode();
        }
        bool Decrypts(byte[] ciphertext) => key.TryDecrypt(ciphertext, Sm2CipherFormat.Asn1, new byte[400], out _);
        byte[] c3 = raw[65..97], c2 = raw[97..];
        Assert.True(Decrypts(Write(x, y, c3, c2)));
        Assert.False(Decrypts(Write(x + p, y, c3, c2)));
        Assert.False(Decrypts(Write(x, y - p, c3, c2)));
        Assert.False(Decrypts(Write(-x, y, c3, c2)));
        Assert.False(Decrypts(Write(x + (BigInteger.One << 256), y, c3, c2)));
        Assert.False(Decrypts(Write(0, 0, c3, c2)));
        Assert.False(Decrypts(Write(x, y, c3[1..], c2)));
        Assert.False(Decrypts(Write(x, y, [.. c3, 0], c2)));
        Assert.False(Decrypts(Write(x, y, c3, [])));
    }

    [Fact]
    public void Decryption_in_place_gives_the_plaintext()
    {
        using Sm2 key = Sm2.Create();
        byte[] plaintext = RandomNumberGenerator.GetBytes(100);
        foreach (int offset in (int[])[0, 40, 97])
        {
            byte[] buffer = key.Encrypt(plaintext, Sm2CipherFormat.C1C3C2);
            Assert.True(key.TryDecrypt(buffer, Sm2CipherFormat.C1C3C2, buffer.AsSpan(offset), out int written));
            Assert.Equal(plaintext, buffer[offset..(offset + written)]);
        }
    }

    [Fact]
    public void Lengths_are_bounded()
    {
        using Sm2 key = Sm2.Create();
        Assert.Throws<ArgumentException>(() => key.Encrypt([], Sm2CipherFormat.C1C3C2));
        Assert.Throws<ArgumentException>(() => key.Encrypt(new byte[Sm2.MaxPlaintextSizeInBytes + 1], Sm2CipherFormat.C1C3C2));
        Assert.Throws<ArgumentOutOfRangeException>(() => key.Encrypt([1], (Sm2CipherFormat)2));
        byte[] ciphertext = key.Encrypt([1, 2], Sm2CipherFormat.C1C3C2);
        Assert.Throws<ArgumentException>(() => key.TryDecrypt(ciphertext, Sm2CipherFormat.C1C3C2, new byte[1], out _));
        using Sm2 publicKey = Sm2.ImportPublicKey(key.PublicKey);
        Assert.Throws<InvalidOperationException>(() => publicKey.Decrypt(ciphertext, Sm2CipherFormat.C1C3C2));
    }
}
