using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>Carry-less multiplication of the four 128-bit lanes of a vector, as VPCLMULQDQ does it. The suffix is the instruction's selector.</summary>
internal interface IClmul512
{
    static abstract Vector512<ulong> LowLow(Vector512<ulong> x, Vector512<ulong> y);

    static abstract Vector512<ulong> HighHigh(Vector512<ulong> x, Vector512<ulong> y);

    static abstract Vector512<ulong> LowHigh(Vector512<ulong> x, Vector512<ulong> y);

    static abstract Vector512<ulong> HighLow(Vector512<ulong> x, Vector512<ulong> y);
}

internal readonly struct Vpclmul512 : IClmul512
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> LowLow(Vector512<ulong> x, Vector512<ulong> y) => Pclmulqdq.V512.CarrylessMultiply(x, y, 0x00);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> HighHigh(Vector512<ulong> x, Vector512<ulong> y) => Pclmulqdq.V512.CarrylessMultiply(x, y, 0x11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> LowHigh(Vector512<ulong> x, Vector512<ulong> y) => Pclmulqdq.V512.CarrylessMultiply(x, y, 0x10);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> HighLow(Vector512<ulong> x, Vector512<ulong> y) => Pclmulqdq.V512.CarrylessMultiply(x, y, 0x01);
}

/// <summary>GHASH with VPCLMULQDQ on 512-bit vectors: four blocks in each step, one reduction for up to 64.</summary>
internal sealed unsafe class GhashVpclmul<TClmul> : GhashKernel where TClmul : struct, IClmul512
{
    public static GhashVpclmul<TClmul> Instance { get; } = new();

    public override string Name => "VPCLMULQDQ-512";

    public override void Initialize(byte* subkey, byte* table) => Gf128.WritePowers(subkey, table);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Update(byte* table, byte* state, byte* data, nuint blocks)
    {
        Vector128<ulong> hash = Gf128.LoadReversed(state);
        while (blocks > 0)
        {
            nuint run = nuint.Min(blocks, Gf128.Powers);
            byte* power = table + ((Gf128.Powers - run) * BlockSize);
            Vector128<ulong> low = Vector128<ulong>.Zero, middle = low, high = low;
            nuint single = run & 3;
            for (; single > 0; single--, data += BlockSize, power += BlockSize)
            {
                Gf128.MultiplyAdd(hash ^ Gf128.LoadReversed(data), Vector128.Load((ulong*)power), ref low, ref middle, ref high);
                hash = Vector128<ulong>.Zero;
            }
            Vector512<ulong> low4 = low.ToVector256().ToVector512(), middle4 = middle.ToVector256().ToVector512(), high4 = high.ToVector256().ToVector512();
            Vector512<ulong> first = hash.ToVector256().ToVector512();
            byte* end = table + TableSizeInBytes;
            for (; power < end; power += 4 * BlockSize, data += 4 * BlockSize)
            {
                MultiplyAdd(first ^ LoadReversed(data), Vector512.Load((ulong*)power), ref low4, ref middle4, ref high4);
                first = Vector512<ulong>.Zero;
            }
            hash = Gf128.Reduce(Sum(low4), Sum(middle4), Sum(high4));
            blocks -= run;
        }
        Gf128.StoreReversed(hash, state);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> LoadReversed(byte* blocks)
    {
        return Avx512BW.Shuffle(Vector512.Load(blocks), Vector512.Create(ByteOrder.Reverse0, ByteOrder.Reverse1, ByteOrder.Reverse0, ByteOrder.Reverse1, ByteOrder.Reverse0, ByteOrder.Reverse1, ByteOrder.Reverse0, ByteOrder.Reverse1).AsByte()).AsUInt64();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyAdd(Vector512<ulong> x, Vector512<ulong> h, ref Vector512<ulong> low, ref Vector512<ulong> middle, ref Vector512<ulong> high)
    {
        low ^= TClmul.LowLow(x, h);
        high ^= TClmul.HighHigh(x, h);
        middle = Avx512F.TernaryLogic(middle, TClmul.LowHigh(x, h), TClmul.HighLow(x, h), 0x96);
    }

    /// <summary>The exclusive or of the four lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Sum(Vector512<ulong> lanes)
    {
        Vector256<ulong> pair = lanes.GetLower() ^ lanes.GetUpper();
        return pair.GetLower() ^ pair.GetUpper();
    }
}
