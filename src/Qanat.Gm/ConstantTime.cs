using System.Runtime.CompilerServices;

namespace Qanat.Gm;

/// <summary>Comparisons as masks, without branches: all ones for true, zero for false.</summary>
internal static class ConstantTime
{
    /// <summary>Whether <paramref name="value"/> is below zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MaskIfNegative(int value) => value >> 31;

    /// <summary>Whether both are equal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MaskIfEqual(int x, int y)
    {
        int difference = x ^ y;
        return ~((difference | -difference) >> 31);
    }
}
