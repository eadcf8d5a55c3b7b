using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// Eight numbers modulo p in the lanes of nine vectors: signed limbs of radix 2^29, so that 32-bit multiplications sum up in 64 bits without a carry. In Montgomery form with
/// 2^261. Numbers are reduced lazily: a product lies between -p/2 and 3p/2, with limbs from 0 to 2^29 - 1 but for the last; sums and differences are not
/// reduced at all. A product is right while 9 |a_i| |b_j| stays below 2^62.9 and |a| |b| below 2^259 p: each caller says why it does. Constant time.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal partial struct FieldLanes
{
    public const int Lanes = 8, Limbs29 = 9;

    private const int Bits = 29;
    private const long Mask = (1L << Bits) - 1;

    public Vector512<long> V0, V1, V2, V3, V4, V5, V6, V7, V8;

    public static bool IsSupported => Avx512F.IsSupported;

    /// <summary>a + b, limb by limb.</summary>
    public static void Add(out FieldLanes r, in FieldLanes a, in FieldLanes b)
    {
        r.V0 = a.V0 + b.V0;
        r.V1 = a.V1 + b.V1;
        r.V2 = a.V2 + b.V2;
        r.V3 = a.V3 + b.V3;
        r.V4 = a.V4 + b.V4;
        r.V5 = a.V5 + b.V5;
        r.V6 = a.V6 + b.V6;
        r.V7 = a.V7 + b.V7;
        r.V8 = a.V8 + b.V8;
    }

    /// <summary>a - b, limb by limb.</summary>
    public static void Subtract(out FieldLanes r, in FieldLanes a, in FieldLanes b)
    {
        r.V0 = a.V0 - b.V0;
        r.V1 = a.V1 - b.V1;
        r.V2 = a.V2 - b.V2;
        r.V3 = a.V3 - b.V3;
        r.V4 = a.V4 - b.V4;
        r.V5 = a.V5 - b.V5;
        r.V6 = a.V6 - b.V6;
        r.V7 = a.V7 - b.V7;
        r.V8 = a.V8 - b.V8;
    }

    /// <summary>a 2^shift, limb by limb.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Shift(out FieldLanes r, in FieldLanes a, [System.Diagnostics.CodeAnalysis.ConstantExpected] byte shift)
    {
        r.V0 = a.V0 << shift;
        r.V1 = a.V1 << shift;
        r.V2 = a.V2 << shift;
        r.V3 = a.V3 << shift;
        r.V4 = a.V4 << shift;
        r.V5 = a.V5 << shift;
        r.V6 = a.V6 << shift;
        r.V7 = a.V7 << shift;
        r.V8 = a.V8 << shift;
    }

    /// <summary>-a in the lanes where <paramref name="mask"/> is all ones.</summary>
    public static void NegateIf(out FieldLanes r, Vector512<long> mask, in FieldLanes a)
    {
        r.V0 = (a.V0 ^ mask) - mask;
        r.V1 = (a.V1 ^ mask) - mask;
        r.V2 = (a.V2 ^ mask) - mask;
        r.V3 = (a.V3 ^ mask) - mask;
        r.V4 = (a.V4 ^ mask) - mask;
        r.V5 = (a.V5 ^ mask) - mask;
        r.V6 = (a.V6 ^ mask) - mask;
        r.V7 = (a.V7 ^ mask) - mask;
        r.V8 = (a.V8 ^ mask) - mask;
    }

    /// <summary>The same number with each limb's upper part moved to the next limb at once: limbs below 2^34 in absolute value come out between -32 and 2^29 + 31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Carry(ref FieldLanes a)
    {
        Vector512<long> mask = Vector512.Create(Mask);
        Vector512<long> c = a.V7 >> Bits;
        a.V8 += c;
        c = a.V6 >> Bits;
        a.V7 = (a.V7 & mask) + c;
        c = a.V5 >> Bits;
        a.V6 = (a.V6 & mask) + c;
        c = a.V4 >> Bits;
        a.V5 = (a.V5 & mask) + c;
        c = a.V3 >> Bits;
        a.V4 = (a.V4 & mask) + c;
        c = a.V2 >> Bits;
        a.V3 = (a.V3 & mask) + c;
        c = a.V1 >> Bits;
        a.V2 = (a.V2 & mask) + c;
        c = a.V0 >> Bits;
        a.V1 = (a.V1 & mask) + c;
        a.V0 &= mask;
    }

    /// <summary>a / 2 mod p: odd numbers get p added first. Limbs of up to 2^31 come out a little above half as large.</summary>
    public static void Halve(ref FieldLanes a)
    {
        Vector512<long> one = Vector512<long>.One;
        Vector512<long> odd = Vector512<long>.Zero - (a.V0 & one);
        Vector512<long> v2 = a.V2 + (odd & Vector512.Create(1L << 6)), v3 = a.V3 - (odd & Vector512.Create(1L << 9));
        Vector512<long> v7 = a.V7 - (odd & Vector512.Create(1L << 21)), v8 = a.V8 + (odd & Vector512.Create(1L << 24));
        a.V0 = ((a.V0 + odd) >> 1) + ((a.V1 & one) << (Bits - 1));
        a.V1 = (a.V1 >> 1) + ((v2 & one) << (Bits - 1));
        a.V2 = (v2 >> 1) + ((v3 & one) << (Bits - 1));
        a.V3 = (v3 >> 1) + ((a.V4 & one) << (Bits - 1));
        a.V4 = (a.V4 >> 1) + ((a.V5 & one) << (Bits - 1));
        a.V5 = (a.V5 >> 1) + ((a.V6 & one) << (Bits - 1));
        a.V6 = (a.V6 >> 1) + ((v7 & one) << (Bits - 1));
        a.V7 = (v7 >> 1) + ((v8 & one) << (Bits - 1));
        a.V8 = v8 >> 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(out FieldLanes r, in FieldLanes a, in FieldLanes b)
    {
        Vector512<int> b0 = b.V0.AsInt32(), b1 = b.V1.AsInt32(), b2 = b.V2.AsInt32(), b3 = b.V3.AsInt32(), b4 = b.V4.AsInt32();
        Vector512<int> b5 = b.V5.AsInt32(), b6 = b.V6.AsInt32(), b7 = b.V7.AsInt32(), b8 = b.V8.AsInt32();
        Vector512<int> x = a.V0.AsInt32();
        Vector512<long> t0 = Avx512F.Multiply(x, b0), t1 = Avx512F.Multiply(x, b1), t2 = Avx512F.Multiply(x, b2), t3 = Avx512F.Multiply(x, b3), t4 = Avx512F.Multiply(x, b4);
        Vector512<long> t5 = Avx512F.Multiply(x, b5), t6 = Avx512F.Multiply(x, b6), t7 = Avx512F.Multiply(x, b7), t8 = Avx512F.Multiply(x, b8), t9 = default;
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

    /// <summary>a a, for limbs below 2^29.9 in absolute value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Square(out FieldLanes r, in FieldLanes a)
    {
        Vector512<int> a1 = a.V1.AsInt32(), a2 = a.V2.AsInt32(), a3 = a.V3.AsInt32(), a4 = a.V4.AsInt32();
        Vector512<int> a5 = a.V5.AsInt32(), a6 = a.V6.AsInt32(), a7 = a.V7.AsInt32(), a8 = a.V8.AsInt32();
        Vector512<int> x = a.V0.AsInt32();
        Vector512<long> t0 = Avx512F.Multiply(x, x);
        x = (a.V0 << 1).AsInt32();
        Vector512<long> t1 = Avx512F.Multiply(x, a1), t2 = Avx512F.Multiply(x, a2), t3 = Avx512F.Multiply(x, a3), t4 = Avx512F.Multiply(x, a4), t5 = Avx512F.Multiply(x, a5), t6 = Avx512F.Multiply(x, a6), t7 = Avx512F.Multiply(x, a7), t8 = Avx512F.Multiply(x, a8), t9 = default;
        Step(ref t0, ref t1, ref t2, ref t3, ref t7, ref t8);
        t2 += Avx512F.Multiply(a1, a1);
        x = (a.V1 << 1).AsInt32();
        t3 += Avx512F.Multiply(x, a2);
        t4 += Avx512F.Multiply(x, a3);
        t5 += Avx512F.Multiply(x, a4);
        t6 += Avx512F.Multiply(x, a5);
        t7 += Avx512F.Multiply(x, a6);
        t8 += Avx512F.Multiply(x, a7);
        t9 += Avx512F.Multiply(x, a8);
        Step(ref t1, ref t2, ref t3, ref t4, ref t8, ref t9);
        t0 = default;
        t4 += Avx512F.Multiply(a2, a2);
        x = (a.V2 << 1).AsInt32();
        t5 += Avx512F.Multiply(x, a3);
        t6 += Avx512F.Multiply(x, a4);
        t7 += Avx512F.Multiply(x, a5);
        t8 += Avx512F.Multiply(x, a6);
        t9 += Avx512F.Multiply(x, a7);
        t0 += Avx512F.Multiply(x, a8);
        Step(ref t2, ref t3, ref t4, ref t5, ref t9, ref t0);
        t1 = default;
        t6 += Avx512F.Multiply(a3, a3);
        x = (a.V3 << 1).AsInt32();
        t7 += Avx512F.Multiply(x, a4);
        t8 += Avx512F.Multiply(x, a5);
        t9 += Avx512F.Multiply(x, a6);
        t0 += Avx512F.Multiply(x, a7);
        t1 += Avx512F.Multiply(x, a8);
        Step(ref t3, ref t4, ref t5, ref t6, ref t0, ref t1);
        t2 = default;
        t8 += Avx512F.Multiply(a4, a4);
        x = (a.V4 << 1).AsInt32();
        t9 += Avx512F.Multiply(x, a5);
        t0 += Avx512F.Multiply(x, a6);
        t1 += Avx512F.Multiply(x, a7);
        t2 += Avx512F.Multiply(x, a8);
        Step(ref t4, ref t5, ref t6, ref t7, ref t1, ref t2);
        t3 = default;
        t0 += Avx512F.Multiply(a5, a5);
        x = (a.V5 << 1).AsInt32();
        t1 += Avx512F.Multiply(x, a6);
        t2 += Avx512F.Multiply(x, a7);
        t3 += Avx512F.Multiply(x, a8);
        Step(ref t5, ref t6, ref t7, ref t8, ref t2, ref t3);
        t4 = default;
        t2 += Avx512F.Multiply(a6, a6);
        x = (a.V6 << 1).AsInt32();
        t3 += Avx512F.Multiply(x, a7);
        t4 += Avx512F.Multiply(x, a8);
        Step(ref t6, ref t7, ref t8, ref t9, ref t3, ref t4);
        t5 = default;
        t4 += Avx512F.Multiply(a7, a7);
        x = (a.V7 << 1).AsInt32();
        t5 += Avx512F.Multiply(x, a8);
        Step(ref t7, ref t8, ref t9, ref t0, ref t4, ref t5);
        t6 = default;
        t6 += Avx512F.Multiply(a8, a8);
        Step(ref t8, ref t9, ref t0, ref t1, ref t5, ref t6);
        Finish(out r, t9, t0, t1, t2, t3, t4, t5, t6);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(
        Vector512<int> x, Vector512<int> b0, Vector512<int> b1, Vector512<int> b2, Vector512<int> b3, Vector512<int> b4, Vector512<int> b5, Vector512<int> b6, Vector512<int> b7, Vector512<int> b8,
        ref Vector512<long> t0, ref Vector512<long> t1, ref Vector512<long> t2, ref Vector512<long> t3, ref Vector512<long> t4, ref Vector512<long> t5, ref Vector512<long> t6, ref Vector512<long> t7, ref Vector512<long> t8)
    {
        t0 += Avx512F.Multiply(x, b0);
        t1 += Avx512F.Multiply(x, b1);
        t2 += Avx512F.Multiply(x, b2);
        t3 += Avx512F.Multiply(x, b3);
        t4 += Avx512F.Multiply(x, b4);
        t5 += Avx512F.Multiply(x, b5);
        t6 += Avx512F.Multiply(x, b6);
        t7 += Avx512F.Multiply(x, b7);
        t8 += Avx512F.Multiply(x, b8);
    }

    /// <summary>
    /// Adds m p for m = t0 mod 2^29 and drops t0: p = 2^24 2^(29 8) - 2^21 2^(29 7) - 2^9 2^(29 3) + 2^6 2^(29 2) - 1, and t0 - m is divided by 2^29 with the shift.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ref Vector512<long> t0, ref Vector512<long> t1, ref Vector512<long> t2, ref Vector512<long> t3, ref Vector512<long> t7, ref Vector512<long> t8)
    {
        Vector512<long> m = t0 & Vector512.Create(Mask);
        t1 += t0 >> Bits;
        t2 += m << 6;
        t3 -= m << 9;
        t7 -= m << 21;
        t8 += m << 24;
    }

    /// <summary>Carries from limb to limb. The top limb takes what is left, with the sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(
        out FieldLanes r, Vector512<long> t0, Vector512<long> t1, Vector512<long> t2, Vector512<long> t3, Vector512<long> t4, Vector512<long> t5, Vector512<long> t6, Vector512<long> t7)
    {
        Vector512<long> mask = Vector512.Create(Mask);
        r.V0 = t0 & mask;
        t1 += t0 >> Bits;
        r.V1 = t1 & mask;
        t2 += t1 >> Bits;
        r.V2 = t2 & mask;
        t3 += t2 >> Bits;
        r.V3 = t3 & mask;
        t4 += t3 >> Bits;
        r.V4 = t4 & mask;
        t5 += t4 >> Bits;
        r.V5 = t5 & mask;
        t6 += t5 >> Bits;
        r.V6 = t6 & mask;
        t7 += t6 >> Bits;
        r.V7 = t7 & mask;
        r.V8 = t7 >> Bits;
    }
}
