using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>From and to four limbs of 64 bits in Montgomery form with 2^256.</summary>
internal partial struct FieldLanes
{
    /// <summary>2^261 mod p: one.</summary>
    public static FieldLanes One => Broadcast([0x20, 0, 0x1FFFF800, 0x3FFF, 0, 0, 0, 0x4000000, 0]);

    /// <summary>2^256 mod p: takes a 2^261 to a 2^256.</summary>
    private static FieldLanes ToLimbsFactor => Broadcast([1, 0, 0x1FFFFFC0, 0x1FF, 0, 0, 0, 0x200000, 0]);

    /// <summary>
    /// Eight numbers. The words are cut at the bits 29 i - 5, which multiplies by the 2^5 between the two Montgomery forms; the number of up to 32 p is then brought below 2 p by a
    /// multiplication by one.
    /// </summary>
    public static void Load(out FieldLanes r, ReadOnlySpan<Limbs> numbers)
    {
        LaneWords words = new(numbers);
        Vector512<ulong> mask = Vector512.Create((ulong)Mask);
        FieldLanes wide;
        wide.V0 = ((words.W0 << 5) & mask).AsInt64();
        wide.V1 = (words.W0 >>> 24 & mask).AsInt64();
        wide.V2 = ((words.W0 >>> 53 | words.W1 << 11) & mask).AsInt64();
        wide.V3 = (words.W1 >>> 18 & mask).AsInt64();
        wide.V4 = ((words.W1 >>> 47 | words.W2 << 17) & mask).AsInt64();
        wide.V5 = (words.W2 >>> 12 & mask).AsInt64();
        wide.V6 = ((words.W2 >>> 41 | words.W3 << 23) & mask).AsInt64();
        wide.V7 = (words.W3 >>> 6 & mask).AsInt64();
        wide.V8 = (words.W3 >>> 35).AsInt64();
        Multiply(out r, wide, One);
    }

    /// <summary>Eight numbers below p, from any that a product may have.</summary>
    public static void Store(in FieldLanes a, Span<Limbs> numbers)
    {
        Multiply(out FieldLanes r, a, ToLimbsFactor);
        ReadOnlySpan<long> limbs = MemoryMarshal.Cast<FieldLanes, long>(new ReadOnlySpan<FieldLanes>(in r));
        for (int i = 0; i < Lanes; i++)
        {
            ulong l2 = (ulong)limbs[i + 16], l4 = (ulong)limbs[i + 32], l6 = (ulong)limbs[i + 48];
            long l8 = limbs[i + 64];
            Limbs number = new(
                (ulong)limbs[i] | (ulong)limbs[i + 8] << 29 | l2 << 58,
                l2 >> 6 | (ulong)limbs[i + 24] << 23 | l4 << 52,
                l4 >> 12 | (ulong)limbs[i + 40] << 17 | l6 << 46,
                l6 >> 18 | (ulong)limbs[i + 56] << 11 | (ulong)l8 << 40);
            // Above the 256 bits is -1, 0 or 1.
            long over = l8 >> 24;
            ulong negative = (ulong)(over >> 63);
            Limbs corrected = Limbs.Add(number, Limbs.Select(negative, FieldElement.Modulus, default), out ulong carry);
            FieldElement.Normalize(out numbers[i], corrected, ((ulong)over + carry) & 1);
        }
        Sm2.Clear(ref r);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static FieldLanes Broadcast(ReadOnlySpan<uint> limbs)
    {
        FieldLanes r;
        r.V0 = Vector512.Create((long)limbs[0]);
        r.V1 = Vector512.Create((long)limbs[1]);
        r.V2 = Vector512.Create((long)limbs[2]);
        r.V3 = Vector512.Create((long)limbs[3]);
        r.V4 = Vector512.Create((long)limbs[4]);
        r.V5 = Vector512.Create((long)limbs[5]);
        r.V6 = Vector512.Create((long)limbs[6]);
        r.V7 = Vector512.Create((long)limbs[7]);
        r.V8 = Vector512.Create((long)limbs[8]);
        return r;
    }
}

/// <summary>Eight numbers of 256 bits, one per lane, as four vectors of 64-bit words.</summary>
internal struct LaneWords
{
    public Vector512<ulong> W0, W1, W2, W3;

    public LaneWords(ReadOnlySpan<Limbs> numbers)
    {
        W0 = Vector512.Create(numbers[0].L0, numbers[1].L0, numbers[2].L0, numbers[3].L0, numbers[4].L0, numbers[5].L0, numbers[6].L0, numbers[7].L0);
        W1 = Vector512.Create(numbers[0].L1, numbers[1].L1, numbers[2].L1, numbers[3].L1, numbers[4].L1, numbers[5].L1, numbers[6].L1, numbers[7].L1);
        W2 = Vector512.Create(numbers[0].L2, numbers[1].L2, numbers[2].L2, numbers[3].L2, numbers[4].L2, numbers[5].L2, numbers[6].L2, numbers[7].L2);
        W3 = Vector512.Create(numbers[0].L3, numbers[1].L3, numbers[2].L3, numbers[3].L3, numbers[4].L3, numbers[5].L3, numbers[6].L3, numbers[7].L3);
    }

    /// <summary><see cref="Sm2Curve.Digit"/> in every lane.</summary>
    public readonly Vector512<ulong> Digit(int i, int width, int count, out Vector512<long> negative)
    {
        int position = width * i + 1, limb = position >> 6, shift = position & 63;
        Vector512<ulong> bits = Vector512<ulong>.Zero;
        if (limb < 4)
        {
            bits = Word(limb) >>> shift;
            if (limb < 3 && shift != 0) bits |= Word(limb + 1) << (64 - shift);
        }
        if (i == count - 1)
        {
            negative = Vector512<long>.Zero;
            return bits;
        }
        negative = (bits.AsInt64() >>> (width - 1) & Vector512<long>.One) - Vector512<long>.One;
        return (bits ^ negative.AsUInt64()) & Vector512.Create((1UL << (width - 1)) - 1);
    }

    private readonly Vector512<ulong> Word(int i) => i switch { 0 => W0, 1 => W1, 2 => W2, _ => W3 };
}
