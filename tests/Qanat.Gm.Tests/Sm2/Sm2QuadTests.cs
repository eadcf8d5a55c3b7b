using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests.Sm2Tests;

/// <summary>The coordinates in lanes give what big integers and BouncyCastle give, and the path without them, which the public methods no longer take here, is held to the same.</summary>
public sealed class Sm2QuadTests
{
    private static readonly BigInteger s_p = Numbers.FromLimbs(FieldElement.Modulus);
    private static readonly BigInteger s_n = Numbers.FromLimbs(Scalar.Order);

    [Fact]
    public void Arithmetic_equals_big_integers()
    {
        Assert.SkipUnless(FieldQuad.IsSupported, "The processor has no AVX2.");
        BigInteger[] edges = [.. Numbers.Edges(s_p)];
        Random random = new(21);
        BigInteger inverseOfR = BigInteger.ModPow(BigInteger.One << 256, s_p - 2, s_p), half = (s_p + 1) / 2;
        BigInteger[] a = new BigInteger[4], b = new BigInteger[4];
        Limbs[] result = new Limbs[4];
        for (int round = 0; round < 3000 * Numbers.Scale; round++)
        {
            for (int i = 0; i < 4; i++)
            {
                a[i] = round < edges.Length ? edges[round] : Any(random);
                b[i] = random.Next(2) == 0 ? edges[random.Next(edges.Length)] : Any(random);
            }
            FieldQuad.Load(out FieldQuad u, Numbers.ToLimbs(a[0]), Numbers.ToLimbs(a[1]), Numbers.ToLimbs(a[2]), Numbers.ToLimbs(a[3]));
            FieldQuad.Load(out FieldQuad v, Numbers.ToLimbs(b[0]), Numbers.ToLimbs(b[1]), Numbers.ToLimbs(b[2]), Numbers.ToLimbs(b[3]));
            Check(u, (p, q) => p);
            FieldQuad.Multiply(out FieldQuad r, u, v);
            Check(r, (p, q) => p * q * inverseOfR);
            FieldQuad.HalveTriple(ref r);
            Check(r, (p, q) => 3 * p * q * inverseOfR * half);
            FieldQuad carried = default;
            Vector256<long> carry = default;
            for (int i = 0; i < FieldQuad.Limbs29; i++) carried.At(i) = FieldQuad.Carry(u.At(i) - (v.At(i) << 1), i, ref carry);
            Check(carried, (p, q) => p - 2 * q);
            FieldQuad.Multiply(out r, carried, v);
            Check(r, (p, q) => (p - 2 * q) * q * inverseOfR);
        }
        void Check(in FieldQuad lanes, Func<BigInteger, BigInteger, BigInteger> expected)
        {
            FieldQuad.Store(lanes, result);
            for (int i = 0; i < 4; i++) Assert.Equal(NotNegative(expected(a[i], b[i]) % s_p), Numbers.FromLimbs(result[i]));
        }
    }

    /// <summary>Limbs at the bounds that the formulas allow: the sums of products must not overflow.</summary>
    [Fact]
    public void Products_hold_at_the_bounds_of_the_limbs()
    {
        Assert.SkipUnless(FieldQuad.IsSupported, "The processor has no AVX2.");
        Limbs[] result = new Limbs[4];
        Random random = new(22);
        BigInteger scale = BigInteger.ModPow(BigInteger.One << (2 * 261 - 256), s_p - 2, s_p);
        for (int round = 0; round < 2000 * Numbers.Scale; round++)
        {
            FieldQuad a = Fill(random, (1L << 29) + (1L << 26), round), b = Fill(random, (1L << 30) + (1L << 27), round / 4);
            FieldQuad.Multiply(out FieldQuad r, a, b);
            FieldQuad.Store(r, result);
            for (int i = 0; i < 4; i++) Assert.Equal(NotNegative(Value(a, i) * Value(b, i) % s_p * scale % s_p), Numbers.FromLimbs(result[i]));
        }
    }

    [Fact]
    public void Both_paths_of_a_secret_multiplication_equal_BouncyCastle()
    {
        Random random = new(23);
        byte[] encoded = BouncyCastleSm2.MultiplyBase(Numbers.ToBytes(new BigInteger(0xBEEF)));
        JacobianPoint point = new(Sm2Point.Decode(encoded));
        Org.BouncyCastle.Math.EC.ECPoint other = BouncyCastleSm2.Domain.Curve.DecodePoint(encoded);
        foreach (BigInteger k in Sm2CurveTests.EdgeScalars().Distinct().Concat(Enumerable.Range(0, 200 * Numbers.Scale).Select(_ => Any(random) % s_n)))
        {
            // The last sum of a scalar next to n is exceptional: Z = 0 says so, and Multiply takes another way.
            BigInteger odd = k | 1;
            if (odd >= s_n) continue;
            Sm2Curve.MultiplyOdd(out JacobianPoint byLimbs, point, Numbers.ToLimbs(odd));
            byte[] expected = other.Multiply(new Org.BouncyCastle.Math.BigInteger(1, Numbers.ToBytes(odd))).GetEncoded(false);
            if (!byLimbs.IsInfinity) Assert.Equal(expected, Encode(byLimbs));
            if (!FieldQuad.IsSupported) continue;
            Sm2CurveQuad.Multiply(out JacobianPoint byLanes, point, Numbers.ToLimbs(odd));
            Assert.Equal(byLimbs.IsInfinity, byLanes.IsInfinity);
            if (!byLanes.IsInfinity) Assert.Equal(expected, Encode(byLanes));
        }
    }

    [Fact]
    public void Both_paths_of_a_public_sum_agree_and_the_lanes_say_what_they_cannot_add()
    {
        Assert.SkipUnless(FieldQuad.IsSupported, "The processor has no AVX2.");
        Random random = new(24);
        BigInteger[] edges = [.. Sm2CurveTests.EdgeScalars().Distinct()];
        int refused = 0;
        for (int round = 0; round < 1500 * Numbers.Scale; round++)
        {
            BigInteger s = round % 3 == 0 ? edges[random.Next(edges.Length)] : Any(random) % s_n;
            BigInteger t = round % 5 == 0 ? s : round % 7 == 0 ? NotNegative(-s % s_n, s_n) : Any(random) % s_n;
            // With P = G both sums may meet or cancel.
            Sm2Curve.MultiplyBase(out JacobianPoint multiple, Numbers.ToLimbs(round % 2 == 0 ? BigInteger.One : 1 + Any(random) % (s_n - 1)));
            multiple.ToAffine(out AffinePoint affine);
            JacobianPoint point = new(affine);
            sbyte[] digits = new sbyte[257];
            short[] baseDigits = new short[257];
            int count = 1 + int.Max(
                Sm2Curve.NonAdjacentForm(Numbers.ToLimbs(t), Sm2Curve.PublicWidth, digits, default), Sm2Curve.NonAdjacentForm(Numbers.ToLimbs(s), Sm2Curve.PublicBaseWidth, default, baseDigits));
            Sm2Curve.MultiplyPublic(out JacobianPoint expected, point, digits.AsSpan(0, count), baseDigits.AsSpan(0, count));
            Sm2Curve.MultiplyPublic(out JacobianPoint whole, Numbers.ToLimbs(s), point, Numbers.ToLimbs(t));
            Assert.Equal(Encode(expected), Encode(whole));
            if (Sm2CurveQuad.TryMultiplyPublic(out JacobianPoint byLanes, point, digits.AsSpan(0, count), baseDigits.AsSpan(0, count), Sm2Curve.OddBaseMultiples)) Assert.Equal(Encode(expected), Encode(byLanes));
            else refused++;
        }
        Assert.InRange(refused, 1, 1500 * Numbers.Scale / 2);
    }

    private static BigInteger Any(Random random)
    {
        byte[] bytes = new byte[32];
        random.NextBytes(bytes);
        return Numbers.FromBytes(bytes) % s_p;
    }

    private static BigInteger NotNegative(BigInteger a) => NotNegative(a, s_p);

    private static BigInteger NotNegative(BigInteger a, BigInteger modulus) => a.Sign < 0 ? a + modulus : a;

    private static byte[] Encode(in JacobianPoint point)
    {
        if (point.IsInfinity) return [0];
        point.ToAffine(out AffinePoint affine);
        byte[] bytes = new byte[65];
        bytes[0] = 4;
        FieldElement.FromMontgomery(affine.X).WriteBytes(bytes.AsSpan(1));
        FieldElement.FromMontgomery(affine.Y).WriteBytes(bytes.AsSpan(33));
        return bytes;
    }

    /// <summary>Limbs next to the bound or anywhere, signs mixed or all the same; the last limb keeps the number below 4 p.</summary>
    private static FieldQuad Fill(Random random, long bound, int kind)
    {
        FieldQuad r = default;
        Span<long> limbs = MemoryMarshal.Cast<FieldQuad, long>(MemoryMarshal.CreateSpan(ref r, 1));
        for (int i = 0; i < limbs.Length; i++)
        {
            long most = i / 4 == 8 ? 1L << 25 : bound;
            long limb = (kind & 1) == 0 ? most - random.Next(3) : random.NextInt64(most);
            limbs[i] = (kind & 2) == 0 || random.Next(2) == 0 ? limb : -limb;
        }
        return r;
    }

    private static BigInteger Value(in FieldQuad a, int lane)
    {
        ReadOnlySpan<long> limbs = MemoryMarshal.Cast<FieldQuad, long>(new ReadOnlySpan<FieldQuad>(in a));
        BigInteger value = 0;
        for (int i = 8; i >= 0; i--) value = (value << 29) + limbs[4 * i + lane];
        return value;
    }
}
