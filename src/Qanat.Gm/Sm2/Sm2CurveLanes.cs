using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// The scalar multiplications of <see cref="Sm2Curve"/> for eight points and scalars at once (AVX-512), in constant time for all of them. A lane whose scalar is one of the handful
/// that the lazy formulas cannot do ends with Z = 0; the caller does it again alone.
/// </summary>
internal static unsafe class Sm2CurveLanes
{
    private const int Row = 1 << (Sm2Curve.BaseWindow - 1);

    /// <summary>k G for eight odd k below n.</summary>
    public static void MultiplyBase(out PointLanes r, in LaneWords k)
    {
        ulong* table = BaseTable.Pointer;
        PointLanes sum = default;
        for (int i = 0; i < Sm2Curve.BaseWindows; i++)
        {
            Vector512<ulong> index = k.Digit(i, Sm2Curve.BaseWindow, Sm2Curve.BaseWindows, out Vector512<long> negative);
            SelectBase(out FieldLanes x, out FieldLanes y, table + i * FieldLanes.Limbs29 * Row, index);
            FieldLanes.NegateIf(out y, negative, y);
            if (i == 0) (sum.X, sum.Y, sum.Z) = (x, y, FieldLanes.One);
            else PointLanes.AddLazy(out sum, sum, x, y);
        }
        r = sum;
    }

    /// <summary>k P for eight points and eight odd k below n.</summary>
    [SkipLocalsInit]
    public static void Multiply(out PointLanes r, in PointLanes point, in LaneWords k)
    {
        const int entries = 1 << (Sm2Curve.Window - 1);
        PointLanes* table = Align(stackalloc byte[entries * sizeof(PointLanes) + 64]);
        table[0] = point;
        PointLanes.Double(out PointLanes twice, point);
        for (int i = 1; i < entries; i++) PointLanes.AddLazy(out table[i], table[i - 1], twice);
        // The highest digit of an odd scalar is 1.
        PointLanes sum = point;
        for (int i = Sm2Curve.Windows - 2; i >= 0; i--)
        {
            for (int j = 0; j < Sm2Curve.Window; j++) PointLanes.Double(out sum, sum);
            Vector512<ulong> index = k.Digit(i, Sm2Curve.Window, Sm2Curve.Windows, out Vector512<long> negative);
            Select(out twice.X, &table->X, index);
            Select(out twice.Y, &table->Y, index);
            Select(out twice.Z, &table->Z, index);
            FieldLanes.NegateIf(out twice.Y, negative, twice.Y);
            PointLanes.AddLazy(out sum, sum, twice);
        }
        r = sum;
    }

    private static PointLanes* Align(Span<byte> memory) => (PointLanes*)(((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory)) + 63) & ~63);

    /// <summary>Reads one coordinate of every entry and keeps in each lane that of its index.</summary>
    private static void Select(out FieldLanes r, FieldLanes* first, Vector512<ulong> index)
    {
        const int entries = 1 << (Sm2Curve.Window - 1);
        FieldLanes sum = *first;
        for (int i = 1; i < entries; i++)
        {
            FieldLanes* entry = first + 3 * i;
            Vector512<long> mask = Vector512.Equals(index, Vector512.Create((ulong)i)).AsInt64();
            sum.V0 = Vector512.ConditionalSelect(mask, entry->V0, sum.V0);
            sum.V1 = Vector512.ConditionalSelect(mask, entry->V1, sum.V1);
            sum.V2 = Vector512.ConditionalSelect(mask, entry->V2, sum.V2);
            sum.V3 = Vector512.ConditionalSelect(mask, entry->V3, sum.V3);
            sum.V4 = Vector512.ConditionalSelect(mask, entry->V4, sum.V4);
            sum.V5 = Vector512.ConditionalSelect(mask, entry->V5, sum.V5);
            sum.V6 = Vector512.ConditionalSelect(mask, entry->V6, sum.V6);
            sum.V7 = Vector512.ConditionalSelect(mask, entry->V7, sum.V7);
            sum.V8 = Vector512.ConditionalSelect(mask, entry->V8, sum.V8);
        }
        r = sum;
    }

    /// <summary>Reads a whole row and picks in each lane the entry of its index, with permutations that take the same time for every index.</summary>
    private static void SelectBase(out FieldLanes x, out FieldLanes y, ulong* row, Vector512<ulong> index)
    {
        Vector512<ulong> bit4 = Vector512.Equals(index & Vector512.Create(16UL), Vector512.Create(16UL)), bit5 = Vector512.Equals(index & Vector512.Create(32UL), Vector512.Create(32UL));
        x.V0 = Pick(row, 0, index, bit4, bit5, out y.V0);
        x.V1 = Pick(row, 1, index, bit4, bit5, out y.V1);
        x.V2 = Pick(row, 2, index, bit4, bit5, out y.V2);
        x.V3 = Pick(row, 3, index, bit4, bit5, out y.V3);
        x.V4 = Pick(row, 4, index, bit4, bit5, out y.V4);
        x.V5 = Pick(row, 5, index, bit4, bit5, out y.V5);
        x.V6 = Pick(row, 6, index, bit4, bit5, out y.V6);
        x.V7 = Pick(row, 7, index, bit4, bit5, out y.V7);
        x.V8 = Pick(row, 8, index, bit4, bit5, out y.V8);
    }

    private static Vector512<long> Pick(ulong* row, int limb, Vector512<ulong> index, Vector512<ulong> bit4, Vector512<ulong> bit5, out Vector512<long> y)
    {
        ulong* p = row + limb * Row;
        Vector512<ulong> first = Avx512F.PermuteVar8x64x2(Vector512.LoadAligned(p), index, Vector512.LoadAligned(p + 8));
        Vector512<ulong> second = Avx512F.PermuteVar8x64x2(Vector512.LoadAligned(p + 16), index, Vector512.LoadAligned(p + 24));
        Vector512<ulong> third = Avx512F.PermuteVar8x64x2(Vector512.LoadAligned(p + 32), index, Vector512.LoadAligned(p + 40));
        Vector512<ulong> fourth = Avx512F.PermuteVar8x64x2(Vector512.LoadAligned(p + 48), index, Vector512.LoadAligned(p + 56));
        Vector512<ulong> low = Vector512.ConditionalSelect(bit4, second, first), high = Vector512.ConditionalSelect(bit4, fourth, third);
        Vector512<ulong> both = Vector512.ConditionalSelect(bit5, high, low);
        y = (both >>> 32).AsInt64();
        return (both & Vector512.Create(0xFFFFFFFFUL)).AsInt64();
    }

    /// <summary>The comb of <see cref="Sm2Curve"/> in limbs of 29 bits: row by row, limb by limb, 64 entries with x in the lower and y in the upper half. Lives as long as the process.</summary>
    private static class BaseTable
    {
        public static readonly ulong* Pointer = Make();

        private static ulong* Make()
        {
            ReadOnlySpan<AffinePoint> comb = Sm2Curve.Comb;
            ulong* table = (ulong*)NativeMemory.AlignedAlloc((nuint)(comb.Length * FieldLanes.Limbs29 * sizeof(ulong)), 64);
            for (int i = 0; i < comb.Length; i++)
            {
                Limbs x = TimesThirtyTwo(comb[i].X), y = TimesThirtyTwo(comb[i].Y);
                for (int j = 0; j < FieldLanes.Limbs29; j++)
                    table[(i / Row * FieldLanes.Limbs29 + j) * Row + i % Row] = Bits(x, 29 * j) | Bits(y, 29 * j) << 32;
            }
            return table;
        }

        private static Limbs TimesThirtyTwo(Limbs a)
        {
            for (int i = 0; i < 5; i++) FieldElement.Double(out a, a);
            return a;
        }

        private static ulong Bits(in Limbs a, int position)
        {
            ReadOnlySpan<ulong> words = MemoryMarshal.CreateReadOnlySpan(in a.L0, 4);
            int word = position >> 6, shift = position & 63;
            ulong bits = words[word] >> shift;
            if (word < 3) bits |= words[word + 1] << 1 << (63 - shift);
            return bits & 0x1FFFFFFF;
        }
    }
}
