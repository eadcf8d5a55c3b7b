using System.Runtime.CompilerServices;

namespace Qanat.Gm;

/// <summary>
/// Arithmetic modulo p = 2^256 - 2^224 - 2^96 + 2^64 - 1 (GB/T 32918.5, sm2p256v1) on numbers in Montgomery form (a stands for a 2^256), always below p.
/// Since p is -1 modulo 2^64, each Montgomery step takes the lowest limb as its quotient and needs shifts only. Constant time.
/// </summary>
internal static class FieldElement
{
    public static readonly Limbs Modulus = new(0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF00000000, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFEFFFFFFFF);

    /// <summary>2^256 mod p = 2^224 + 2^96 - 2^64 + 1: one, in Montgomery form.</summary>
    public static readonly Limbs One = new(1, 0x00000000FFFFFFFF, 0, 0x0000000100000000);

    /// <summary>2^512 mod p: brings a number into Montgomery form.</summary>
    private static readonly Limbs s_toMontgomery = new(0x0000000200000003, 0x00000002FFFFFFFF, 0x0000000100000001, 0x0000000400000002);

    public static Limbs ToMontgomery(in Limbs a)
    {
        Multiply(out Limbs r, a, s_toMontgomery);
        return r;
    }

    public static Limbs FromMontgomery(in Limbs a)
    {
        Reduce(out Limbs r, a.L0, a.L1, a.L2, a.L3, 0, 0, 0, 0);
        return r;
    }

    public static void Add(out Limbs r, in Limbs a, in Limbs b)
    {
        Limbs sum = Limbs.Add(a, b, out ulong carry);
        SubtractModulusIfNotBelow(out r, sum.L0, sum.L1, sum.L2, sum.L3, carry);
    }

    public static void Double(out Limbs r, in Limbs a) =>
        SubtractModulusIfNotBelow(out r, a.L0 << 1, (a.L1 << 1) | (a.L0 >> 63), (a.L2 << 1) | (a.L1 >> 63), (a.L3 << 1) | (a.L2 >> 63), a.L3 >> 63);

    public static void Subtract(out Limbs r, in Limbs a, in Limbs b)
    {
        Limbs difference = Limbs.Subtract(a, b, out ulong borrow);
        // Adding p is subtracting 2^256 - p.
        ulong mask = 0 - borrow;
        ulong under = 0;
        r.L0 = Limbs.SubtractWithBorrow(difference.L0, borrow, ref under);
        r.L1 = Limbs.SubtractWithBorrow(difference.L1, mask & 0x00000000FFFFFFFF, ref under);
        r.L2 = Limbs.SubtractWithBorrow(difference.L2, 0, ref under);
        r.L3 = difference.L3 - (mask & 0x0000000100000000) - under;
    }

    public static void Negate(out Limbs r, in Limbs a) => Subtract(out r, default, a);

    /// <summary>a if <paramref name="mask"/> is zero, -a if it is all ones.</summary>
    public static void NegateIf(out Limbs r, ulong mask, in Limbs a)
    {
        Negate(out Limbs negative, a);
        r = Limbs.Select(mask, negative, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(out Limbs r, in Limbs a, in Limbs b)
    {
        ulong b0 = b.L0, b1 = b.L1, b2 = b.L2, b3 = b.L3, x = a.L0;
        ulong high = Limbs.Multiply(x, b0, out ulong t0);
        ulong t1 = Limbs.MultiplyAdd(x, b1, high, out high);
        ulong t2 = Limbs.MultiplyAdd(x, b2, high, out high);
        ulong t3 = Limbs.MultiplyAdd(x, b3, high, out ulong t4);
        x = a.L1;
        t1 = Limbs.MultiplyAdd(x, b0, t1, out high);
        t2 = Limbs.MultiplyAdd(x, b1, t2, high, out high);
        t3 = Limbs.MultiplyAdd(x, b2, t3, high, out high);
        t4 = Limbs.MultiplyAdd(x, b3, t4, high, out ulong t5);
        x = a.L2;
        t2 = Limbs.MultiplyAdd(x, b0, t2, out high);
        t3 = Limbs.MultiplyAdd(x, b1, t3, high, out high);
        t4 = Limbs.MultiplyAdd(x, b2, t4, high, out high);
        t5 = Limbs.MultiplyAdd(x, b3, t5, high, out ulong t6);
        x = a.L3;
        t3 = Limbs.MultiplyAdd(x, b0, t3, out high);
        t4 = Limbs.MultiplyAdd(x, b1, t4, high, out high);
        t5 = Limbs.MultiplyAdd(x, b2, t5, high, out high);
        t6 = Limbs.MultiplyAdd(x, b3, t6, high, out ulong t7);
        Reduce(out r, t0, t1, t2, t3, t4, t5, t6, t7);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Square(out Limbs r, in Limbs a)
    {
        ulong a0 = a.L0, a1 = a.L1, a2 = a.L2, a3 = a.L3;
        ulong high = Limbs.Multiply(a0, a1, out ulong t1);
        ulong t2 = Limbs.MultiplyAdd(a0, a2, high, out high);
        ulong t3 = Limbs.MultiplyAdd(a0, a3, high, out ulong t4);
        t3 = Limbs.MultiplyAdd(a1, a2, t3, out high);
        t4 = Limbs.MultiplyAdd(a1, a3, t4, high, out ulong t5);
        t5 = Limbs.MultiplyAdd(a2, a3, t5, out ulong t6);
        ulong t7 = t6 >> 63;
        t6 = (t6 << 1) | (t5 >> 63);
        t5 = (t5 << 1) | (t4 >> 63);
        t4 = (t4 << 1) | (t3 >> 63);
        t3 = (t3 << 1) | (t2 >> 63);
        t2 = (t2 << 1) | (t1 >> 63);
        t1 <<= 1;
        ulong carry = 0;
        high = Limbs.Multiply(a0, a0, out ulong t0);
        t1 = Limbs.AddWithCarry(t1, high, ref carry);
        high = Limbs.Multiply(a1, a1, out ulong low);
        t2 = Limbs.AddWithCarry(t2, low, ref carry);
        t3 = Limbs.AddWithCarry(t3, high, ref carry);
        high = Limbs.Multiply(a2, a2, out low);
        t4 = Limbs.AddWithCarry(t4, low, ref carry);
        t5 = Limbs.AddWithCarry(t5, high, ref carry);
        high = Limbs.Multiply(a3, a3, out low);
        t6 = Limbs.AddWithCarry(t6, low, ref carry);
        t7 += high + carry;
        Reduce(out r, t0, t1, t2, t3, t4, t5, t6, t7);
    }

    /// <summary>a^(2^times).</summary>
    public static void Square(out Limbs r, in Limbs a, int times)
    {
        Square(out r, a);
        for (int i = 1; i < times; i++) Square(out r, r);
    }

    /// <summary>1/a as a^(p-2) by a fixed chain; zero gives zero.</summary>
    public static void Invert(out Limbs r, in Limbs a)
    {
        Limbs x = a;
        RaiseToOnes(x, out Limbs x2, out Limbs x30, out Limbs x32);
        // p - 2 = FFFFFFFE FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF 00000000 FFFFFFFF FFFFFFFD
        Square(out Limbs y, x30);
        Multiply(out y, y, x);
        Square(out y, y);
        for (int i = 0; i < 4; i++)
        {
            Square(out y, y, 32);
            Multiply(out y, y, x32);
        }
        Square(out y, y, 64);
        Multiply(out y, y, x32);
        Square(out y, y, 30);
        Multiply(out y, y, x30);
        Square(out y, y, 2);
        Multiply(out r, y, x);
    }

    /// <summary>A square root of a as a^((p+1)/4), since p = 3 mod 4; false if a is no square. For public values.</summary>
    public static bool TrySquareRoot(out Limbs r, in Limbs a)
    {
        RaiseToOnes(a, out _, out Limbs x30, out Limbs x32);
        // (p + 1) / 4 = (2^256 - 2^224 - 2^96 + 2^64) / 4 = 31 ones, a zero, 128 ones, 31 zeros, a one, 62 zeros.
        Square(out Limbs y, x30);
        Multiply(out y, y, a);
        Square(out y, y);
        for (int i = 0; i < 4; i++)
        {
            Square(out y, y, 32);
            Multiply(out y, y, x32);
        }
        Square(out y, y, 32);
        Multiply(out y, y, a);
        Square(out r, y, 62);
        Square(out Limbs check, r);
        return check.EqualTo(a);
    }

    /// <summary>a^(2^2-1), a^(2^30-1) and a^(2^32-1).</summary>
    private static void RaiseToOnes(in Limbs a, out Limbs x2, out Limbs x30, out Limbs x32)
    {
        Square(out Limbs y, a);
        Multiply(out x2, y, a);
        Square(out y, x2, 2);
        Multiply(out Limbs x4, y, x2);
        Square(out y, x4, 4);
        Multiply(out Limbs x8, y, x4);
        Square(out y, x8, 8);
        Multiply(out Limbs x16, y, x8);
        Square(out y, x16, 8);
        Multiply(out y, y, x8);
        Square(out y, y, 4);
        Multiply(out y, y, x4);
        Square(out y, y, 2);
        Multiply(out x30, y, x2);
        Square(out y, x30, 2);
        Multiply(out x32, y, x2);
    }

    /// <summary>Four Montgomery steps: the number t0..t7 (below p 2^256) divided by 2^256, modulo p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Reduce(out Limbs r, ulong t0, ulong t1, ulong t2, ulong t3, ulong t4, ulong t5, ulong t6, ulong t7)
    {
        ulong carry = 0;
        Step(t0, ref t1, ref t2, ref t3, ref t4, ref carry);
        Step(t1, ref t2, ref t3, ref t4, ref t5, ref carry);
        Step(t2, ref t3, ref t4, ref t5, ref t6, ref carry);
        Step(t3, ref t4, ref t5, ref t6, ref t7, ref carry);
        SubtractModulusIfNotBelow(out r, t4, t5, t6, t7, carry);
    }

    /// <summary>
    /// Adds m (p + 1) / 2^64 = m (2^192 - 2^160) - (m 2^32 - m) to four limbs. Nothing overflows between the limbs: m 2^32 has 32 zero bits below,
    /// and the upper half of each product is below 2^64 - 2^32.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ulong m, ref ulong t1, ref ulong t2, ref ulong t3, ref ulong t4, ref ulong carry)
    {
        ulong shifted = m << 32, over = m >> 32;
        ulong low = shifted - m;
        ulong high = over - Limbs.Bit(shifted < m);
        high += Limbs.Bit(t1 < low);
        t1 -= low;
        ulong borrow = Limbs.Bit(t2 < high);
        t2 -= high;
        shifted |= borrow;
        low = 0 - shifted;
        high = m - over - Limbs.Bit(shifted != 0);
        t3 += low;
        high += Limbs.Bit(t3 < low) + carry;
        t4 += high;
        carry = Limbs.Bit(t4 < high);
    }

    /// <summary>carry 2^256 + a, which is below 2p, modulo p.</summary>
    public static void Normalize(out Limbs r, in Limbs a, ulong carry) => SubtractModulusIfNotBelow(out r, a.L0, a.L1, a.L2, a.L3, carry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SubtractModulusIfNotBelow(out Limbs r, ulong t0, ulong t1, ulong t2, ulong t3, ulong carry)
    {
        ulong u0 = t0 + 1;
        ulong add = 0x00000000FFFFFFFF + Limbs.Bit(u0 == 0);
        ulong u1 = t1 + add;
        ulong over = Limbs.Bit(u1 < add);
        ulong u2 = t2 + over;
        add = 0x0000000100000000 + Limbs.Bit(u2 < over);
        ulong u3 = t3 + add;
        ulong mask = 0 - (carry | Limbs.Bit(u3 < add));
        r.L0 = t0 ^ ((t0 ^ u0) & mask);
        r.L1 = t1 ^ ((t1 ^ u1) & mask);
        r.L2 = t2 ^ ((t2 ^ u2) & mask);
        r.L3 = t3 ^ ((t3 ^ u3) & mask);
    }
}
