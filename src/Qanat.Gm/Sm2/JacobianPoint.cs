namespace Qanat.Gm;

/// <summary>A point with affine coordinates in Montgomery form. Never infinity.</summary>
internal struct AffinePoint
{
    public Limbs X, Y;
}

/// <summary>
/// A point of y^2 = x^3 - 3x + b as (X / Z^2, Y / Z^3), coordinates in Montgomery form; Z = 0 is infinity.
/// <see cref="AddLazy(out JacobianPoint, in JacobianPoint, in JacobianPoint)"/> and its mixed form run in constant time and are exact while the two points differ, are no negatives of
/// each other and neither is infinity; else the result has Z = 0, and Z stays 0 through all that follows, so that a caller sees it at the end.
/// <see cref="Add"/> knows every case and takes branches: for public values.
/// </summary>
internal struct JacobianPoint
{
    public Limbs X, Y, Z;

    public JacobianPoint(in AffinePoint point) => (X, Y, Z) = (point.X, point.Y, FieldElement.One);

    public readonly bool IsInfinity => Z.IsZero;

    /// <summary>2a: 4 multiplications and 4 squarings; right for every point.</summary>
    public static void Double(out JacobianPoint r, in JacobianPoint a)
    {
        FieldElement.Square(out Limbs delta, a.Z);
        FieldElement.Square(out Limbs gamma, a.Y);
        FieldElement.Multiply(out Limbs beta, a.X, gamma);
        FieldElement.Subtract(out Limbs t, a.X, delta);
        FieldElement.Add(out Limbs alpha, a.X, delta);
        FieldElement.Multiply(out t, t, alpha);
        FieldElement.Double(out alpha, t);
        FieldElement.Add(out alpha, alpha, t);
        FieldElement.Double(out t, a.Y);
        FieldElement.Multiply(out r.Z, t, a.Z);
        FieldElement.Double(out beta, beta);
        FieldElement.Double(out beta, beta);
        FieldElement.Square(out t, alpha);
        FieldElement.Subtract(out t, t, beta);
        FieldElement.Subtract(out r.X, t, beta);
        FieldElement.Subtract(out t, beta, r.X);
        FieldElement.Multiply(out t, t, alpha);
        FieldElement.Double(out gamma, gamma);
        FieldElement.Square(out gamma, gamma);
        FieldElement.Double(out gamma, gamma);
        FieldElement.Subtract(out r.Y, t, gamma);
    }

    /// <summary>a + b: 12 multiplications and 4 squarings. See the type for what it does not do.</summary>
    public static void AddLazy(out JacobianPoint r, in JacobianPoint a, in JacobianPoint b)
    {
        FieldElement.Square(out Limbs zz1, a.Z);
        FieldElement.Square(out Limbs zz2, b.Z);
        FieldElement.Multiply(out Limbs u1, a.X, zz2);
        FieldElement.Multiply(out Limbs u2, b.X, zz1);
        FieldElement.Multiply(out zz2, zz2, b.Z);
        FieldElement.Multiply(out Limbs s1, a.Y, zz2);
        FieldElement.Multiply(out zz1, zz1, a.Z);
        FieldElement.Multiply(out Limbs s2, b.Y, zz1);
        FieldElement.Multiply(out Limbs z, a.Z, b.Z);
        FinishAdd(out r, u1, u2, s1, s2, z);
    }

    /// <summary>a + b for an affine b: 8 multiplications and 3 squarings. See the type for what it does not do.</summary>
    public static void AddLazy(out JacobianPoint r, in JacobianPoint a, in AffinePoint b)
    {
        FieldElement.Square(out Limbs zz, a.Z);
        FieldElement.Multiply(out Limbs u2, b.X, zz);
        FieldElement.Multiply(out zz, zz, a.Z);
        FieldElement.Multiply(out Limbs s2, b.Y, zz);
        FinishAdd(out r, a.X, u2, a.Y, s2, a.Z);
    }

    /// <summary>a + b for all points; the time tells which case it was.</summary>
    public static void Add(out JacobianPoint r, in JacobianPoint a, in JacobianPoint b)
    {
        if (a.IsInfinity)
        {
            r = b;
            return;
        }
        if (b.IsInfinity)
        {
            r = a;
            return;
        }
        AddLazy(out JacobianPoint sum, a, b);
        if (!sum.Z.IsZero)
        {
            r = sum;
            return;
        }
        // The same X: either the same point or its negative, which is told by Y1 Z2^3 = Y2 Z1^3.
        FieldElement.Square(out Limbs left, b.Z);
        FieldElement.Multiply(out left, left, b.Z);
        FieldElement.Multiply(out left, left, a.Y);
        FieldElement.Square(out Limbs right, a.Z);
        FieldElement.Multiply(out right, right, a.Z);
        FieldElement.Multiply(out right, right, b.Y);
        if (left.EqualTo(right)) Double(out r, a);
        else r = default;
    }

    /// <summary>X / Z^2 and Y / Z^3; infinity gives (0, 0). Constant time.</summary>
    public readonly void ToAffine(out AffinePoint r)
    {
        FieldElement.Invert(out Limbs inverse, Z);
        ToAffine(out r, inverse);
    }

    /// <summary>The affine form, given 1/Z.</summary>
    public readonly void ToAffine(out AffinePoint r, in Limbs inverseOfZ)
    {
        FieldElement.Square(out Limbs square, inverseOfZ);
        FieldElement.Multiply(out r.X, X, square);
        FieldElement.Multiply(out square, square, inverseOfZ);
        FieldElement.Multiply(out r.Y, Y, square);
    }

    private static void FinishAdd(out JacobianPoint r, in Limbs u1, in Limbs u2, in Limbs s1, in Limbs s2, in Limbs z)
    {
        FieldElement.Subtract(out Limbs h, u2, u1);
        FieldElement.Subtract(out Limbs d, s2, s1);
        FieldElement.Multiply(out Limbs z3, z, h);
        FieldElement.Square(out Limbs hh, h);
        FieldElement.Multiply(out Limbs v, u1, hh);
        FieldElement.Multiply(out hh, hh, h);
        FieldElement.Square(out Limbs x, d);
        FieldElement.Subtract(out x, x, hh);
        FieldElement.Subtract(out x, x, v);
        FieldElement.Subtract(out x, x, v);
        FieldElement.Subtract(out v, v, x);
        FieldElement.Multiply(out v, v, d);
        FieldElement.Multiply(out hh, hh, s1);
        FieldElement.Subtract(out r.Y, v, hh);
        r.X = x;
        r.Z = z3;
    }
}
