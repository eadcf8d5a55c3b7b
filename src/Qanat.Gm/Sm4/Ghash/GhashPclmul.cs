using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>GHASH with 128-bit PCLMULQDQ: one reduction for up to 64 blocks.</summary>
internal sealed unsafe class GhashPclmul : GhashKernel
{
    public static bool IsSupported => Pclmulqdq.IsSupported && Ssse3.IsSupported;

    public static GhashPclmul Instance { get; } = new();

    public override string Name => "PCLMULQDQ";

    public override void Initialize(byte* subkey, byte* table) => Gf128.WritePowers(subkey, table);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Update(byte* table, byte* state, byte* data, nuint blocks)
    {
        Vector128<ulong> hash = Gf128.LoadReversed(state);
        while (blocks > 0)
        {
            nuint run = nuint.Min(blocks, Gf128.Powers);
            byte* power = table + ((Gf128.Powers - run) * BlockSize);
            byte* end = data + (run * BlockSize);
            Vector128<ulong> low = Vector128<ulong>.Zero, middle = low, high = low;
            for (; data < end; data += BlockSize, power += BlockSize)
            {
                Gf128.MultiplyAdd(hash ^ Gf128.LoadReversed(data), Vector128.Load((ulong*)power), ref low, ref middle, ref high);
                hash = Vector128<ulong>.Zero;
            }
            hash = Gf128.Reduce(low, middle, high);
            blocks -= run;
        }
        Gf128.StoreReversed(hash, state);
    }
}
