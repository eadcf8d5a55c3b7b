using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>From and to four limbs of 64 bits in Montgomery form with 2^256, as in <see cref="FieldLanes"/>.</summary>
internal partial struct FieldQuad
{
    /// <summary>Limbs of 2^261 mod p, which is one, and of 2^256 mod p, which takes a 2^261 to a 2^256.</summary>
    private static ReadOnlySpan<long> One => [0x20, 0, 0x1FFFF800, 0x3FFF, 0, 0, 0, 0x4000000, 0];

    private static ReadOnlySpan<long> ToLimbsFactor => [1, 0, 0x1FFFFFC0, 0x1FF, 0, 0, 0, 0x200000, 0];

    /// <summary>Four numbers, cut at the bits 29 i - 5, which multiplies by the 2^5 between the two Montgomery forms; the multiplication by one brings up to 32 p below 2 p.</summary>
    public static void Load(out FieldQuad r, in Limbs a, in Limbs b, in Limbs c, in Limbs d)
    {
        Vector256<ulong> w0 = Vector256.Create(a.L0, b.L0, c.L0, d.L0), w1 = Vector256.Create(a.L1, b.L1, c.L1, d.L1);
        Vector256<ulong> w2 = Vector256.Create(a.L2, b.L2, c.L2, d.L2), w3 = Vector256.Create(a.L3, b.L3, c.L3, d.L3);
        Vector256<ulong> mask = Vector256.Create((ulong)Mask);
        FieldQuad wide;
        wide.V0 = ((w0 << 5) & mask).AsInt64();
        wide.V1 = (w0 >>> 24 & mask).AsInt64();
        wide.V2 = ((w0 >>> 53 | w1 << 11) & mask).AsInt64();
        wide.V3 = (w1 >>> 18 & mask).AsInt64();
        wide.V4 = ((w1 >>> 47 | w2 << 17) & mask).AsInt64();
        wide.V5 = (w2 >>> 12 & mask).AsInt64();
        wide.V6 = ((w2 >>> 41 | w3 << 23) & mask).AsInt64();
        wide.V7 = (w3 >>> 6 & mask).AsInt64();
        wide.V8 = (w3 >>> 35).AsInt64();
        Multiply(out r, wide, Broadcast(One));
    }

    /// <summary>The numbers of the first lanes, below p, from any that a product may have.</summary>
    public static void Store(in FieldQuad a, Span<Limbs> numbers)
    {
        Multiply(out FieldQuad r, a, Broadcast(ToLimbsFactor));
        ReadOnlySpan<long> limbs = MemoryMarshal.Cast<FieldQuad, long>(new ReadOnlySpan<FieldQuad>(in r));
        for (int i = 0; i < numbers.Length; i++)
        {
            ulong l2 = (ulong)limbs[i + 8], l4 = (ulong)limbs[i + 16], l6 = (ulong)limbs[i + 24];
            long l8 = limbs[i + 32];
            Limbs number = new(
                (ulong)limbs[i] | (ulong)limbs[i + 4] << 29 | l2 << 58,
                l2 >> 6 | (ulong)limbs[i + 12] << 23 | l4 << 52,
                l4 >> 12 | (ulong)limbs[i + 20] << 17 | l6 << 46,
                l6 >> 18 | (ulong)limbs[i + 28] << 11 | (ulong)l8 << 40);
            // Above the 256 bits is -1, 0 or 1.
            long over = l8 >> 24;
            ulong negative = (ulong)(over >> 63);
            Limbs corrected = Limbs.Add(number, Limbs.Select(negative, FieldElement.Modulus, default), out ulong carry);
            FieldElement.Normalize(out numbers[i], corrected, ((ulong)over + carry) & 1);
        }
        Sm2.Clear(ref r);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static FieldQuad Broadcast(ReadOnlySpan<long> limbs)
    {
        FieldQuad r = default;
        for (int i = 0; i < Limbs29; i++) r.At(i) = Vector256.Create(limbs[i]);
        return r;
    }
}
