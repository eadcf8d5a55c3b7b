using System.Numerics;

namespace Qanat.Gm.Tests.Sm2Tests;

/// <summary>Field and scalar arithmetic against <see cref="BigInteger"/>, over values where carries run and at random.</summary>
[Trait("Kind", "Property")]
public sealed class FieldElementTests
{
    private static readonly BigInteger s_p = Numbers.FromLimbs(FieldElement.Modulus);
    private static readonly BigInteger s_n = Numbers.FromLimbs(Scalar.Order);
    private static readonly BigInteger s_r = BigInteger.One << 256;

    [Fact]
    public void Modulus_and_order_are_those_of_the_standard()
    {
        Assert.Equal(BigInteger.Pow(2, 256) - BigInteger.Pow(2, 224) - BigInteger.Pow(2, 96) + BigInteger.Pow(2, 64) - 1, s_p);
        Assert.Equal(BigInteger.Parse("0FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123", System.Globalization.NumberStyles.HexNumber), s_n);
        Assert.Equal(s_r % s_p, Numbers.FromLimbs(FieldElement.One));
    }

    [Fact]
    public void Field_operations_equal_big_integers()
    {
        BigInteger inverseOfR = BigInteger.ModPow(s_r, s_p - 2, s_p);
        Numbers.ForPairs(s_p, (a, b) =>
        {
            (Limbs x, Limbs y) = (Numbers.ToLimbs(a), Numbers.ToLimbs(b));
            FieldElement.Add(out Limbs r, x, y);
            Equal((a + b) % s_p, r);
            FieldElement.Subtract(out r, x, y);
            Equal((a - b + s_p) % s_p, r);
            FieldElement.Double(out r, x);
            Equal(2 * a % s_p, r);
            FieldElement.Multiply(out r, x, y);
            Equal(a * b * inverseOfR % s_p, r);
            FieldElement.Square(out r, x);
            Equal(a * a * inverseOfR % s_p, r);
            FieldElement.NegateIf(out r, ulong.MaxValue, x);
            Equal((s_p - a) % s_p, r);
            FieldElement.NegateIf(out r, 0, x);
            Equal(a, r);
            Equal(a * s_r % s_p, FieldElement.ToMontgomery(x));
            Equal(a * inverseOfR % s_p, FieldElement.FromMontgomery(x));
        });
    }

    [Fact]
    public void Results_may_overwrite_operands()
    {
        Numbers.ForPairs(s_p, (a, b) =>
        {
            Limbs x = Numbers.ToLimbs(a), y = Numbers.ToLimbs(b);
            FieldElement.Multiply(out Limbs product, x, y);
            FieldElement.Multiply(out y, x, y);
            Assert.True(product.EqualTo(y));
            FieldElement.Square(out Limbs square, x);
            FieldElement.Square(out x, x);
            Assert.True(square.EqualTo(x));
            FieldElement.Subtract(out Limbs difference, x, y);
            FieldElement.Subtract(out y, x, y);
            Assert.True(difference.EqualTo(y));
        });
    }

    [Fact]
    public void Field_inverses_and_roots_equal_big_integers()
    {
        foreach (BigInteger a in Numbers.Edges(s_p))
        {
            FieldElement.Invert(out Limbs inverse, FieldElement.ToMontgomery(Numbers.ToLimbs(a)));
            Equal(BigInteger.ModPow(a, s_p - 2, s_p), FieldElement.FromMontgomery(inverse));
            bool square = a.IsZero || BigInteger.ModPow(a, (s_p - 1) / 2, s_p).IsOne;
            Assert.Equal(square, FieldElement.TrySquareRoot(out Limbs root, FieldElement.ToMontgomery(Numbers.ToLimbs(a))));
            if (square) Equal(BigInteger.ModPow(a, (s_p + 1) / 4, s_p), FieldElement.FromMontgomery(root));
        }
    }

    [Fact]
    public void Scalar_operations_equal_big_integers()
    {
        Numbers.ForPairs(s_n, (a, b) =>
        {
            (Limbs x, Limbs y) = (Numbers.ToLimbs(a), Numbers.ToLimbs(b));
            Equal((a + b) % s_n, Scalar.Add(x, y));
            Equal((a - b + s_n) % s_n, Scalar.Subtract(x, y));
            Equal(a * b % s_n, Scalar.Multiply(x, y));
        });
        foreach (BigInteger a in Numbers.Edges(s_n)) Equal(BigInteger.ModPow(a, s_n - 2, s_n), Scalar.Invert(Numbers.ToLimbs(a)));
    }

    [Fact]
    public void Scalars_are_valid_from_one_to_the_order_minus_one()
    {
        foreach (BigInteger a in Numbers.Edges(s_r))
        {
            Assert.Equal(a > 0 && a < s_n ? 1UL : 0, Scalar.IsValid(Numbers.ToLimbs(a)));
            Equal(a % s_n, Scalar.Reduce(Numbers.ToLimbs(a)));
        }
        for (int i = -2; i <= 2; i++) Assert.Equal(i < 0 ? 1UL : 0, Scalar.IsValid(Numbers.ToLimbs(s_n + i)));
    }

    [Fact]
    public void Random_scalars_stay_below_their_bound()
    {
        Limbs bound = new(5, 0, 0, 0xFFFFFFFE00000000);
        for (int i = 0; i < 100; i++)
        {
            Limbs k = Scalar.Random(bound);
            Assert.Equal(1UL, Scalar.IsValid(k));
            Assert.Equal(0UL, bound.Below(k));
        }
    }

    private static void Equal(BigInteger expected, in Limbs actual) => Assert.Equal(expected, Numbers.FromLimbs(actual));
}
