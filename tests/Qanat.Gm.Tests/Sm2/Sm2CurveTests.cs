using System.Numerics;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests.Sm2Tests;

/// <summary>Points and multiplications against BouncyCastle; the scalars at which lazy formulas would fail.</summary>
public sealed class Sm2CurveTests
{
    private static readonly BigInteger s_n = Numbers.FromLimbs(Scalar.Order);
    private static readonly byte[] s_point = BouncyCastleSm2.MultiplyBase(Numbers.ToBytes(new BigInteger(0xC0FFEE)));

    /// <summary>0, n, and n minus twice each digit at the last sum, where an addition becomes a doubling or gives infinity, are among them.</summary>
    public static IEnumerable<BigInteger> EdgeScalars()
    {
        for (int i = 0; i <= 70; i++)
        {
            yield return i;
            yield return s_n - i - 1;
        }
        for (int digit = 1; digit < 16; digit++)
        {
            BigInteger top = (BigInteger)digit << 252;
            for (int i = -2; i <= 2; i++)
            {
                BigInteger a = (2 * top - s_n + i) % s_n;
                yield return a < 0 ? a + s_n : a;
                yield return (top + i) % s_n;
            }
        }
        foreach (BigInteger a in Numbers.Edges(s_n)) yield return a;
    }

    [Fact]
    public void Multiples_of_the_base_point_equal_BouncyCastle()
    {
        foreach (BigInteger k in EdgeScalars().Distinct()) Check(k);
        Random random = new(1);
        byte[] bytes = new byte[32];
        for (int i = 0; i < 1000 * Numbers.Scale; i++)
        {
            random.NextBytes(bytes);
            Check(Numbers.FromBytes(bytes) % s_n);
        }
        static void Check(BigInteger k)
        {
            Sm2Curve.MultiplyBase(out JacobianPoint r, Numbers.ToLimbs(k));
            Assert.Equal(BouncyCastleSm2.MultiplyBase(Numbers.ToBytes(k)), Encode(r));
        }
    }

    [Fact]
    public void Multiples_of_any_point_equal_BouncyCastle()
    {
        AffinePoint point = Sm2Point.Decode(s_point);
        Org.BouncyCastle.Math.EC.ECPoint other = BouncyCastleSm2.Domain.Curve.DecodePoint(s_point);
        foreach (BigInteger k in EdgeScalars().Distinct()) Check(k);
        Random random = new(2);
        byte[] bytes = new byte[32];
        for (int i = 0; i < 500 * Numbers.Scale; i++)
        {
            random.NextBytes(bytes);
            Check(Numbers.FromBytes(bytes) % s_n);
        }
        void Check(BigInteger k)
        {
            Sm2Curve.Multiply(out JacobianPoint r, new JacobianPoint(point), Numbers.ToLimbs(k));
            Assert.Equal(BouncyCastleSm2.Multiply(other, Numbers.ToBytes(k)), Encode(r));
        }
    }

    [Fact]
    public void Sums_of_two_multiples_equal_BouncyCastle()
    {
        BigInteger[] edges = [.. EdgeScalars().Distinct()];
        Random random = new(3);
        byte[] bytes = new byte[32];
        for (int i = 0; i < 1000 * Numbers.Scale; i++)
        {
            BigInteger s = i < edges.Length ? edges[i] : edges[random.Next(edges.Length)];
            random.NextBytes(bytes);
            BigInteger t = i % 3 == 0 ? edges[random.Next(edges.Length)] : Numbers.FromBytes(bytes) % s_n;
            Sm2Curve.MultiplyPublic(out JacobianPoint r, Numbers.ToLimbs(s), new JacobianPoint(Sm2Point.Decode(s_point)), Numbers.ToLimbs(t));
            Assert.Equal(BouncyCastleSm2.MultiplyTwo(Numbers.ToBytes(s), s_point, Numbers.ToBytes(t)), Encode(r));
        }
    }

    /// <summary>With P = a G the sum meets equal points, negatives and infinity on its way and at its end.</summary>
    [Fact]
    public void Sums_that_cancel_or_meet_are_right()
    {
        foreach (int a in (int[])[1, 2, 3, 5, 15, 31, 1023])
        {
            Sm2Curve.MultiplyBase(out JacobianPoint product, new Limbs((ulong)a, 0, 0, 0));
            product.ToAffine(out AffinePoint point);
            for (int i = 0; i < 200; i++)
            {
                BigInteger t = i < 100 ? i : s_n - i + 99, s = (i % 4) switch { 0 => (s_n - a * t % s_n) % s_n, 1 => a * t % s_n, 2 => (a * t + 1) % s_n, _ => i };
                Sm2Curve.MultiplyPublic(out JacobianPoint r, Numbers.ToLimbs(s), new JacobianPoint(point), Numbers.ToLimbs(t));
                Assert.Equal(BouncyCastleSm2.MultiplyBase(Numbers.ToBytes((s + a * t) % s_n)), Encode(r));
            }
        }
    }

    [Fact]
    public void Lazy_sums_show_what_they_cannot_add()
    {
        JacobianPoint g = new(Sm2Curve.Generator), negative = g;
        FieldElement.Negate(out negative.Y, g.Y);
        JacobianPoint.AddLazy(out JacobianPoint r, g, g);
        Assert.True(r.IsInfinity);
        JacobianPoint.AddLazy(out r, g, negative);
        Assert.True(r.IsInfinity);
        JacobianPoint.AddLazy(out r, r, g);
        Assert.True(r.IsInfinity);
        JacobianPoint.Double(out r, r);
        Assert.True(r.IsInfinity);
        JacobianPoint.Add(out r, g, negative);
        Assert.True(r.IsInfinity);
        JacobianPoint.Add(out r, g, g);
        JacobianPoint.Double(out JacobianPoint twice, g);
        Assert.Equal(Encode(twice), Encode(r));
        JacobianPoint.Add(out r, default, g);
        Assert.Equal(Encode(g), Encode(r));
        JacobianPoint.Add(out r, g, default);
        Assert.Equal(Encode(g), Encode(r));
    }

    [Fact]
    public void Digits_sum_up_to_the_scalar()
    {
        byte[] bytes = new byte[32];
        Random random = new(4);
        for (int i = 0; i < 200; i++)
        {
            random.NextBytes(bytes);
            BigInteger k = Numbers.FromBytes(bytes) | 1;
            foreach ((int width, int count) in ((int, int)[])[(Sm2Curve.BaseWindow, Sm2Curve.BaseWindows), (Sm2Curve.Window, Sm2Curve.Windows)])
            {
                BigInteger sum = 0;
                for (int j = 0; j < count; j++)
                {
                    ulong index = Sm2Curve.Digit(Numbers.ToLimbs(k), j, width, count, out ulong negative);
                    Assert.InRange(index, 0UL, (1UL << (width - 1)) - 1);
                    sum += (negative == 0 ? 1 : -1) * (2 * (BigInteger)index + 1) << (width * j);
                }
                Assert.Equal(k, sum);
            }
        }
    }

    private static byte[] Encode(in JacobianPoint point)
    {
        if (point.IsInfinity) return [0];
        byte[] bytes = new byte[65];
        point.ToAffine(out AffinePoint affine);
        Sm2Point.Encode(affine, bytes);
        return bytes;
    }
}
