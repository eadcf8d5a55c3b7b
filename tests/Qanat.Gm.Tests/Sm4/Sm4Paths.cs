using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm.Tests;

/// <summary>
/// Every code path that can run here. Paths whose instructions this processor lacks run with a model of these instructions, written from the manual, in their place, so
/// that everything around them is tested wherever the vectors' width exists.
/// </summary>
internal static class Sm4Paths
{
    private static readonly Dictionary<string, Sm4Kernel> s_kernels = Make();

    public static TheoryData<string> Names { get; } = [.. s_kernels.Keys];

    public static IReadOnlyList<Sm4Kernel> All { get; } = [.. s_kernels.Values];

    /// <summary>Paths made of this processor's own instructions.</summary>
    public static IReadOnlyList<Sm4Kernel> Real { get; } = [.. s_kernels.Where(pair => !IsModel(pair.Key)).Select(pair => pair.Value)];

    public static Sm4Kernel Get(string name) => s_kernels[name];

    public static bool IsModel(string name) => name.Contains("model", StringComparison.Ordinal);

    private static Dictionary<string, Sm4Kernel> Make()
    {
        Dictionary<string, Sm4Kernel> kernels = [];
        foreach (Sm4Kernel kernel in Sm4Kernels.Available())
        {
            string name = $"{kernel.Implementation} + {kernel.Ghash.Name}";
            kernels.Add(kernels.ContainsKey(name) ? $"{name}, 128-bit" : name, kernel);
        }
        if (Avx512F.IsSupported && Avx512BW.IsSupported && Pclmulqdq.IsSupported && Ssse3.IsSupported)
        {
            kernels.Add("Gfni512 as a model, interleaved", new GcmKernel512<ModelSbox512, ModelClmul512, Lanes128<ModelSbox128>>(Sm4Implementation.Gfni512));
        }
        if (Avx2.IsSupported && Pclmulqdq.IsSupported)
        {
            kernels.Add("Gfni256 as a model", new LaneKernel<Lanes256<ModelSbox256>, Vector256<uint>, Lanes128<ModelSbox128>>(Sm4Implementation.Gfni256, GhashPclmul.Instance));
        }
        return kernels;
    }
}

/// <summary>VGF2P8AFFINEQB and VGF2P8AFFINEINVQB on one byte, from the Intel 64 manual, with the matrices and constants of the GFNI path.</summary>
internal static class GfniModel
{
    private static readonly byte[] s_sbox = Make();

    public static byte Substitute(byte x) => s_sbox[x];

    private static byte[] Make() => [.. Enumerable.Range(0, 256).Select(x =>
        Affine(GfniSbox.OutputMatrix, Invert(Affine(GfniSbox.InputMatrix, (byte)x, GfniSbox.InputConstant)), GfniSbox.OutputConstant))];

    private static byte Affine(ulong matrix, byte x, byte constant)
    {
        int result = 0;
        for (int bit = 0; bit < 8; bit++)
        {
            int row = (byte)(matrix >> (8 * (7 - bit)));
            result |= (System.Numerics.BitOperations.PopCount((uint)(row & x)) & 1) << bit;
        }
        return (byte)(result ^ constant);
    }

    private static byte Invert(byte x)
    {
        byte result = 1;
        for (int i = 0; i < 254; i++)
        {
            result = Multiply(result, x);
        }
        return result;
    }

    private static byte Multiply(int a, int b)
    {
        int product = 0;
        for (; b != 0; b >>= 1)
        {
            product ^= (b & 1) * a;
            a = (a << 1) ^ ((a >> 7) * 0x11B);
        }
        return (byte)product;
    }
}

internal readonly struct ModelSbox128 : ISm4Sbox<Vector128<byte>>
{
    public static Vector128<byte> Apply(Vector128<byte> bytes)
    {
        Span<byte> all = stackalloc byte[Vector128<byte>.Count];
        bytes.CopyTo(all);
        foreach (ref byte one in all)
        {
            one = GfniModel.Substitute(one);
        }
        return Vector128.Create<byte>(all);
    }

    public static void Apply(ref Vector128<byte> x0, ref Vector128<byte> x1, ref Vector128<byte> x2, ref Vector128<byte> x3) => (x0, x1, x2, x3) = (Apply(x0), Apply(x1), Apply(x2), Apply(x3));
}

internal readonly struct ModelSbox256 : ISm4Sbox<Vector256<byte>>
{
    public static Vector256<byte> Apply(Vector256<byte> bytes) => Vector256.Create(ModelSbox128.Apply(bytes.GetLower()), ModelSbox128.Apply(bytes.GetUpper()));

    public static void Apply(ref Vector256<byte> x0, ref Vector256<byte> x1, ref Vector256<byte> x2, ref Vector256<byte> x3) => (x0, x1, x2, x3) = (Apply(x0), Apply(x1), Apply(x2), Apply(x3));
}

internal readonly struct ModelSbox512 : ISm4Sbox<Vector512<byte>>
{
    public static Vector512<byte> Apply(Vector512<byte> bytes) => Vector512.Create(ModelSbox256.Apply(bytes.GetLower()), ModelSbox256.Apply(bytes.GetUpper()));

    public static void Apply(ref Vector512<byte> x0, ref Vector512<byte> x1, ref Vector512<byte> x2, ref Vector512<byte> x3) => (x0, x1, x2, x3) = (Apply(x0), Apply(x1), Apply(x2), Apply(x3));
}

/// <summary>VPCLMULQDQ on four lanes, one by one.</summary>
internal readonly struct ModelClmul512 : IClmul512
{
    public static Vector512<ulong> LowLow(Vector512<ulong> x, Vector512<ulong> y) => Each(x, y, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x00));

    public static Vector512<ulong> HighHigh(Vector512<ulong> x, Vector512<ulong> y) => Each(x, y, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x11));

    public static Vector512<ulong> LowHigh(Vector512<ulong> x, Vector512<ulong> y) => Each(x, y, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x10));

    public static Vector512<ulong> HighLow(Vector512<ulong> x, Vector512<ulong> y) => Each(x, y, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x01));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<ulong> Each(Vector512<ulong> x, Vector512<ulong> y, Func<Vector128<ulong>, Vector128<ulong>, Vector128<ulong>> multiply) =>
        Vector512.Create(
            Vector256.Create(multiply(x.GetLower().GetLower(), y.GetLower().GetLower()), multiply(x.GetLower().GetUpper(), y.GetLower().GetUpper())),
            Vector256.Create(multiply(x.GetUpper().GetLower(), y.GetUpper().GetLower()), multiply(x.GetUpper().GetUpper(), y.GetUpper().GetUpper())));
}
