using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// One point in Jacobian coordinates, X, Y and Z in the lanes of a <see cref="FieldQuad"/>, so that the multiplications of a formula that do not wait for each other are one: a doubling takes
/// the time of three, a sum that of five. It also carries A = 3 (X - Z^2) (X + Z^2) / 2, which the next doubling begins with and which costs nothing in lanes that would be idle.
/// Formulas, bounds and exceptional sums (Z = 0) are those of <see cref="PointLanes"/>. Constant time.
/// </summary>
internal struct PointQuad
{
    /// <summary>X, Y, Z and anything.</summary>
    public FieldQuad Coordinates;

    /// <summary>A in the first lane, anything in the others.</summary>
    private FieldQuad _alpha;

    // Orders of lanes, the first lane first; L is the last.
    private const byte LLLL = 0b11_11_11_11, LZZZ = 0b10_10_10_11,
        XXLL = 0b11_11_00_00, XXXX = 0b00_00_00_00, XXZZ = 0b10_10_00_00, YXXY = 0b01_00_00_01, YXZL = 0b11_10_00_01, YYYY = 0b01_01_01_01, YYZZ = 0b10_10_01_01, ZZZL = 0b11_10_10_10, ZZZZ = 0b10_10_10_10;

    /// <summary>(x, y, z), all below p and in Montgomery form.</summary>
    public static void Load(out PointQuad r, in Limbs x, in Limbs y, in Limbs z)
    {
        FieldQuad.Load(out FieldQuad coordinates, x, y, z, default);
        From(out r, coordinates);
    }

    /// <summary>The point with these coordinates, with A.</summary>
    public static void From(out PointQuad r, in FieldQuad coordinates)
    {
        r.Coordinates = coordinates;
        FieldQuad a = default, b = default;
        FieldQuad.Multiply(out FieldQuad squares, r.Coordinates, r.Coordinates);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> delta = Permute(squares.At(i), ZZZZ);
            a.At(i) = r.Coordinates.At(i) - delta;
            b.At(i) = r.Coordinates.At(i) + delta;
        }
        FieldQuad.Multiply(out r._alpha, a, b);
        FieldQuad.HalveTriple(ref r._alpha);
    }

    /// <summary>The coordinates, below p and in Montgomery form.</summary>
    public static void Store(in PointQuad a, out JacobianPoint r)
    {
        Span<Limbs> numbers = stackalloc Limbs[3];
        FieldQuad.Store(a.Coordinates, numbers);
        (r.X, r.Y, r.Z) = (numbers[0], numbers[1], numbers[2]);
    }

    /// <summary>Negates Y if <paramref name="mask"/> is all ones, and not if it is zero.</summary>
    public static void NegateIf(ref FieldQuad coordinates, ulong mask)
    {
        Vector256<long> lane = Vector256.Create(0, (long)mask, 0, 0);
        for (int i = 0; i < FieldQuad.Limbs29; i++) coordinates.At(i) = (coordinates.At(i) ^ lane) - lane;
    }

    /// <summary>2a. See <see cref="PointLanes.Double"/>.</summary>
    public static void Double(ref PointQuad p)
    {
        Unsafe.SkipInit(out FieldQuad a);
        Unsafe.SkipInit(out FieldQuad b);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> c = p.Coordinates.At(i), alpha = p._alpha.At(i);
            a.At(i) = First(alpha, Permute(c, YYYY));
            b.At(i) = First(alpha, c);
        }
        // A^2, gamma = Y^2, Z' = Y Z
        FieldQuad.Multiply(out FieldQuad m1, a, b);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> m = m1.At(i);
            a.At(i) = Permute(m, YYZZ);
            b.At(i) = First(p.Coordinates.At(i), m);
        }
        // beta = X gamma, gamma^2, delta' = Z'^2
        FieldQuad.Multiply(out FieldQuad m2, a, b);
        Unsafe.SkipInit(out FieldQuad x);
        Vector256<long> carry = default;
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> m = m2.At(i), newX = FieldQuad.Carry(m1.At(i) - (m << 1), i, ref carry), delta = Permute(m, ZZZZ), all = Permute(newX, XXXX);
            x.At(i) = newX;
            a.At(i) = First(p._alpha.At(i), all - delta);
            b.At(i) = First(m - newX, all + delta);
        }
        // A (beta - X'), (X' - delta') (X' + delta')
        FieldQuad.Multiply(out FieldQuad m3, a, b);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> swapped = Permute(m3.At(i), YXZL);
            p._alpha.At(i) = swapped;
            p.Coordinates.At(i) = First(x.At(i), Second(swapped - m2.At(i), m1.At(i)));
        }
        FieldQuad.HalveTriple(ref p._alpha);
    }

    /// <summary>p + q. See <see cref="PointLanes.AddLazy(out PointLanes, in PointLanes, in PointLanes)"/>.</summary>
    public static void AddLazy(ref PointQuad p, in FieldQuad q)
    {
        Unsafe.SkipInit(out FieldQuad a);
        Unsafe.SkipInit(out FieldQuad b);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> z1 = Permute(p.Coordinates.At(i), ZZZZ), z2 = Permute(At(q, i), ZZZZ);
            a.At(i) = Second(z2, z1);
            b.At(i) = First(z1, z2);
        }
        // Z1^2, Z2^2, Z1 Z2
        FieldQuad.Multiply(out FieldQuad m1, a, b);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> p1 = p.Coordinates.At(i), p2 = At(q, i);
            a.At(i) = First(p1, Third(p1, Permute(p2, XXZZ)));
            b.At(i) = Permute(m1.At(i), YXXY);
        }
        // u1 = X1 Z2^2, u2 = X2 Z1^2, Z1^3, Z2^3
        FieldQuad.Multiply(out FieldQuad m2, a, b);
        Unsafe.SkipInit(out FieldQuad h);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> m = m2.At(i), difference = Permute(m, YYYY) - Permute(m, XXXX);
            h.At(i) = difference;
            Vector256<long> y = First(Permute(p.Coordinates.At(i), YYYY), At(q, i));
            a.At(i) = Lower(y, Third(difference, Permute(m1.At(i), ZZZZ)));
            b.At(i) = Lower(Permute(m, LZZZ), difference);
        }
        // s1 = Y1 Z2^3, s2 = Y2 Z1^3, h^2 for h = u2 - u1, Z' = Z1 Z2 h
        FieldQuad.Multiply(out FieldQuad m3, a, b);
        Unsafe.SkipInit(out FieldQuad d);
        Vector256<long> carry = default;
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> m = m3.At(i), all = FieldQuad.Carry(Permute(m, YYYY) - Permute(m, XXXX), i, ref carry);
            d.At(i) = all;
            a.At(i) = First(all, Permute(m, ZZZL));
            b.At(i) = First(all, Second(h.At(i), Third(Permute(m2.At(i), XXXX), m)));
        }
        // d^2 for d = s2 - s1, h^3, v = u1 h^2, delta' = Z'^2
        FieldQuad.Multiply(out FieldQuad m4, a, b);
        Unsafe.SkipInit(out FieldQuad x);
        carry = default;
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> m = m4.At(i), v = Permute(m, ZZZZ), cube = Permute(m, YYYY), delta = Permute(m, LLLL);
            Vector256<long> newX = FieldQuad.Carry(m - cube - (v << 1), i, ref carry), all = Permute(newX, XXXX);
            x.At(i) = newX;
            a.At(i) = First(d.At(i), Second(all - delta, Permute(m3.At(i), XXXX)));
            b.At(i) = First(v - all, Second(all + delta, cube));
        }
        // d (v - X'), (X' - delta') (X' + delta'), s1 h^3
        FieldQuad.Multiply(out FieldQuad m5, a, b);
        for (int i = 0; i < FieldQuad.Limbs29; i++)
        {
            Vector256<long> m = m5.At(i), swapped = Permute(m, YXZL);
            p._alpha.At(i) = swapped;
            p.Coordinates.At(i) = First(x.At(i), Second(swapped - Permute(m, ZZZZ), Permute(m3.At(i), XXLL)));
        }
        FieldQuad.HalveTriple(ref p._alpha);
    }

    private static Vector256<long> At(in FieldQuad a, int i) => Unsafe.Add(ref Unsafe.AsRef(in a.V0), i);

    /// <summary>The first lane of one, the others of the other; likewise for the second, the third, and the lower two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> First(Vector256<long> one, Vector256<long> other) => Avx2.Blend(other.AsInt32(), one.AsInt32(), 0b0000_0011).AsInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> Second(Vector256<long> one, Vector256<long> other) => Avx2.Blend(other.AsInt32(), one.AsInt32(), 0b0000_1100).AsInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> Third(Vector256<long> one, Vector256<long> other) => Avx2.Blend(other.AsInt32(), one.AsInt32(), 0b0011_0000).AsInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> Lower(Vector256<long> one, Vector256<long> other) => Avx2.Blend(other.AsInt32(), one.AsInt32(), 0b0000_1111).AsInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> Permute(Vector256<long> v, [ConstantExpected] byte order) => Avx2.Permute4x64(v, order);
}
