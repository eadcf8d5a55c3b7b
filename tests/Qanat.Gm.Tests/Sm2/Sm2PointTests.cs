using System.Numerics;
using System.Security.Cryptography;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests.Sm2Tests;

/// <summary>Points that must not be taken, in each position where a peer can put one.</summary>
public sealed class Sm2PointTests
{
    private static readonly BigInteger s_p = Numbers.FromLimbs(FieldElement.Modulus);

    /// <summary>(form, why it is not valid, the point as hexadecimal).</summary>
    public static TheoryData<string, string> InvalidPoints()
    {
        byte[] good = BouncyCastleSm2.MultiplyBase(Numbers.ToBytes(new BigInteger(7)));
        TheoryData<string, string> data = [];
        void Add(string why, byte[] point) => data.Add(why, Convert.ToHexString(point));
        Add("empty", []);
        Add("infinity in one byte", [0]);
        Add("infinity padded", new byte[65]);
        Add("(0, 0)", [4, .. new byte[64]]);
        Add("short", good[..64]);
        Add("long", [.. good, 0]);
        Add("no form byte", good[1..]);
        foreach (byte form in (byte[])[0, 1, 2, 3, 5, 6, 7, 255]) Add($"form {form}", [form, .. good[1..]]);
        Add("compressed", [(byte)(2 | good[64] & 1), .. good[1..33]]);
        Add("last bit of y", [.. good[..64], (byte)(good[64] ^ 1)]);
        Add("first bit of x", [4, (byte)(good[1] ^ 0x80), .. good[2..]]);
        Add("x and y swapped", [4, .. good[33..], .. good[1..33]]);
        Add("x = p", [4, .. Numbers.ToBytes(s_p), .. good[33..]]);
        Add("y = p", [4, .. good[1..33], .. Numbers.ToBytes(s_p)]);
        Add("all ones", [4, .. Enumerable.Repeat((byte)0xFF, 64)]);
        // A point with a small x has a second form with x + p, which must not be taken.
        for (int x = 0; ; x++)
        {
            byte[] point = new byte[65];
            if (!Sm2Point.TryDecompress([2, .. Numbers.ToBytes(x)], point)) continue;
            Add("x + p", [4, .. Numbers.ToBytes(x + s_p), .. point[33..]]);
            break;
        }
        // On the curve with another b (the "invalid curve" attack): the formulas never use b.
        Add("on another curve", [4, .. Numbers.ToBytes(3), .. Numbers.ToBytes(5)]);
        Add("P-256's base point", Convert.FromHexString("046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C2964FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"));
        return data;
    }

    [Theory]
    [MemberData(nameof(InvalidPoints))]
    public void Invalid_point_is_refused_in_every_position(string why, string hex)
    {
        byte[] point = Convert.FromHexString(hex);
        using Sm2 key = Sm2.Create(), other = Sm2.Create();
        Assert.False(Sm2Point.IsValid(point), why);
        Assert.Throws<CryptographicException>(() => Sm2.ImportPublicKey(point));
        Assert.Throws<CryptographicException>(() => key.DeriveRawSecretAgreement(point));
        Assert.Throws<CryptographicException>(() => Sm2Point.Compress(point, new byte[33]));
        foreach (Sm2KeyExchangeRole role in Enum.GetValues<Sm2KeyExchangeRole>())
        {
            using Sm2KeyExchange exchange = new(key, Sm2.DefaultUserId, role);
            Assert.Throws<CryptographicException>(() => exchange.DeriveKey(other, Sm2.DefaultUserId, point, new byte[48]));
        }
        if (point.Length == 65)
        {
            byte[] ciphertext = key.Encrypt([1, 2, 3], Sm2CipherFormat.C1C3C2);
            point.CopyTo(ciphertext, 0);
            Assert.Throws<CryptographicException>(() => key.Decrypt(ciphertext, Sm2CipherFormat.C1C3C2));
        }
    }

    [Fact]
    public void Points_of_the_curve_are_valid_and_have_one_compressed_form()
    {
        byte[] compressed = new byte[33], again = new byte[65];
        for (int i = 0; i < 50; i++)
        {
            using Sm2 key = Sm2.Create();
            Assert.True(Sm2Point.IsValid(key.PublicKey));
            Sm2Point.Compress(key.PublicKey, compressed);
            Assert.Equal(BouncyCastleSm2.PublicKey(key.PublicKey).Q.GetEncoded(true), compressed);
            Assert.True(Sm2Point.TryDecompress(compressed, again));
            Assert.Equal(key.PublicKey, again);
            using Sm2 imported = Sm2.ImportPublicKey(again);
            Assert.Equal(key.PublicKey, imported.PublicKey);
            Assert.False(imported.HasPrivateKey);
        }
    }

    [Fact]
    public void Compressed_points_off_the_curve_or_out_of_range_are_refused()
    {
        byte[] point = new byte[65];
        int refused = 0;
        for (int x = 0; x < 100; x++)
        {
            byte[] compressed = [2, .. Numbers.ToBytes(x)];
            if (Sm2Point.TryDecompress(compressed, point))
            {
                Assert.True(Sm2Point.IsValid(point));
                Assert.False(Sm2Point.TryDecompress([2, .. Numbers.ToBytes(x + s_p)], point));
            }
            else
            {
                refused++;
                Assert.ThrowsAny<Exception>(() => BouncyCastleSm2.Domain.Curve.DecodePoint(compressed));
            }
        }
        Assert.InRange(refused, 30, 70);
        foreach (byte form in (byte[])[0, 1, 4, 6, 7]) Assert.False(Sm2Point.TryDecompress([form, .. Numbers.ToBytes(Numbers.FromLimbs(FieldElement.Modulus) - 1)], point));
        Assert.False(Sm2Point.TryDecompress([], point));
        Assert.False(Sm2Point.TryDecompress(new byte[65], point));
        Assert.Throws<ArgumentException>(() => Sm2Point.TryDecompress(new byte[33], new byte[64]));
        Assert.Throws<ArgumentException>(() => Sm2Point.Compress(new byte[65], new byte[32]));
    }

    [Fact]
    public void Private_keys_are_from_one_to_the_order_minus_two()
    {
        BigInteger n = Numbers.FromLimbs(Scalar.Order);
        foreach (BigInteger d in (BigInteger[])[0, n - 1, n, n + 1, (BigInteger.One << 256) - 1]) Assert.Throws<CryptographicException>(() => Sm2.Create(Numbers.ToBytes(d)));
        Assert.Throws<CryptographicException>(() => Sm2.Create(new byte[31]));
        Assert.Throws<CryptographicException>(() => Sm2.Create(new byte[33]));
        foreach (BigInteger d in (BigInteger[])[1, 2, n - 2])
        {
            using Sm2 key = Sm2.Create(Numbers.ToBytes(d));
            Assert.Equal(BouncyCastleSm2.MultiplyBase(Numbers.ToBytes(d)), key.PublicKey);
            byte[] exported = new byte[32];
            key.ExportPrivateKey(exported);
            Assert.Equal(Numbers.ToBytes(d), exported);
        }
    }
}
