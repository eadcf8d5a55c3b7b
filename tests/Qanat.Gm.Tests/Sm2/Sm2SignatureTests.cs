using System.Numerics;
using System.Security.Cryptography;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests.Sm2Tests;

public sealed class Sm2SignatureTests
{
    private const DSASignatureFormat Raw = DSASignatureFormat.IeeeP1363FixedFieldConcatenation, Der = DSASignatureFormat.Rfc3279DerSequence;
    private static readonly BigInteger s_n = Numbers.FromLimbs(Scalar.Order);
    private static readonly BigInteger s_p = Numbers.FromLimbs(FieldElement.Modulus);

    /// <summary>GB/T 32918.5-2017 annex A.2.</summary>
    private const string
        D = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8",
        P = "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13",
        K = "59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21",
        Z = "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3",
        E = "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640",
        R = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3",
        S = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";

    [Fact]
    [Trait("Kind", "Vector")]
    public void Example_of_the_standard_holds()
    {
        using Sm2 key = Sm2.Create(Convert.FromHexString(D));
        Assert.Equal(P, Convert.ToHexString(key.PublicKey));
        byte[] hash = new byte[32];
        key.ComputeZ(Sm2.DefaultUserId, hash);
        Assert.Equal(Z, Convert.ToHexString(hash));
        key.ComputeHash("message digest"u8, Sm2.DefaultUserId, hash);
        Assert.Equal(E, Convert.ToHexString(hash));
        Limbs k = Limbs.FromBytes(Convert.FromHexString(K));
        Sm2Curve.MultiplyBase(out JacobianPoint product, k);
        product.ToAffine(out AffinePoint point);
        Assert.True(Sm2.TryFinishSignature(key.RequireSigningSecret(), Limbs.FromBytes(hash), k, FieldElement.FromMontgomery(point.X), out Limbs r, out Limbs s));
        Assert.Equal(R, Convert.ToHexString(Numbers.ToBytes(r)));
        Assert.Equal(S, Convert.ToHexString(Numbers.ToBytes(s)));
        using Sm2 publicKey = Sm2.ImportPublicKey(Convert.FromHexString(P));
        Assert.True(publicKey.VerifyData("message digest"u8, Sm2.DefaultUserId, Convert.FromHexString(R + S), Raw));
        Assert.False(publicKey.VerifyData("message digest"u8, "another id"u8, Convert.FromHexString(R + S), Raw));
        Assert.False(publicKey.VerifyData("message digesT"u8, Sm2.DefaultUserId, Convert.FromHexString(R + S), Raw));
    }

    [Theory]
    [InlineData(Raw)]
    [InlineData(Der)]
    public void Signatures_verify_here_and_at_BouncyCastle_and_the_other_way(DSASignatureFormat format)
    {
        byte[] d = new byte[32];
        Random random = new(5);
        for (int i = 0; i < 300 * Numbers.Scale; i++)
        {
            using Sm2 key = Sm2.Create();
            key.ExportPrivateKey(d);
            byte[] data = new byte[random.Next(200)], id = new byte[1 + random.Next(40)];
            random.NextBytes(data);
            random.NextBytes(id);
            byte[] signature = key.SignData(data, id, format);
            Assert.True(key.VerifyData(data, id, signature, format));
            if (format == Der)
            {
                Assert.True(BouncyCastleSm2.Verify(key.PublicKey, id, data, signature));
                signature = BouncyCastleSm2.Sign(d, id, data);
                Assert.True(key.VerifyData(data, id, signature, format));
            }
            signature[random.Next(signature.Length)] ^= (byte)(1 << random.Next(8));
            Assert.False(key.VerifyData(data, id, signature, format));
        }
    }

    /// <summary>Ten thousand checks a run and a million in the long one: verification against BouncyCastle's point arithmetic over true, false and odd signatures.</summary>
    [Fact]
    public void Verification_agrees_with_BouncyCastle_on_random_signatures()
    {
        Random random = new(6);
        byte[] hash = new byte[32], signature = new byte[64];
        Sm2[] keys = [.. Enumerable.Range(0, 20).Select(_ => Sm2.Create())];
        for (int i = 0; i < 10_000 * Numbers.Scale; i++)
        {
            Sm2 key = keys[random.Next(keys.Length)];
            random.NextBytes(hash);
            key.SignHash(hash, signature, Raw);
            bool expected = i % 2 == 0;
            if (!expected) (i % 4 == 1 ? hash : signature)[random.Next(32)] ^= (byte)(1 << random.Next(8));
            Assert.Equal(expected, key.VerifyHash(hash, signature, Raw));
            if (i % 10 < 2) Assert.Equal(expected, VerifiesByDefinition(key, hash, signature));
        }
        foreach (Sm2 key in keys) key.Dispose();
    }

    [Fact]
    [Trait("Kind", "Interop")]
    public void Signatures_verify_at_OpenSsl_and_the_other_way()
    {
        OpenSslSm2.Require();
        byte[] d = new byte[32];
        for (int i = 0; i < 100 * Numbers.Scale; i++)
        {
            using Sm2 key = Sm2.Create();
            key.ExportPrivateKey(d);
            using OpenSslSm2 peer = new(d, key.PublicKey);
            byte[] data = RandomNumberGenerator.GetBytes(i), id = RandomNumberGenerator.GetBytes(1 + i % 50);
            Assert.True(peer.Verify(id, data, key.SignData(data, id, Der)));
            byte[] signature = peer.Sign(id, data);
            Assert.True(key.VerifyData(data, id, signature, Der));
            signature[^1] ^= 1;
            Assert.False(key.VerifyData(data, id, signature, Der));
            Assert.False(peer.Verify(id, data, signature));
        }
    }

    /// <summary>r and s at and around 0 and n, with the hash that would make a careless verifier accept: r = 0 or s = 0 or r + s = n.</summary>
    [Fact]
    public void Numbers_out_of_range_are_refused()
    {
        using Sm2 key = Sm2.Create();
        byte[] hash = RandomNumberGenerator.GetBytes(32);
        byte[] good = key.SignHash(hash, Raw);
        (BigInteger r, BigInteger s) = (Numbers.FromBytes(good.AsSpan(0, 32)), Numbers.FromBytes(good.AsSpan(32)));
        BigInteger most = (BigInteger.One << 256) - 1;
        BigInteger[] odd = [0, 1, 2, s_n - 2, s_n - 1, s_n, s_n + 1, s_n + 2, s_p, most, r + s_n, s + s_n, s_n - r, s_n - s, r, s];
        foreach (BigInteger a in odd.Where(x => x <= most))
        {
            foreach (BigInteger b in odd.Where(x => x <= most))
            {
                byte[] signature = [.. Numbers.ToBytes(a), .. Numbers.ToBytes(b)];
                bool expected = a == r && b == s;
                Assert.Equal(expected, key.VerifyHash(hash, signature, Raw));
                Assert.Equal(expected, key.VerifyHash(hash, ToDer(a, b), Der));
            }
        }
    }

    /// <summary>r + s = n makes t = 0; s G + t P = infinity when s = -t d; both must be refused, whatever e is.</summary>
    [Fact]
    public void Sums_that_are_zero_or_infinity_are_refused()
    {
        BigInteger d = 12345;
        using Sm2 key = Sm2.Create(Numbers.ToBytes(d));
        for (int i = 1; i < 50; i++)
        {
            BigInteger s = i * 7919, r = s_n - s;
            Assert.False(key.VerifyHash(Numbers.ToBytes(r), (byte[])[.. Numbers.ToBytes(r), .. Numbers.ToBytes(s)], Raw));
            // t (1) with s = -t d, so r = t - s = t (1 + d): the sum is infinity, whose "x" might be taken for 0, so that e = r.
            BigInteger t = i;
            s = (s_n - t * d % s_n) % s_n;
            r = t * (1 + d) % s_n;
            Assert.False(key.VerifyHash(Numbers.ToBytes(r), (byte[])[.. Numbers.ToBytes(r), .. Numbers.ToBytes(s)], Raw));
        }
    }

    /// <summary>The x coordinate may be from n to p - 1; then x mod n is compared, which only the second candidate finds.</summary>
    [Fact]
    public void Coordinates_above_the_order_are_compared_modulo_the_order()
    {
        byte[] point = new byte[65];
        int found = 0;
        for (BigInteger x = s_n; found < 5; x++)
        {
            if (!Sm2Point.TryDecompress([2, .. Numbers.ToBytes(x)], point)) continue;
            found++;
            JacobianPoint p = new(Sm2Point.Decode(point));
            Assert.True(Sm2.MatchesX(p, Numbers.ToLimbs(x - s_n)));
            Assert.False(Sm2.MatchesX(p, Numbers.ToLimbs(x - s_n + 1)));
            JacobianPoint.Double(out JacobianPoint other, p);
            Assert.False(Sm2.MatchesX(other, Numbers.ToLimbs(x - s_n)));
            // The same point with another Z.
            JacobianPoint.AddLazy(out JacobianPoint three, other, p);
            FieldElement.Negate(out p.Y, p.Y);
            JacobianPoint.AddLazy(out three, three, p);
            JacobianPoint.AddLazy(out three, three, p);
            Assert.True(Sm2.MatchesX(three, Numbers.ToLimbs(x - s_n)));
        }
        Assert.False(Sm2.MatchesX(default, default));
    }

    [Fact]
    public void Nonces_that_give_zero_are_not_used()
    {
        using Sm2 key = Sm2.Create(Numbers.ToBytes(77));
        Limbs k = new(9, 0, 0, 0), x = new(5, 0, 0, 0);
        ref readonly Sm2.Secret secret = ref key.RequireSigningSecret();
        Assert.False(Sm2.TryFinishSignature(secret, Numbers.ToLimbs(s_n - 5), k, x, out _, out _));
        Assert.False(Sm2.TryFinishSignature(secret, Numbers.ToLimbs(s_n - 5 - 9), k, x, out _, out _));
        // s = 0 where k = r d.
        Assert.False(Sm2.TryFinishSignature(secret, new Limbs(1, 0, 0, 0), new Limbs(6 * 77, 0, 0, 0), x, out _, out _));
        Assert.True(Sm2.TryFinishSignature(secret, new Limbs(1, 0, 0, 0), k, x, out _, out _));
    }

    /// <summary>The nonce depends on the key, on the hash and on the random bytes: equal random bytes with another hash or key give another nonce, and the next candidate differs.</summary>
    [Fact]
    public void Nonces_differ_by_hash_key_and_randomness()
    {
        using Sm2 first = Sm2.Create(), second = Sm2.Create();
        byte[] one = RandomNumberGenerator.GetBytes(32), two = RandomNumberGenerator.GetBytes(32), random = new byte[16], otherRandom = new byte[16];
        otherRandom[15] = 1;
        HashSet<BigInteger> seen = [];
        foreach (Sm2 key in (Sm2[])[first, second])
        {
            foreach (byte[] hash in (byte[][])[one, two])
            {
                foreach (byte[] bytes in (byte[][])[random, otherRandom])
                {
                    Sm2Nonce nonce = new(hash, bytes);
                    Limbs k = nonce.Next(key.RequireSecret().NonceKey);
                    Assert.True(seen.Add(Numbers.FromLimbs(k)));
                    Assert.True(seen.Add(Numbers.FromLimbs(nonce.Next(key.RequireSecret().NonceKey))));
                    Sm2Nonce again = new(hash, bytes);
                    Assert.True(k.EqualTo(again.Next(key.RequireSecret().NonceKey)));
                }
            }
        }
        Assert.NotEqual(first.SignHash(one, Raw), first.SignHash(one, Raw));
    }

    [Fact]
    public void Nonce_is_hmac_of_hash_randomness_and_number()
    {
        byte[] d = Numbers.ToBytes(31337), hash = RandomNumberGenerator.GetBytes(32), random = RandomNumberGenerator.GetBytes(16);
        using Sm2 key = Sm2.Create(d);
        Sm2Nonce nonce = new(hash, random);
        for (byte i = 0; i < 3; i++) Assert.Equal(BouncyCastleSm3.Hmac(d, (byte[])[.. hash, .. random, i]), Numbers.ToBytes(nonce.Next(key.RequireSecret().NonceKey)));
    }

    [Fact]
    public void Only_one_der_form_is_taken()
    {
        using Sm2 key = Sm2.Create();
        byte[] hash = RandomNumberGenerator.GetBytes(32);
        byte[] der = key.SignHash(hash, Der), raw = key.SignHash(hash, Raw);
        Assert.True(key.VerifyHash(hash, der, Der));
        byte[] r = raw[..32], s = raw[32..];
        byte[] Integer(byte[] content) => [0x02, (byte)content.Length, .. content];
        byte[] good = ToDer(Numbers.FromBytes(r), Numbers.FromBytes(s));
        Assert.True(key.VerifyHash(hash, good, Der));
        byte[] body = good[2..], paddedR = Integer([0, 0, .. r]), plainS = Integer(s[0] >= 0x80 ? [0, .. s] : s);
        byte[][] wrong =
        [
            [], [0x30], [0x30, 0], [0x30, 0x80, .. body, 0, 0], [0x30, 0x81, (byte)body.Length, .. body], [.. good, 0], [0x31, .. good[1..]],
            [0x30, (byte)(body.Length + 1), .. body], [0x30, (byte)(body.Length + 1), .. body, 0], [0x30, (byte)(body.Length - 1), .. body],
            [0x30, (byte)(paddedR.Length + plainS.Length), .. paddedR, .. plainS], [0x30, 2, 0x02, 0], [0x30, 4, 0x02, 0, 0x02, 0],
            [0x30, (byte)plainS.Length, .. plainS], [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, .. body], [0x24, .. good[1..]], raw,
        ];
        foreach (byte[] signature in wrong) Assert.False(key.VerifyHash(hash, signature, Der));
        for (int i = 0; i < good.Length; i++) Assert.False(key.VerifyHash(hash, good.AsSpan(0, i), Der));
        Assert.False(key.VerifyHash(hash, raw.AsSpan(1), Raw));
        Assert.False(key.VerifyHash(hash, (byte[])[.. raw, 0], Raw));
    }

    [Fact]
    public void Der_lengths_are_the_shortest()
    {
        byte[] destination = new byte[Sm2.MaxDerSignatureSizeInBytes];
        foreach (BigInteger a in Numbers.Edges(s_n).Where(a => a > 0))
        {
            int length = Sm2SignatureFormat.Write(Numbers.ToLimbs(a), Numbers.ToLimbs(s_n - a), destination, Der);
            Assert.Equal(ToDer(a, s_n - a), destination[..length]);
            Assert.True(Sm2SignatureFormat.TryRead(destination.AsSpan(0, length), Der, out Limbs r, out Limbs s));
            Assert.Equal(a, Numbers.FromLimbs(r));
            Assert.Equal(s_n - a, Numbers.FromLimbs(s));
        }
    }

    [Fact]
    public void Misuse_is_told()
    {
        using Sm2 key = Sm2.Create();
        using Sm2 publicKey = Sm2.ImportPublicKey(key.PublicKey);
        byte[] hash = new byte[32];
        Assert.Throws<InvalidOperationException>(() => publicKey.SignHash(hash, Raw));
        Assert.Throws<InvalidOperationException>(() => publicKey.ExportPrivateKey(hash));
        Assert.Throws<InvalidOperationException>(() => publicKey.DeriveRawSecretAgreement(key.PublicKey));
        Assert.Throws<ArgumentException>(() => key.SignHash(new byte[31], Raw));
        Assert.Throws<ArgumentException>(() => key.VerifyHash(new byte[33], new byte[64], Raw));
        Assert.Throws<ArgumentException>(() => key.SignHash(hash, new byte[63], Raw));
        Assert.Throws<ArgumentException>(() => key.SignHash(hash, new byte[71], Der));
        Assert.Throws<ArgumentOutOfRangeException>(() => key.SignHash(hash, (DSASignatureFormat)9));
        Assert.Throws<ArgumentException>(() => key.ComputeZ(new byte[8192], hash));
        key.ComputeZ(new byte[8191], hash);
        key.ComputeZ([], hash);
        key.Dispose();
        Assert.Throws<ObjectDisposedException>(() => key.SignHash(hash, Raw));
        Assert.Throws<ObjectDisposedException>(() => key.ExportPrivateKey(hash));
        Assert.False(key.VerifyHash(hash, new byte[64], Raw));
    }

    [Fact]
    public void Disposed_key_is_zeroed()
    {
        Sm2 key = Sm2.Create();
        _ = key.SignHash(new byte[32], Raw);
        ref readonly Sm2.Secret secret = ref key.RequireSigningSecret();
        Assert.False(secret.D.IsZero);
        Assert.False(secret.InverseOfOnePlusD.IsZero);
        key.Dispose();
        foreach (byte value in System.Runtime.InteropServices.MemoryMarshal.AsBytes(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(in secret, 1))) Assert.Equal(0, value);
    }

    [Fact]
    public void Signing_verifying_and_agreeing_allocate_nothing()
    {
        using Sm2 key = Sm2.Create();
        byte[] hash = new byte[32], signature = new byte[72], secret = new byte[32], peer = key.PublicKey.ToArray();
        Assert.Equal(0, Allocations.Of(Run));
        void Run()
        {
            int length = key.SignHash(hash, signature, Der);
            if (!key.VerifyHash(hash, signature.AsSpan(0, length), Der)) throw new InvalidOperationException("refused");
            key.DeriveRawSecretAgreement(peer, secret);
        }
    }

    [Fact]
    public void Threads_may_share_a_key()
    {
        using Sm2 key = Sm2.Create();
        Parallel.For(0, 64, i =>
        {
            byte[] data = [(byte)i];
            Assert.True(key.VerifyData(data, Sm2.DefaultUserId, key.SignData(data, Sm2.DefaultUserId, Der), Der));
        });
    }

    /// <summary>(e + x of s G + t P) mod n = r with BouncyCastle's points.</summary>
    private static bool VerifiesByDefinition(Sm2 key, byte[] hash, byte[] signature)
    {
        (BigInteger r, BigInteger s) = (Numbers.FromBytes(signature.AsSpan(0, 32)), Numbers.FromBytes(signature.AsSpan(32)));
        BigInteger t = (r + s) % s_n;
        if (r.IsZero || r >= s_n || s.IsZero || s >= s_n || t.IsZero) return false;
        byte[] sum = BouncyCastleSm2.MultiplyTwo(Numbers.ToBytes(s), key.PublicKey, Numbers.ToBytes(t));
        return sum.Length == 65 && (Numbers.FromBytes(hash) + Numbers.FromBytes(sum.AsSpan(1, 32))) % s_n == r;
    }

    private static byte[] ToDer(BigInteger r, BigInteger s)
    {
        System.Formats.Asn1.AsnWriter writer = new(System.Formats.Asn1.AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(r);
            writer.WriteInteger(s);
        }
        return writer.Encode();
    }
}
