using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>Scalar multiplication on sm2p256v1: y^2 = x^3 - 3x + b over p, base point G of prime order n, cofactor 1 (GB/T 32918.5-2017).</summary>
internal static class Sm2Curve
{
    /// <summary>Bits of a digit of a secret scalar times G, and how many digits 256 bits have.</summary>
    public const int BaseWindow = 7, BaseWindows = 37;

    /// <summary>The same for a secret scalar times any point.</summary>
    public const int Window = 5, Windows = 52;

    /// <summary>Width of the non-adjacent form of a public scalar times a point, and times G.</summary>
    internal const int PublicWidth = 5, PublicBaseWidth = 11;

    /// <summary>Odd multiples of a point that digits of <see cref="PublicWidth"/> need.</summary>
    internal const int PublicTableLength = 1 << (PublicWidth - 2);

    public static readonly Limbs B = FieldElement.ToMontgomery(new Limbs(0xDDBCBD414D940E93, 0xF39789F515AB8F92, 0x4D5A9E4BCF6509A7, 0x28E9FA9E9D9F5E34));

    public static readonly AffinePoint Generator = new()
    {
        X = FieldElement.ToMontgomery(new Limbs(0x715A4589334C74C7, 0x8FE30BBFF2660BE1, 0x5F9904466A39C994, 0x32C4AE2C1F198119)),
        Y = FieldElement.ToMontgomery(new Limbs(0x02DF32E52139F0A0, 0xD0A9877CC62A4740, 0x59BDCEE36B692153, 0xBC3736A2F4F6779C)),
    };

    /// <summary>y^2 = x^3 - 3x + b?</summary>
    public static bool Contains(in AffinePoint point)
    {
        FieldElement.Square(out Limbs left, point.Y);
        RightSide(out Limbs right, point.X);
        return left.EqualTo(right);
    }

    /// <summary>x^3 - 3x + b.</summary>
    public static void RightSide(out Limbs r, in Limbs x)
    {
        FieldElement.Square(out Limbs cube, x);
        FieldElement.Multiply(out cube, cube, x);
        FieldElement.Double(out Limbs three, x);
        FieldElement.Add(out three, three, x);
        FieldElement.Subtract(out cube, cube, three);
        FieldElement.Add(out r, cube, B);
    }

    /// <summary>k G in constant time, for k below n. Windows of seven bits, odd signed digits, so that no digit is zero; each table row is read whole.</summary>
    public static void MultiplyBase(out JacobianPoint r, in Limbs k)
    {
        ulong even = (k.L0 & 1) - 1;
        Limbs odd = Limbs.Select(even, Limbs.Subtract(Scalar.Order, k, out _), k);
        ReadOnlySpan<AffinePoint> table = BaseTable.Comb;
        const int row = 1 << (BaseWindow - 1);
        JacobianPoint sum = default;
        for (int i = 0; i < BaseWindows; i++)
        {
            ulong index = Digit(odd, i, BaseWindow, BaseWindows, out ulong negative);
            SelectEntry(out AffinePoint entry, MemoryMarshal.Cast<AffinePoint, Vector256<ulong>>(table.Slice(i * row, row)), index);
            FieldElement.NegateIf(out entry.Y, negative, entry.Y);
            if (i == 0) sum = new JacobianPoint(entry);
            else JacobianPoint.AddLazy(out sum, sum, entry);
        }
        Finish(out r, sum, even, new JacobianPoint(Generator), k);
    }

    /// <summary>k P in constant time, for k below n. Windows of five bits over a table of P, 3P .. 31P, read whole for each digit.</summary>
    public static void Multiply(out JacobianPoint r, in JacobianPoint point, in Limbs k)
    {
        ulong even = (k.L0 & 1) - 1;
        Limbs odd = Limbs.Select(even, Limbs.Subtract(Scalar.Order, k, out _), k);
        JacobianPoint sum = default;
        if (Sm2CurveQuad.IsSupported) Sm2CurveQuad.Multiply(out sum, point, odd);
        else MultiplyOdd(out sum, point, odd);
        Finish(out r, sum, even, point, k);
    }

    /// <summary>k P for an odd k below n, in constant time; Z = 0 when the last sum is exceptional.</summary>
    internal static void MultiplyOdd(out JacobianPoint r, in JacobianPoint point, in Limbs odd)
    {
        Span<JacobianPoint> table = stackalloc JacobianPoint[1 << (Window - 1)];
        OddMultiples(table, point);
        JacobianPoint sum = default;
        for (int i = Windows - 1; i >= 0; i--)
        {
            ulong index = Digit(odd, i, Window, Windows, out ulong negative);
            SelectEntry(out JacobianPoint entry, MemoryMarshal.Cast<JacobianPoint, Vector256<ulong>>(table), index);
            FieldElement.NegateIf(out entry.Y, negative, entry.Y);
            if (i == Windows - 1)
            {
                sum = entry;
                continue;
            }
            for (int j = 0; j < Window; j++) JacobianPoint.Double(out sum, sum);
            JacobianPoint.AddLazy(out sum, sum, entry);
        }
        r = sum;
    }

    /// <summary>s G + t P. The time depends on the scalars: for public ones.</summary>
    public static void MultiplyPublic(out JacobianPoint r, in Limbs s, in JacobianPoint point, in Limbs t)
    {
        Span<sbyte> digits = stackalloc sbyte[257];
        Span<short> baseDigits = stackalloc short[257];
        digits.Clear();
        baseDigits.Clear();
        int count = 1 + int.Max(NonAdjacentForm(t, PublicWidth, digits, default), NonAdjacentForm(s, PublicBaseWidth, default, baseDigits));
        if (!Sm2CurveQuad.IsSupported || !Sm2CurveQuad.TryMultiplyPublic(out r, point, digits[..count], baseDigits[..count], OddBaseMultiples))
        {
            MultiplyPublic(out r, point, digits[..count], baseDigits[..count]);
        }
    }

    /// <summary>The sum of digits[i] 2^i P and baseDigits[i] 2^i G, digits in the two non-adjacent forms.</summary>
    internal static void MultiplyPublic(out JacobianPoint r, in JacobianPoint point, ReadOnlySpan<sbyte> digits, ReadOnlySpan<short> baseDigits)
    {
        Span<JacobianPoint> table = stackalloc JacobianPoint[PublicTableLength];
        OddMultiples(table, point);
        ReadOnlySpan<AffinePoint> baseTable = BaseTable.Odd;
        r = default;
        for (int i = digits.Length - 1; i >= 0; i--)
        {
            if (!r.IsInfinity) JacobianPoint.Double(out r, r);
            if (digits[i] != 0)
            {
                JacobianPoint entry = table[Math.Abs((int)digits[i]) >> 1];
                if (digits[i] < 0) FieldElement.Negate(out entry.Y, entry.Y);
                JacobianPoint.Add(out r, r, entry);
            }
            if (baseDigits[i] != 0)
            {
                AffinePoint entry = baseTable[Math.Abs((int)baseDigits[i]) >> 1];
                if (baseDigits[i] < 0) FieldElement.Negate(out entry.Y, entry.Y);
                AddPublic(out r, r, entry);
            }
        }
    }

    /// <summary>P, 3P, 5P ... No sum here is exceptional, since the order of P is n.</summary>
    public static void OddMultiples(Span<JacobianPoint> table, in JacobianPoint point)
    {
        table[0] = point;
        JacobianPoint.Double(out JacobianPoint twice, point);
        for (int i = 1; i < table.Length; i++) JacobianPoint.AddLazy(out table[i], table[i - 1], twice);
    }

    /// <summary>
    /// Digit <paramref name="i"/> of an odd k = sum of d_i 2^(width i) with odd d_i between -2^width and 2^width: (|d_i| - 1) / 2, and all ones in <paramref name="negative"/>
    /// if d_i is below zero. Since k >> (width i) is made odd by its lowest bit alone, the digit is read off the bits of k.
    /// </summary>
    public static ulong Digit(in Limbs k, int i, int width, int count, out ulong negative)
    {
        int position = width * i + 1;
        ReadOnlySpan<ulong> limbs = MemoryMarshal.CreateReadOnlySpan(in k.L0, 4);
        int limb = position >> 6, shift = position & 63;
        ulong bits = limb < 4 ? limbs[limb] >> shift : 0;
        if (limb < 3) bits |= limbs[limb + 1] << 1 << (63 - shift);
        if (i == count - 1)
        {
            negative = 0;
            return bits;
        }
        ulong half = 1UL << (width - 1);
        negative = ((bits >> (width - 1)) & 1) - 1;
        return (bits ^ negative) & (half - 1);
    }

    /// <summary>
    /// The end of a multiplication in constant time: the sign of k. Only the last sum can be exceptional, and only for a handful of scalars next to n
    /// (before it, all sums are below n as integers); those, and k = 0, take the slow way.
    /// </summary>
    private static void Finish(out JacobianPoint r, in JacobianPoint sum, ulong negative, in JacobianPoint point, in Limbs k)
    {
        if (sum.IsInfinity)
        {
            MultiplyPublicBitwise(out r, point, k);
            return;
        }
        r = sum;
        FieldElement.NegateIf(out r.Y, negative, sum.Y);
    }

    private static void MultiplyPublicBitwise(out JacobianPoint r, in JacobianPoint point, in Limbs k)
    {
        JacobianPoint sum = default;
        ReadOnlySpan<ulong> limbs = MemoryMarshal.CreateReadOnlySpan(in k.L0, 4);
        for (int bit = 255; bit >= 0; bit--)
        {
            JacobianPoint.Double(out sum, sum);
            if (((limbs[bit >> 6] >> (bit & 63)) & 1) != 0) JacobianPoint.Add(out sum, sum, point);
        }
        r = sum;
    }

    private static void AddPublic(out JacobianPoint r, in JacobianPoint a, in AffinePoint b)
    {
        if (!a.IsInfinity)
        {
            JacobianPoint.AddLazy(out JacobianPoint sum, a, b);
            if (!sum.IsInfinity)
            {
                r = sum;
                return;
            }
        }
        JacobianPoint.Add(out r, a, new JacobianPoint(b));
    }

    /// <summary>Entry 64 i + j is (2j + 1) 2^(7i) G.</summary>
    internal static ReadOnlySpan<AffinePoint> Comb => BaseTable.Comb;

    /// <summary>Entry j is (2j + 1) G.</summary>
    internal static ReadOnlySpan<AffinePoint> OddBaseMultiples => BaseTable.Odd;

    /// <summary>Reads every entry of the row and keeps the one at <paramref name="index"/>.</summary>
    private static void SelectEntry<T>(out T entry, ReadOnlySpan<Vector256<ulong>> row, ulong index) where T : unmanaged
    {
        int width = Unsafe.SizeOf<T>() / 32;
        Vector256<ulong> wanted = Vector256.Create(index), at = Vector256<ulong>.Zero, one = Vector256.Create(1UL);
        Vector256<ulong> x = default, y = default, z = default;
        if (width == 2)
        {
            for (int i = 0; i + 1 < row.Length; i += 2)
            {
                Vector256<ulong> mask = Vector256.Equals(at, wanted);
                x |= row[i] & mask;
                y |= row[i + 1] & mask;
                at += one;
            }
        }
        else
        {
            for (int i = 0; i + 2 < row.Length; i += 3)
            {
                Vector256<ulong> mask = Vector256.Equals(at, wanted);
                x |= row[i] & mask;
                y |= row[i + 1] & mask;
                z |= row[i + 2] & mask;
                at += one;
            }
        }
        Unsafe.SkipInit(out entry);
        Span<Vector256<ulong>> target = MemoryMarshal.CreateSpan(ref Unsafe.As<T, Vector256<ulong>>(ref entry), width);
        target[0] = x;
        target[1] = y;
        if (width == 3) target[2] = z;
    }

    /// <summary>Writes odd digits below 2^(width-1) in absolute value, at least <paramref name="width"/> apart, into one of the spans; the highest position used, or -1.</summary>
    internal static int NonAdjacentForm(in Limbs k, int width, Span<sbyte> narrow, Span<short> wide)
    {
        Span<ulong> limbs = [k.L0, k.L1, k.L2, k.L3, 0];
        int top = -1, mask = (1 << width) - 1, carry = 0;
        for (int bit = 0; bit <= 256;)
        {
            int limb = bit >> 6, shift = bit & 63;
            ulong word = limbs[limb] >> shift;
            if (limb < 4) word |= limbs[limb + 1] << 1 << (63 - shift);
            int digit = ((int)word & mask) + carry;
            if ((digit & 1) == 0)
            {
                bit++;
                continue;
            }
            carry = digit >> (width - 1);
            digit -= carry << width;
            if (narrow.IsEmpty) wide[bit] = (short)digit;
            else narrow[bit] = (sbyte)digit;
            top = bit;
            bit += width;
        }
        return top;
    }

    /// <summary>Multiples of G, made once per process at first use (about two milliseconds).</summary>
    private static class BaseTable
    {
        private static readonly AffinePoint[] s_comb = MakeComb();
        private static readonly AffinePoint[] s_odd = MakeOdd();

        /// <summary>Entry 64 i + j is (2j + 1) 2^(7i) G.</summary>
        public static ReadOnlySpan<AffinePoint> Comb => s_comb;

        /// <summary>Entry j is (2j + 1) G.</summary>
        public static ReadOnlySpan<AffinePoint> Odd => s_odd;

        private static AffinePoint[] MakeComb()
        {
            const int row = 1 << (BaseWindow - 1);
            JacobianPoint[] points = new JacobianPoint[BaseWindows * row];
            JacobianPoint power = new(Generator);
            for (int i = 0; i < BaseWindows; i++)
            {
                OddMultiples(points.AsSpan(i * row, row), power);
                for (int j = 0; j < BaseWindow; j++) JacobianPoint.Double(out power, power);
            }
            return ToAffine(points);
        }

        private static AffinePoint[] MakeOdd()
        {
            JacobianPoint[] points = new JacobianPoint[1 << (PublicBaseWidth - 2)];
            OddMultiples(points, new JacobianPoint(Generator));
            return ToAffine(points);
        }

        /// <summary>All affine forms with one inversion.</summary>
        private static AffinePoint[] ToAffine(JacobianPoint[] points)
        {
            Limbs[] products = new Limbs[points.Length];
            Limbs product = FieldElement.One;
            for (int i = 0; i < points.Length; i++)
            {
                products[i] = product;
                FieldElement.Multiply(out product, product, points[i].Z);
            }
            FieldElement.Invert(out Limbs inverse, product);
            AffinePoint[] affine = new AffinePoint[points.Length];
            for (int i = points.Length - 1; i >= 0; i--)
            {
                FieldElement.Multiply(out Limbs inverseOfZ, inverse, products[i]);
                points[i].ToAffine(out affine[i], inverseOfZ);
                FieldElement.Multiply(out inverse, inverse, points[i].Z);
            }
            return affine;
        }
    }
}
