namespace Qanat.Gm;

/// <summary>
/// Eight points in Jacobian coordinates, with the formulas of <see cref="JacobianPoint"/> (a lane whose sum is exceptional ends with Z = 0). Bounds, with p = 1: every result here has
/// |X| below 4, |Y| below 3, |Z| below 1.5 and limbs from -2^29 to 2^29 + 31, and all formulas keep that.
/// </summary>
internal struct PointLanes
{
    public FieldLanes X, Y, Z;

    /// <summary>
    /// 2a, with Z halved: Z = Y Z, A = 3 (X - Z^2) (X + Z^2) / 2, X = A^2 - 2 X Y^2, Y = A (X Y^2 - X') - Y^4. Halving keeps the numbers small: the usual form has 8 Y^4.
    /// May be called with r = a.
    /// </summary>
    public static void Double(out PointLanes r, in PointLanes a)
    {
        FieldLanes.Square(out FieldLanes delta, a.Z);
        FieldLanes.Square(out FieldLanes gamma, a.Y);
        FieldLanes.Multiply(out FieldLanes beta, a.X, gamma);
        FieldLanes.Subtract(out FieldLanes t, a.X, delta);
        FieldLanes.Add(out delta, a.X, delta);
        // 2^29.1 times 2^30.1.
        FieldLanes.Multiply(out FieldLanes alpha, t, delta);
        FieldLanes.Shift(out t, alpha, 1);
        FieldLanes.Add(out alpha, alpha, t);
        FieldLanes.Halve(ref alpha);
        FieldLanes.Carry(ref alpha);
        FieldLanes.Multiply(out r.Z, a.Y, a.Z);
        FieldLanes.Square(out t, alpha);
        FieldLanes.Subtract(out t, t, beta);
        FieldLanes.Subtract(out t, t, beta);
        FieldLanes.Carry(ref t);
        r.X = t;
        FieldLanes.Subtract(out beta, beta, t);
        FieldLanes.Multiply(out beta, beta, alpha);
        FieldLanes.Square(out gamma, gamma);
        FieldLanes.Subtract(out r.Y, beta, gamma);
    }

    /// <summary>a + b. May be called with r = a.</summary>
    public static void AddLazy(out PointLanes r, in PointLanes a, in PointLanes b)
    {
        FieldLanes.Square(out FieldLanes zz1, a.Z);
        FieldLanes.Square(out FieldLanes zz2, b.Z);
        FieldLanes.Multiply(out FieldLanes u1, a.X, zz2);
        FieldLanes.Multiply(out FieldLanes u2, b.X, zz1);
        FieldLanes.Multiply(out zz2, zz2, b.Z);
        FieldLanes.Multiply(out FieldLanes s1, a.Y, zz2);
        FieldLanes.Multiply(out zz1, zz1, a.Z);
        FieldLanes.Multiply(out FieldLanes s2, b.Y, zz1);
        FieldLanes.Multiply(out zz1, a.Z, b.Z);
        FinishAdd(out r, u1, u2, s1, s2, zz1);
    }

    /// <summary>a + (x, y), coordinates below p. May be called with r = a.</summary>
    public static void AddLazy(out PointLanes r, in PointLanes a, in FieldLanes x, in FieldLanes y)
    {
        FieldLanes.Square(out FieldLanes zz, a.Z);
        FieldLanes.Multiply(out FieldLanes u2, x, zz);
        FieldLanes.Multiply(out zz, zz, a.Z);
        FieldLanes.Multiply(out FieldLanes s2, y, zz);
        FinishAdd(out r, a.X, u2, a.Y, s2, a.Z);
    }

    /// <summary>Differences of limbs from -2^29 to 2^29 + 31 that stay below 2^30.1 go into one product with limbs of 2^29.1.</summary>
    private static void FinishAdd(out PointLanes r, in FieldLanes u1, in FieldLanes u2, in FieldLanes s1, in FieldLanes s2, in FieldLanes z)
    {
        FieldLanes.Subtract(out FieldLanes h, u2, u1);
        FieldLanes.Subtract(out FieldLanes d, s2, s1);
        FieldLanes.Carry(ref d);
        FieldLanes.Multiply(out FieldLanes z3, z, h);
        FieldLanes.Square(out FieldLanes hh, h);
        FieldLanes.Multiply(out FieldLanes v, u1, hh);
        FieldLanes.Multiply(out hh, hh, h);
        FieldLanes.Multiply(out FieldLanes last, s1, hh);
        FieldLanes.Square(out FieldLanes x, d);
        FieldLanes.Subtract(out x, x, hh);
        FieldLanes.Subtract(out x, x, v);
        FieldLanes.Subtract(out x, x, v);
        FieldLanes.Carry(ref x);
        FieldLanes.Subtract(out v, v, x);
        FieldLanes.Multiply(out v, v, d);
        FieldLanes.Subtract(out r.Y, v, last);
        r.X = x;
        r.Z = z3;
    }
}
