using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>The scalar multiplications of <see cref="Sm2Curve"/> for one point of any kind, with its coordinates in the lanes of AVX2: two to three times as fast as limb by limb.</summary>
internal static class Sm2CurveQuad
{
    public static bool IsSupported => FieldQuad.IsSupported;

    /// <summary>k P for an odd k below n, in constant time. A sum that the formulas cannot do leaves Z = 0 (see <see cref="Sm2Curve.Finish"/>).</summary>
    [SkipLocalsInit]
    public static void Multiply(out JacobianPoint r, in JacobianPoint point, in Limbs k)
    {
        Span<PointQuad> table = stackalloc PointQuad[1 << (Sm2Curve.Window - 1)];
        OddMultiples(table, point);
        PointQuad sum = table[0];
        // The highest digit of an odd scalar is 1.
        for (int i = Sm2Curve.Windows - 2; i >= 0; i--)
        {
            for (int j = 0; j < Sm2Curve.Window; j++) PointQuad.Double(ref sum);
            ulong index = Sm2Curve.Digit(k, i, Sm2Curve.Window, Sm2Curve.Windows, out ulong negative);
            Select(out FieldQuad entry, table, index);
            PointQuad.NegateIf(ref entry, negative);
            PointQuad.AddLazy(ref sum, entry);
        }
        PointQuad.Store(sum, out r);
        Sm2.Clear(ref sum);
    }

    /// <summary>
    /// The sum of digits[i] 2^i P and baseDigits[i] 2^i G. The time depends on the digits. False when a sum was infinite or exceptional on the way: then <paramref name="r"/> says nothing.
    /// </summary>
    [SkipLocalsInit]
    public static bool TryMultiplyPublic(
        out JacobianPoint r, in JacobianPoint point, ReadOnlySpan<sbyte> digits, ReadOnlySpan<short> baseDigits, ReadOnlySpan<AffinePoint> baseTable)
    {
        Span<PointQuad> table = stackalloc PointQuad[Sm2Curve.PublicTableLength];
        OddMultiples(table, point);
        PointQuad sum = default;
        bool isEmpty = true;
        for (int i = digits.Length - 1; i >= 0; i--)
        {
            if (!isEmpty) PointQuad.Double(ref sum);
            if (digits[i] != 0)
            {
                FieldQuad entry = table[Math.Abs((int)digits[i]) >> 1].Coordinates;
                Add(ref sum, ref isEmpty, ref entry, digits[i] < 0);
            }
            if (baseDigits[i] != 0)
            {
                ref readonly AffinePoint known = ref baseTable[Math.Abs((int)baseDigits[i]) >> 1];
                FieldQuad.Load(out FieldQuad entry, known.X, known.Y, FieldElement.One, default);
                Add(ref sum, ref isEmpty, ref entry, baseDigits[i] < 0);
            }
        }
        r = default;
        if (isEmpty) return false;
        PointQuad.Store(sum, out r);
        return !r.IsInfinity;
    }

    private static void Add(ref PointQuad sum, ref bool isEmpty, ref FieldQuad entry, bool isNegative)
    {
        if (isNegative) PointQuad.NegateIf(ref entry, ulong.MaxValue);
        if (isEmpty) PointQuad.From(out sum, entry);
        else PointQuad.AddLazy(ref sum, entry);
        isEmpty = false;
    }

    /// <summary>P, 3P, 5P ... No sum here is exceptional, since the order of P is n.</summary>
    private static void OddMultiples(Span<PointQuad> table, in JacobianPoint point)
    {
        PointQuad.Load(out table[0], point.X, point.Y, point.Z);
        PointQuad twice = table[0];
        PointQuad.Double(ref twice);
        for (int i = 1; i < table.Length; i++)
        {
            table[i] = table[i - 1];
            PointQuad.AddLazy(ref table[i], twice.Coordinates);
        }
    }

    /// <summary>Reads the coordinates of every entry and keeps those at <paramref name="index"/>.</summary>
    private static void Select(out FieldQuad r, ReadOnlySpan<PointQuad> table, ulong index)
    {
        r = default;
        Vector256<long> wanted = Vector256.Create((long)index);
        for (int i = 0; i < table.Length; i++)
        {
            Vector256<long> mask = Vector256.Equals(Vector256.Create((long)i), wanted);
            ref readonly FieldQuad at = ref table[i].Coordinates;
            r.V0 |= at.V0 & mask;
            r.V1 |= at.V1 & mask;
            r.V2 |= at.V2 & mask;
            r.V3 |= at.V3 & mask;
            r.V4 |= at.V4 & mask;
            r.V5 |= at.V5 & mask;
            r.V6 |= at.V6 & mask;
            r.V7 |= at.V7 & mask;
            r.V8 |= at.V8 & mask;
        }
    }
}
