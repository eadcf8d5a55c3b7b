using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>
/// SM4's S-box as a circuit over bit planes, without its two constants: S(x) = Apply(x ^ <see cref="InputConstant"/>) ^ <see cref="OutputConstant"/>.
/// The middle, inversion in a tower of fields, is that of Boyar and Peralta, "A new combinational logic minimization technique with applications to cryptology"
/// (2010), with their names; the linear layers around it are SM4's, made short by greedy sharing of pairs.
/// </summary>
internal static class Sm4BitSlicedSbox
{
    public const byte InputConstant = 0x75;
    public const byte OutputConstant = 0xD3;

    /// <summary>Replaces the planes, lowest bit first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(
        ref Vector128<uint> p0, ref Vector128<uint> p1, ref Vector128<uint> p2, ref Vector128<uint> p3,
        ref Vector128<uint> p4, ref Vector128<uint> p5, ref Vector128<uint> p6, ref Vector128<uint> p7)
    {
        // Into the tower.
        Vector128<uint> y8 = p5, y12 = p1 ^ p4, y4 = p2 ^ p5, u10 = p0 ^ p6, u11 = p7 ^ y12;
        Vector128<uint> u12 = p2 ^ p6, y6 = p3 ^ u11, u14 = p1 ^ u10, y17 = p3 ^ p4, u16 = p5 ^ y6;
        Vector128<uint> y10 = p7 ^ y4, y3 = y12 ^ y4, y0 = p3 ^ u12, y9 = p2 ^ u14, u21 = p4 ^ p6;
        Vector128<uint> u22 = p5 ^ p7, y14 = y4 ^ u14, y11 = y17 ^ y10, u25 = p4 ^ y4, y2 = p5 ^ u14;
        Vector128<uint> y21 = p0 ^ u16, y5 = p2 ^ y12, u29 = p1 ^ y0, y20 = u10 ^ u16, y16 = p7 ^ u29;
        Vector128<uint> y1 = p3 ^ y3, y15 = u11 ^ u12, y19 = p2 ^ p7, y13 = u10 ^ u25, y7 = u21 ^ u22;
        Vector128<uint> y18 = p0 ^ u11;

        // Inversion.
        Vector128<uint> t2 = y12 & y15, t3 = y3 & y6, t4 = t3 ^ t2, t5 = y4 & y0, t6 = t5 ^ t2;
        Vector128<uint> t7 = y13 & y16, t8 = y5 & y1, t9 = t8 ^ t7, t10 = y2 & y7, t11 = t10 ^ t7;
        Vector128<uint> t12 = y9 & y11, t13 = y14 & y17, t14 = t13 ^ t12, t15 = y8 & y10, t16 = t15 ^ t12;
        Vector128<uint> t17 = t4 ^ t14, t18 = t6 ^ t16, t19 = t9 ^ t14, t20 = t11 ^ t16, t21 = t17 ^ y20;
        Vector128<uint> t22 = t18 ^ y19, t23 = t19 ^ y21, t24 = t20 ^ y18, t25 = t21 ^ t22, t26 = t21 & t23;
        Vector128<uint> t27 = t24 ^ t26, t28 = t25 & t27, t29 = t28 ^ t22, t30 = t23 ^ t24, t31 = t22 ^ t26;
        Vector128<uint> t32 = t31 & t30, t33 = t32 ^ t24, t34 = t23 ^ t33, t35 = t27 ^ t33, t36 = t24 & t35;
        Vector128<uint> t37 = t36 ^ t34, t38 = t27 ^ t36, t39 = t29 & t38, t40 = t25 ^ t39, t41 = t40 ^ t37;
        Vector128<uint> t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37, t45 = t42 ^ t41;
        Vector128<uint> z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & y0, z3 = t43 & y16, z4 = t40 & y1;
        Vector128<uint> z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12;
        Vector128<uint> z10 = t37 & y3, z11 = t33 & y4, z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2;
        Vector128<uint> z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;

        // Out of the tower.
        Vector128<uint> w0 = z11 ^ z14, w1 = z2 ^ z4, w2 = z0 ^ z7, w3 = z3 ^ w0, w4 = z9 ^ z13;
        Vector128<uint> w5 = z15 ^ z16, w6 = w1 ^ w2, w7 = z8 ^ z10, w8 = z17 ^ w4, w9 = w6 ^ w7;
        Vector128<uint> w10 = z1 ^ z12, w11 = z5 ^ z6, w12 = w3 ^ w5, w13 = z11 ^ w10, w14 = w3 ^ w9;
        Vector128<uint> w15 = z3 ^ z9, w16 = z0 ^ z4, w17 = z5 ^ w1, w18 = w7 ^ w11, w19 = z10 ^ z15;
        Vector128<uint> w20 = z14 ^ w8, w21 = w4 ^ w16, w22 = z12 ^ w18, w23 = z6 ^ w2, w24 = z1 ^ w12;
        Vector128<uint> w25 = z9 ^ w0, w26 = w10 ^ w25, w27 = w8 ^ w17, w28 = w5 ^ w9, w29 = w21 ^ w24;
        Vector128<uint> w30 = z13 ^ w14, w31 = w12 ^ w22, w32 = z16 ^ w13, w33 = w23 ^ w26, w34 = w27 ^ w32;
        Vector128<uint> w35 = w15 ^ w28, w36 = w19 ^ w20, w37 = w6 ^ w11;
        p0 = w37;
        p1 = w29;
        p2 = w31;
        p3 = w33;
        p4 = w34;
        p5 = w30;
        p6 = w36;
        p7 = w35;
    }
}
