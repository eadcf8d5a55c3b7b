using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// SM4's S-box is A(inverse(A(x) + 0xD3)) + 0xD3 in GF(2)[x]/0x1F5. GFNI inverts in GF(2)[x]/0x11B, so the first map is A followed by the
/// isomorphism between the two fields, and the second its inverse followed by A. Matrices are in the byte order of VGF2P8AFFINEQB.
/// </summary>
internal static class GfniSbox
{
    public const ulong InputMatrix = 0x4C287DB91A22505D;
    public const byte InputConstant = 0x3E;
    public const ulong OutputMatrix = 0xF3AB34A974A6B589;
    public const byte OutputConstant = 0xD3;
}

internal readonly struct GfniSbox128 : ISm4Sbox<Vector128<byte>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> bytes) =>
        Gfni.GaloisFieldAffineTransformInverse(
            Gfni.GaloisFieldAffineTransform(bytes, Vector128.Create(GfniSbox.InputMatrix).AsByte(), GfniSbox.InputConstant),
            Vector128.Create(GfniSbox.OutputMatrix).AsByte(), GfniSbox.OutputConstant);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(ref Vector128<byte> x0, ref Vector128<byte> x1, ref Vector128<byte> x2, ref Vector128<byte> x3)
    {
        Vector128<byte> input = Vector128.Create(GfniSbox.InputMatrix).AsByte(), output = Vector128.Create(GfniSbox.OutputMatrix).AsByte();
        x0 = Gfni.GaloisFieldAffineTransform(x0, input, GfniSbox.InputConstant);
        x1 = Gfni.GaloisFieldAffineTransform(x1, input, GfniSbox.InputConstant);
        x2 = Gfni.GaloisFieldAffineTransform(x2, input, GfniSbox.InputConstant);
        x3 = Gfni.GaloisFieldAffineTransform(x3, input, GfniSbox.InputConstant);
        x0 = Gfni.GaloisFieldAffineTransformInverse(x0, output, GfniSbox.OutputConstant);
        x1 = Gfni.GaloisFieldAffineTransformInverse(x1, output, GfniSbox.OutputConstant);
        x2 = Gfni.GaloisFieldAffineTransformInverse(x2, output, GfniSbox.OutputConstant);
        x3 = Gfni.GaloisFieldAffineTransformInverse(x3, output, GfniSbox.OutputConstant);
    }
}

internal readonly struct GfniSbox256 : ISm4Sbox<Vector256<byte>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Apply(Vector256<byte> bytes) =>
        Gfni.V256.GaloisFieldAffineTransformInverse(
            Gfni.V256.GaloisFieldAffineTransform(bytes, Vector256.Create(GfniSbox.InputMatrix).AsByte(), GfniSbox.InputConstant),
            Vector256.Create(GfniSbox.OutputMatrix).AsByte(), GfniSbox.OutputConstant);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(ref Vector256<byte> x0, ref Vector256<byte> x1, ref Vector256<byte> x2, ref Vector256<byte> x3)
    {
        Vector256<byte> input = Vector256.Create(GfniSbox.InputMatrix).AsByte(), output = Vector256.Create(GfniSbox.OutputMatrix).AsByte();
        x0 = Gfni.V256.GaloisFieldAffineTransform(x0, input, GfniSbox.InputConstant);
        x1 = Gfni.V256.GaloisFieldAffineTransform(x1, input, GfniSbox.InputConstant);
        x2 = Gfni.V256.GaloisFieldAffineTransform(x2, input, GfniSbox.InputConstant);
        x3 = Gfni.V256.GaloisFieldAffineTransform(x3, input, GfniSbox.InputConstant);
        x0 = Gfni.V256.GaloisFieldAffineTransformInverse(x0, output, GfniSbox.OutputConstant);
        x1 = Gfni.V256.GaloisFieldAffineTransformInverse(x1, output, GfniSbox.OutputConstant);
        x2 = Gfni.V256.GaloisFieldAffineTransformInverse(x2, output, GfniSbox.OutputConstant);
        x3 = Gfni.V256.GaloisFieldAffineTransformInverse(x3, output, GfniSbox.OutputConstant);
    }
}

internal readonly struct GfniSbox512 : ISm4Sbox<Vector512<byte>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Apply(Vector512<byte> bytes) =>
        Gfni.V512.GaloisFieldAffineTransformInverse(
            Gfni.V512.GaloisFieldAffineTransform(bytes, Vector512.Create(GfniSbox.InputMatrix).AsByte(), GfniSbox.InputConstant),
            Vector512.Create(GfniSbox.OutputMatrix).AsByte(), GfniSbox.OutputConstant);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(ref Vector512<byte> x0, ref Vector512<byte> x1, ref Vector512<byte> x2, ref Vector512<byte> x3)
    {
        Vector512<byte> input = Vector512.Create(GfniSbox.InputMatrix).AsByte(), output = Vector512.Create(GfniSbox.OutputMatrix).AsByte();
        x0 = Gfni.V512.GaloisFieldAffineTransform(x0, input, GfniSbox.InputConstant);
        x1 = Gfni.V512.GaloisFieldAffineTransform(x1, input, GfniSbox.InputConstant);
        x2 = Gfni.V512.GaloisFieldAffineTransform(x2, input, GfniSbox.InputConstant);
        x3 = Gfni.V512.GaloisFieldAffineTransform(x3, input, GfniSbox.InputConstant);
        x0 = Gfni.V512.GaloisFieldAffineTransformInverse(x0, output, GfniSbox.OutputConstant);
        x1 = Gfni.V512.GaloisFieldAffineTransformInverse(x1, output, GfniSbox.OutputConstant);
        x2 = Gfni.V512.GaloisFieldAffineTransformInverse(x2, output, GfniSbox.OutputConstant);
        x3 = Gfni.V512.GaloisFieldAffineTransformInverse(x3, output, GfniSbox.OutputConstant);
    }
}
