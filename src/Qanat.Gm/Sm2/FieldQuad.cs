using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// Four numbers modulo p in the lanes of nine vectors: <see cref="FieldLanes"/> in half the width, where one multiplication takes two thirds of the time. The bounds are those
/// of <see cref="FieldLanes"/>. For the coordinates of one point (<see cref="PointQuad"/>). Constant time.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal partial struct FieldQuad
{
    public const int Lanes = 4, Limbs29 = 9;

    private const int Bits = 29;
    private const long Mask = (1L << Bits) - 1;

    public Vector256<long> V0, V1, V2, V3, V4, V5, V6, V7, V8;

    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>Limb <paramref name="i"/> of all four numbers, 0 to 8.</summary>
    [UnscopedRef]
    public ref Vector256<long> At(int i) => ref Unsafe.Add(ref V0, i);

    /// <summary>
    /// Limb <paramref name="i"/> of a number whose limbs pass one after the other from 0 to 8: its upper part goes to the next limb, through <paramref name="carry"/>, which is zero at
    /// first. Limbs below 2^34 in absolute value come out between -32 and 2^29 + 31.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<long> Carry(Vector256<long> limb, int i, ref Vector256<long> carry)
    {
        if (i == Limbs29 - 1) return limb + carry;
        Vector256<long> r = (limb & Vector256.Create(Mask)) + carry;
        carry = ShiftRight(limb, Bits);
        return r;
    }

    /// <summary>3 a / 2 mod p, carried, for a product a: odd numbers get p added first.</summary>
    public static void HalveTriple(ref FieldQuad a)
    {
        Vector256<long> one = Vector256<long>.One, mask = Vector256.Create(Mask);
        Vector256<long> t0 = Triple(a.V0), t1 = Triple(a.V1), t2 = Triple(a.V2), t3 = Triple(a.V3), t4 = Triple(a.V4), t5 = Triple(a.V5), t6 = Triple(a.V6), t7 = Triple(a.V7), t8 = Triple(a.V8);
        Vector256<long> odd = Vector256<long>.Zero - (t0 & one);
        t0 += odd;
        t2 += odd & Vector256.Create(1L << 6);
        t3 -= odd & Vector256.Create(1L << 9);
        t7 -= odd & Vector256.Create(1L << 21);
        t8 += odd & Vector256.Create(1L << 24);
        t0 = ShiftRight(t0, 1) + ((t1 & one) << (Bits - 1));
        t1 = ShiftRight(t1, 1) + ((t2 & one) << (Bits - 1));
        t2 = ShiftRight(t2, 1) + ((t3 & one) << (Bits - 1));
        t3 = ShiftRight(t3, 1) + ((t4 & one) << (Bits - 1));
        t4 = ShiftRight(t4, 1) + ((t5 & one) << (Bits - 1));
        t5 = ShiftRight(t5, 1) + ((t6 & one) << (Bits - 1));
        t6 = ShiftRight(t6, 1) + ((t7 & one) << (Bits - 1));
        t7 = ShiftRight(t7, 1) + ((t8 & one) << (Bits - 1));
        t8 = ShiftRight(t8, 1);
        a.V8 = t8 + ShiftRight(t7, Bits);
        a.V7 = (t7 & mask) + ShiftRight(t6, Bits);
        a.V6 = (t6 & mask) + ShiftRight(t5, Bits);
        a.V5 = (t5 & mask) + ShiftRight(t4, Bits);
        a.V4 = (t4 & mask) + ShiftRight(t3, Bits);
        a.V3 = (t3 & mask) + ShiftRight(t2, Bits);
        a.V2 = (t2 & mask) + ShiftRight(t1, Bits);
        a.V1 = (t1 & mask) + ShiftRight(t0, Bits);
        a.V0 = t0 & mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> Triple(Vector256<long> v) => v + (v << 1);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(out FieldQuad r, in FieldQuad a, in FieldQuad b)
    {
        Vector256<int> b0 = b.V0.AsInt32(), b1 = b.V1.AsInt32(), b2 = b.V2.AsInt32(), b3 = b.V3.AsInt32(), b4 = b.V4.AsInt32();
        Vector256<int> b5 = b.V5.AsInt32(), b6 = b.V6.AsInt32(), b7 = b.V7.AsInt32(), b8 = b.V8.AsInt32();
        Vector256<int> x = a.V0.AsInt32();
        Vector256<long> t0 = Avx2.Multiply(x, b0), t1 = Avx2.Multiply(x, b1), t2 = Avx2.Multiply(x, b2), t3 = Avx2.Multiply(x, b3), t4 = Avx2.Multiply(x, b4);
        Vector256<long> t5 = Avx2.Multiply(x, b5), t6 = Avx2.Multiply(x, b6), t7 = Avx2.Multiply(x, b7), t8 = Avx2.Multiply(x, b8), t9 = default;
        // Each step drops the lowest limb after adding the multiple of p that clears it; the names move along.
        Step(ref t0, ref t1, ref t2, ref t3, ref t7, ref t8);
        Row(a.V1.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, ref t8, ref t9);
        Step(ref t1, ref t2, ref t3, ref t4, ref t8, ref t9);
        t0 = default;
        Row(a.V2.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, ref t8, ref t9, ref t0);
        Step(ref t2, ref t3, ref t4, ref t5, ref t9, ref t0);
        t1 = default;
        Row(a.V3.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t3, ref t4, ref t5, ref t6, ref t7, ref t8, ref t9, ref t0, ref t1);
        Step(ref t3, ref t4, ref t5, ref t6, ref t0, ref t1);
        t2 = default;
        Row(a.V4.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t4, ref t5, ref t6, ref t7, ref t8, ref t9, ref t0, ref t1, ref t2);
        Step(ref t4, ref t5, ref t6, ref t7, ref t1, ref t2);
        t3 = default;
        Row(a.V5.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t5, ref t6, ref t7, ref t8, ref t9, ref t0, ref t1, ref t2, ref t3);
        Step(ref t5, ref t6, ref t7, ref t8, ref t2, ref t3);
        t4 = default;
        Row(a.V6.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t6, ref t7, ref t8, ref t9, ref t0, ref t1, ref t2, ref t3, ref t4);
        Step(ref t6, ref t7, ref t8, ref t9, ref t3, ref t4);
        t5 = default;
        Row(a.V7.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t7, ref t8, ref t9, ref t0, ref t1, ref t2, ref t3, ref t4, ref t5);
        Step(ref t7, ref t8, ref t9, ref t0, ref t4, ref t5);
        t6 = default;
        Row(a.V8.AsInt32(), b0, b1, b2, b3, b4, b5, b6, b7, b8, ref t8, ref t9, ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6);
        Step(ref t8, ref t9, ref t0, ref t1, ref t5, ref t6);
        Finish(out r, t9, t0, t1, t2, t3, t4, t5, t6);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(
        Vector256<int> x, Vector256<int> b0, Vector256<int> b1, Vector256<int> b2, Vector256<int> b3, Vector256<int> b4, Vector256<int> b5, Vector256<int> b6, Vector256<int> b7, Vector256<int> b8,
        ref Vector256<long> t0, ref Vector256<long> t1, ref Vector256<long> t2, ref Vector256<long> t3, ref Vector256<long> t4, ref Vector256<long> t5, ref Vector256<long> t6, ref Vector256<long> t7, ref Vector256<long> t8)
    {
        t0 += Avx2.Multiply(x, b0);
        t1 += Avx2.Multiply(x, b1);
        t2 += Avx2.Multiply(x, b2);
        t3 += Avx2.Multiply(x, b3);
        t4 += Avx2.Multiply(x, b4);
        t5 += Avx2.Multiply(x, b5);
        t6 += Avx2.Multiply(x, b6);
        t7 += Avx2.Multiply(x, b7);
        t8 += Avx2.Multiply(x, b8);
    }

    /// <summary>
    /// Adds m p for m = t0 mod 2^29 and drops t0: p = 2^24 2^(29 8) - 2^21 2^(29 7) - 2^9 2^(29 3) + 2^6 2^(29 2) - 1, and t0 - m is divided by 2^29 with the shift.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ref Vector256<long> t0, ref Vector256<long> t1, ref Vector256<long> t2, ref Vector256<long> t3, ref Vector256<long> t7, ref Vector256<long> t8)
    {
        Vector256<long> m = t0 & Vector256.Create(Mask);
        t1 += ShiftRight(t0, Bits);
        t2 += m << 6;
        t3 -= m << 9;
        t7 -= m << 21;
        t8 += m << 24;
    }

    /// <summary>Carries from limb to limb. The top limb takes what is left, with the sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(
        out FieldQuad r, Vector256<long> t0, Vector256<long> t1, Vector256<long> t2, Vector256<long> t3, Vector256<long> t4, Vector256<long> t5, Vector256<long> t6, Vector256<long> t7)
    {
        Vector256<long> mask = Vector256.Create(Mask);
        r.V0 = t0 & mask;
        t1 += ShiftRight(t0, Bits);
        r.V1 = t1 & mask;
        t2 += ShiftRight(t1, Bits);
        r.V2 = t2 & mask;
        t3 += ShiftRight(t2, Bits);
        r.V3 = t3 & mask;
        t4 += ShiftRight(t3, Bits);
        r.V4 = t4 & mask;
        t5 += ShiftRight(t4, Bits);
        r.V5 = t5 & mask;
        t6 += ShiftRight(t5, Bits);
        r.V6 = t6 & mask;
        t7 += ShiftRight(t6, Bits);
        r.V7 = t7 & mask;
        r.V8 = ShiftRight(t7, Bits);
    }

    /// <summary>v / 2^bits, rounded down. AVX2 alone has no arithmetic shift of 64 bits: there v is moved up by 2^63 before and down by 2^(63 - bits) after.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> ShiftRight(Vector256<long> v, [ConstantExpected] byte bits) => Avx512F.VL.IsSupported
        ? Avx512F.VL.ShiftRightArithmetic(v, bits)
        : ((v ^ Vector256.Create(long.MinValue)) >>> bits) - Vector256.Create(1L << (63 - bits));
}
