using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// Multiplication in GHASH's field with PCLMULQDQ. Elements have their bytes reversed, so that bit 127 is the coefficient of x^0; the powers of H are kept
/// multiplied by x, which makes up for the one bit that a product of reflected operands is short of (Gueron and Kounavis, 2010).
/// </summary>
internal static unsafe class Gf128
{
    /// <summary>x^127 + x^126 + x^121 + 1, reflected, in the high half.</summary>
    private const ulong Polynomial = 0xC200000000000000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> LoadReversed(byte* block) => Ssse3.Shuffle(Vector128.Load(block), ByteOrder.Reverse).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreReversed(Vector128<ulong> value, byte* block) => Ssse3.Shuffle(value.AsByte(), ByteOrder.Reverse).Store(block);

    /// <summary>The 256-bit product low + middle x^64 + high x^128 modulo the polynomial.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Reduce(Vector128<ulong> low, Vector128<ulong> middle, Vector128<ulong> high)
    {
        Vector128<ulong> polynomial = Vector128.Create(Polynomial, 0);
        low ^= Sse2.ShiftLeftLogical128BitLane(middle, 8);
        high ^= Sse2.ShiftRightLogical128BitLane(middle, 8);
        low = Sse2.Shuffle(low.AsInt32(), 0x4E).AsUInt64() ^ Pclmulqdq.CarrylessMultiply(low, polynomial, 0x00);
        low = Sse2.Shuffle(low.AsInt32(), 0x4E).AsUInt64() ^ Pclmulqdq.CarrylessMultiply(low, polynomial, 0x00);
        return high ^ low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyAdd(Vector128<ulong> x, Vector128<ulong> h, ref Vector128<ulong> low, ref Vector128<ulong> middle, ref Vector128<ulong> high)
    {
        low ^= Pclmulqdq.CarrylessMultiply(x, h, 0x00);
        high ^= Pclmulqdq.CarrylessMultiply(x, h, 0x11);
        middle ^= Pclmulqdq.CarrylessMultiply(x, h, 0x10) ^ Pclmulqdq.CarrylessMultiply(x, h, 0x01);
    }

    /// <summary>Writes H^64, H^63, ... H^1, so that a run of n blocks meets its powers in order from entry 64 - n.</summary>
    public static void WritePowers(byte* subkey, byte* table)
    {
        Vector128<ulong> reflected = LoadReversed(subkey);
        ulong low = reflected.GetElement(0), high = reflected.GetElement(1);
        ulong carry = (ulong)((long)high >> 63);
        Vector128<ulong> h = Vector128.Create((low << 1) ^ (carry & 1), ((high << 1) | (low >> 63)) ^ (carry & Polynomial));
        Vector128<ulong> power = h;
        for (int entry = Powers - 1; entry >= 0; entry--)
        {
            power.Store((ulong*)(table + (entry * 16)));
            Vector128<ulong> l = Vector128<ulong>.Zero, m = l, u = l;
            MultiplyAdd(power, h, ref l, ref m, ref u);
            power = Reduce(l, m, u);
        }
    }

    public const int Powers = 64;
}
