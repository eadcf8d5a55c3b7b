using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>A 256-bit number as four 64-bit limbs, least significant first, with the arithmetic that the field and the scalars share. No branch and no index depends on a value.</summary>
internal struct Limbs
{
    public ulong L0, L1, L2, L3;

    public Limbs(ulong l0, ulong l1, ulong l2, ulong l3) => (L0, L1, L2, L3) = (l0, l1, l2, l3);

    public static Limbs FromBytes(ReadOnlySpan<byte> bigEndian) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bigEndian[24..]), BinaryPrimitives.ReadUInt64BigEndian(bigEndian[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(bigEndian[8..]), BinaryPrimitives.ReadUInt64BigEndian(bigEndian));

    public readonly void WriteBytes(Span<byte> bigEndian)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bigEndian[24..], L0);
        BinaryPrimitives.WriteUInt64BigEndian(bigEndian[16..], L1);
        BinaryPrimitives.WriteUInt64BigEndian(bigEndian[8..], L2);
        BinaryPrimitives.WriteUInt64BigEndian(bigEndian, L3);
    }

    public readonly bool IsZero => (L0 | L1 | L2 | L3) == 0;

    public readonly bool EqualTo(in Limbs other) => ((L0 ^ other.L0) | (L1 ^ other.L1) | (L2 ^ other.L2) | (L3 ^ other.L3)) == 0;

    /// <summary>1 if this number is below <paramref name="other"/>, else 0.</summary>
    public readonly ulong Below(in Limbs other)
    {
        Subtract(this, other, out ulong borrow);
        return borrow;
    }

    /// <summary>a - b mod 2^256; <paramref name="borrow"/> is 1 if b was larger.</summary>
    public static Limbs Subtract(in Limbs a, in Limbs b, out ulong borrow)
    {
        Limbs r;
        borrow = 0;
        r.L0 = SubtractWithBorrow(a.L0, b.L0, ref borrow);
        r.L1 = SubtractWithBorrow(a.L1, b.L1, ref borrow);
        r.L2 = SubtractWithBorrow(a.L2, b.L2, ref borrow);
        r.L3 = SubtractWithBorrow(a.L3, b.L3, ref borrow);
        return r;
    }

    /// <summary>a + b mod 2^256; <paramref name="carry"/> is the bit above.</summary>
    public static Limbs Add(in Limbs a, in Limbs b, out ulong carry)
    {
        Limbs r;
        carry = 0;
        r.L0 = AddWithCarry(a.L0, b.L0, ref carry);
        r.L1 = AddWithCarry(a.L1, b.L1, ref carry);
        r.L2 = AddWithCarry(a.L2, b.L2, ref carry);
        r.L3 = AddWithCarry(a.L3, b.L3, ref carry);
        return r;
    }

    /// <summary><paramref name="mask"/> of all ones takes <paramref name="a"/>, of zero <paramref name="b"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Limbs Select(ulong mask, in Limbs a, in Limbs b) => new(
        b.L0 ^ ((a.L0 ^ b.L0) & mask), b.L1 ^ ((a.L1 ^ b.L1) & mask), b.L2 ^ ((a.L2 ^ b.L2) & mask), b.L3 ^ ((a.L3 ^ b.L3) & mask));

    /// <summary>The value of a comparison as 0 or 1 without a branch (setcc).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Bit(bool condition) => Unsafe.BitCast<bool, byte>(condition);

    /// <summary>All ones if the two are equal, else zero, without a branch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong EqualMask(ulong a, ulong b)
    {
        ulong difference = a ^ b;
        return ((difference | (0 - difference)) >> 63) - 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong AddWithCarry(ulong a, ulong b, ref ulong carry)
    {
        ulong sum = a + b;
        ulong first = Bit(sum < a);
        ulong result = sum + carry;
        carry = first | Bit(result < sum);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SubtractWithBorrow(ulong a, ulong b, ref ulong borrow)
    {
        ulong difference = a - b;
        ulong first = Bit(a < b);
        ulong result = difference - borrow;
        borrow = first | Bit(difference < borrow);
        return result;
    }

    /// <summary>The high half of a b. Two multiplications cost less than one whose low half goes through memory, which is what the pointer of MULX makes of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Multiply(ulong a, ulong b, out ulong low)
    {
        if (Bmi2.X64.IsSupported)
        {
            low = a * b;
            return Bmi2.X64.MultiplyNoFlags(a, b);
        }
        return Math.BigMul(a, b, out low);
    }

    /// <summary>Low half of a b + c; the high half cannot overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MultiplyAdd(ulong a, ulong b, ulong c, out ulong high)
    {
        ulong top = Multiply(a, b, out ulong low);
        low += c;
        high = top + Bit(low < c);
        return low;
    }

    /// <summary>Low half of a b + c + d; the high half cannot overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MultiplyAdd(ulong a, ulong b, ulong c, ulong d, out ulong high)
    {
        ulong top = Multiply(a, b, out ulong low);
        low += c;
        top += Bit(low < c);
        low += d;
        high = top + Bit(low < d);
        return low;
    }
}
