using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>Arithmetic modulo the group order n of sm2p256v1 (GB/T 32918.5) on ordinary numbers below n. Constant time, but for <see cref="Invert"/>'s public exponent.</summary>
internal static class Scalar
{
    public static readonly Limbs Order = new(0x53BBF40939D54123, 0x7203DF6B21C6052B, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFEFFFFFFFF);

    /// <summary>-1/n mod 2^64, by Newton's iteration.</summary>
    private static readonly ulong s_negativeInverse = NegativeInverse(Order.L0);

    /// <summary>2^512 mod n.</summary>
    private static readonly Limbs s_square = PowerOfTwo(512);

    /// <summary>2^256 mod n.</summary>
    private static readonly Limbs s_one = PowerOfTwo(256);

    private static readonly Limbs s_orderMinusTwo = Limbs.Subtract(Order, new Limbs(2, 0, 0, 0), out _);

    /// <summary>1 if 0 &lt; a &lt; n, else 0.</summary>
    public static ulong IsValid(in Limbs a) => a.Below(Order) & (1 ^ (Limbs.EqualMask(a.L0 | a.L1 | a.L2 | a.L3, 0) & 1));

    /// <summary>a mod n for any a below 2^256.</summary>
    public static Limbs Reduce(in Limbs a) => SubtractOrderIfNotBelow(a, 0);

    public static Limbs Add(in Limbs a, in Limbs b)
    {
        Limbs sum = Limbs.Add(a, b, out ulong carry);
        return SubtractOrderIfNotBelow(sum, carry);
    }

    public static Limbs Subtract(in Limbs a, in Limbs b)
    {
        Limbs difference = Limbs.Subtract(a, b, out ulong borrow);
        Limbs corrected = Limbs.Add(difference, Order, out _);
        return Limbs.Select(0 - borrow, corrected, difference);
    }

    public static Limbs Multiply(in Limbs a, in Limbs b) => MontgomeryMultiply(MontgomeryMultiply(a, b), s_square);

    /// <summary>1/a as a^(n-2); zero gives zero.</summary>
    public static Limbs Invert(in Limbs a)
    {
        Limbs x = MontgomeryMultiply(a, s_square);
        Limbs y = s_one;
        Span<ulong> exponent = [s_orderMinusTwo.L0, s_orderMinusTwo.L1, s_orderMinusTwo.L2, s_orderMinusTwo.L3];
        for (int bit = 255; bit >= 0; bit--)
        {
            y = MontgomeryMultiply(y, y);
            if (((exponent[bit >> 6] >> (bit & 63)) & 1) != 0) y = MontgomeryMultiply(y, x);
        }
        return MontgomeryMultiply(y, new Limbs(1, 0, 0, 0));
    }

    /// <summary>A uniform scalar in [1, bound] with bound below n, from the system's random numbers.</summary>
    public static Limbs Random(in Limbs bound)
    {
        Span<byte> bytes = stackalloc byte[32];
        try
        {
            while (true)
            {
                RandomNumberGenerator.Fill(bytes);
                Limbs a = Limbs.FromBytes(bytes);
                if ((IsValid(a) & (1 ^ bound.Below(a))) != 0) return a;
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>a b / 2^256 mod n.</summary>
    private static Limbs MontgomeryMultiply(in Limbs a, in Limbs b)
    {
        ulong t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0;
        Row(a.L0, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        Row(a.L1, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        Row(a.L2, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        Row(a.L3, b, ref t0, ref t1, ref t2, ref t3, ref t4);
        return SubtractOrderIfNotBelow(new Limbs(t0, t1, t2, t3), t4);
    }

    /// <summary>t = (t + x b + m n) / 2^64, with m such that the division is exact; t stays below 2 n.</summary>
    private static void Row(ulong x, in Limbs b, ref ulong t0, ref ulong t1, ref ulong t2, ref ulong t3, ref ulong t4)
    {
        ulong u0 = Limbs.MultiplyAdd(x, b.L0, t0, out ulong high);
        ulong u1 = Limbs.MultiplyAdd(x, b.L1, t1, high, out high);
        ulong u2 = Limbs.MultiplyAdd(x, b.L2, t2, high, out high);
        ulong u3 = Limbs.MultiplyAdd(x, b.L3, t3, high, out high);
        ulong u5 = 0;
        ulong u4 = Limbs.AddWithCarry(t4, high, ref u5);
        ulong m = u0 * s_negativeInverse;
        Limbs.MultiplyAdd(m, Order.L0, u0, out high);
        t0 = Limbs.MultiplyAdd(m, Order.L1, u1, high, out high);
        t1 = Limbs.MultiplyAdd(m, Order.L2, u2, high, out high);
        t2 = Limbs.MultiplyAdd(m, Order.L3, u3, high, out high);
        ulong carry = 0;
        t3 = Limbs.AddWithCarry(u4, high, ref carry);
        t4 = u5 + carry;
    }

    private static Limbs SubtractOrderIfNotBelow(in Limbs a, ulong carry)
    {
        Limbs reduced = Limbs.Subtract(a, Order, out ulong borrow);
        return Limbs.Select(0 - (borrow & (carry ^ 1)), a, reduced);
    }

    private static ulong NegativeInverse(ulong odd)
    {
        ulong inverse = odd;
        for (int i = 0; i < 6; i++) inverse *= 2 - odd * inverse;
        return 0 - inverse;
    }

    private static Limbs PowerOfTwo(int exponent)
    {
        Limbs r = new(1, 0, 0, 0);
        for (int i = 0; i < exponent; i++) r = Add(r, r);
        return r;
    }
}
