using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static System.Numerics.BitOperations;

namespace Qanat.Gm;

/// <summary>
/// The compression function of SM3 over whole blocks of one message (GB/T 32905 section 5.3.3). The rounds are a serial chain of scalar operations; four words of the
/// message expansion at a time are computed beside them in a vector, or in scalars where there is no vector unit. No branch or index depends on the data.
/// </summary>
internal static unsafe class Sm3Compression
{
    /// <summary>T(j) rotated left by j, GB/T 32905 section 4.2 and 5.3.3.</summary>
    public static ReadOnlySpan<uint> RoundConstants =>
    [
        0x79cc4519, 0xf3988a32, 0xe7311465, 0xce6228cb, 0x9cc45197, 0x3988a32f, 0x7311465e, 0xe6228cbc,
        0xcc451979, 0x988a32f3, 0x311465e7, 0x6228cbce, 0xc451979c, 0x88a32f39, 0x11465e73, 0x228cbce6,
        0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
        0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
        0x7a879d8a, 0xf50f3b14, 0xea1e7629, 0xd43cec53, 0xa879d8a7, 0x50f3b14f, 0xa1e7629e, 0x43cec53d,
        0x879d8a7a, 0x0f3b14f5, 0x1e7629ea, 0x3cec53d4, 0x79d8a7a8, 0xf3b14f50, 0xe7629ea1, 0xcec53d43,
        0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
        0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
    ];

    /// <summary>Compresses blocks into the chaining value.</summary>
    /// <param name="chaining">Replaced by what comes after the blocks.</param>
    /// <param name="blocks">A multiple of 64 bytes.</param>
    public static void Compress(ref Sm3Chaining chaining, ReadOnlySpan<byte> blocks)
    {
        fixed (byte* data = blocks)
        fixed (uint* v = &chaining[0])
        fixed (uint* constants = RoundConstants)
        {
            for (byte* block = data, end = data + blocks.Length; block < end; block += Sm3.BlockSizeInBytes)
            {
                if (Ssse3.IsSupported)
                {
                    CompressVector(v, block, constants);
                }
                else
                {
                    CompressScalar(v, block, constants);
                }
            }
        }
    }

    /// <summary>One block without vectors: the reference, and the path of machines that have none.</summary>
    [SkipLocalsInit]
    internal static void CompressScalar(uint* v, byte* block, uint* constants)
    {
        uint* w = stackalloc uint[68];
        uint* x = stackalloc uint[64];
        for (int j = 0; j < 16; j++)
        {
            w[j] = BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(block + (4 * j), 4));
        }
        for (int j = 16; j < 68; j++)
        {
            w[j] = P1(w[j - 16] ^ w[j - 9] ^ RotateLeft(w[j - 3], 15)) ^ RotateLeft(w[j - 13], 7) ^ w[j - 6];
        }
        for (int j = 0; j < 64; j++)
        {
            x[j] = w[j] ^ w[j + 4];
        }
        uint a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
        int round = 0;
        for (; round < 16; round += 4)
        {
            EarlyRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + round, w + round, x + round);
        }
        for (; round < 64; round += 4)
        {
            LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + round, w + round, x + round);
        }
        v[0] ^= a;
        v[1] ^= b;
        v[2] ^= c;
        v[3] ^= d;
        v[4] ^= e;
        v[5] ^= f;
        v[6] ^= g;
        v[7] ^= h;
    }

    /// <summary>One block; the expansion runs sixteen words ahead in vectors, which change their roles rather than their places.</summary>
    [SkipLocalsInit]
    private static void CompressVector(uint* v, byte* block, uint* constants)
    {
        // The words W of the next four rounds, and their W' = W ^ W(j+4).
        uint* w = stackalloc uint[8];
        uint* x = w + 4;
        Vector128<uint> w0 = Load(block), w1 = Load(block + 16), w2 = Load(block + 32), w3 = Load(block + 48);
        uint a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];

        w0 = Step(w0, w1, w2, w3, w);
        EarlyRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants, w, x);
        w1 = Step(w1, w2, w3, w0, w);
        EarlyRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 4, w, x);
        w2 = Step(w2, w3, w0, w1, w);
        EarlyRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 8, w, x);
        w3 = Step(w3, w0, w1, w2, w);
        EarlyRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 12, w, x);
        for (uint* end = constants + 48; (constants += 16) < end;)
        {
            w0 = Step(w0, w1, w2, w3, w);
            LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants, w, x);
            w1 = Step(w1, w2, w3, w0, w);
            LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 4, w, x);
            w2 = Step(w2, w3, w0, w1, w);
            LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 8, w, x);
            w3 = Step(w3, w0, w1, w2, w);
            LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 12, w, x);
        }
        w0 = Step(w0, w1, w2, w3, w);
        LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants, w, x);
        Store(w1, w2, w);
        LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 4, w, x);
        Store(w2, w3, w);
        LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 8, w, x);
        Store(w3, w0, w);
        LateRounds(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, constants + 12, w, x);
        v[0] ^= a;
        v[1] ^= b;
        v[2] ^= c;
        v[3] ^= d;
        v[4] ^= e;
        v[5] ^= f;
        v[6] ^= g;
        v[7] ^= h;
    }

    /// <summary>Four of the rounds 0 to 15. The words keep their variables and change their names: after four rounds all are back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EarlyRounds(
        ref uint a, ref uint b, ref uint c, ref uint d, ref uint e, ref uint f, ref uint g, ref uint h, uint* constants, uint* w, uint* x)
    {
        EarlyRound(a, ref b, c, ref d, e, ref f, g, ref h, constants, w, x);
        EarlyRound(d, ref a, b, ref c, h, ref e, f, ref g, constants + 1, w + 1, x + 1);
        EarlyRound(c, ref d, a, ref b, g, ref h, e, ref f, constants + 2, w + 2, x + 2);
        EarlyRound(b, ref c, d, ref a, f, ref g, h, ref e, constants + 3, w + 3, x + 3);
    }

    /// <summary>Four of the rounds 16 to 63.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LateRounds(
        ref uint a, ref uint b, ref uint c, ref uint d, ref uint e, ref uint f, ref uint g, ref uint h, uint* constants, uint* w, uint* x)
    {
        LateRound(a, ref b, c, ref d, e, ref f, g, ref h, constants, w, x);
        LateRound(d, ref a, b, ref c, h, ref e, f, ref g, constants + 1, w + 1, x + 1);
        LateRound(c, ref d, a, ref b, g, ref h, e, ref f, constants + 2, w + 2, x + 2);
        LateRound(b, ref c, d, ref a, f, ref g, h, ref e, constants + 3, w + 3, x + 3);
    }

    // The words of message and constants are read where they are added, so that each is one operation with its addition.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EarlyRound(uint a, ref uint b, uint c, ref uint d, uint e, ref uint f, uint g, ref uint h, uint* constant, uint* w, uint* x)
    {
        uint a12 = RotateLeft(a, 12);
        uint ss1 = RotateLeft(a12 + *constant + e, 7);
        d = d + *x + (a ^ b ^ c) + (ss1 ^ a12);
        h = P0(h + *w + (e ^ f ^ g) + ss1);
        b = RotateLeft(b, 9);
        f = RotateLeft(f, 19);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LateRound(uint a, ref uint b, uint c, ref uint d, uint e, ref uint f, uint g, ref uint h, uint* constant, uint* w, uint* x)
    {
        uint a12 = RotateLeft(a, 12);
        uint ss1 = RotateLeft(a12 + *constant + e, 7);
        // Both halves of the majority have no bit in common, so a sum joins them off the chain.
        d = d + *x + (b & c) + (a & (b ^ c)) + (ss1 ^ a12);
        h = P0(h + *w + (((f ^ g) & e) ^ g) + ss1);
        b = RotateLeft(b, 9);
        f = RotateLeft(f, 19);
    }

    /// <summary>Stores what four rounds need, and returns the words sixteen further on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Step(Vector128<uint> w0, Vector128<uint> w1, Vector128<uint> w2, Vector128<uint> w3, uint* w)
    {
        Store(w0, w1, w);
        return Expand(w0, w1, w2, w3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<uint> w0, Vector128<uint> w1, uint* w)
    {
        w0.Store(w);
        (w0 ^ w1).Store(w + 4);
    }

    /// <summary>
    /// The next four words. W(j+3) needs W(j) of the same four: it is computed without, and since P1 is linear the missing part is added afterwards.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Expand(Vector128<uint> w0, Vector128<uint> w1, Vector128<uint> w2, Vector128<uint> w3)
    {
        Vector128<uint> x = w0 ^ Join(w1, w2, 12) ^ Rotate(Sse2.ShiftRightLogical128BitLane(w3, 4), 15);
        x = x ^ Rotate(x, 15) ^ Rotate(x, 23) ^ Rotate(Join(w0, w1, 12), 7) ^ Join(w2, w3, 8);
        Vector128<uint> late = Sse2.ShiftLeftLogical128BitLane(x, 12);
        return x ^ Rotate(late, 15) ^ Rotate(late, 30) ^ Rotate(late, 6);
    }

    /// <summary>Sixteen bytes of <paramref name="low"/> and <paramref name="high"/> from <paramref name="offset"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Join(Vector128<uint> low, Vector128<uint> high, [ConstantExpected] byte offset) => Ssse3.AlignRight(high, low, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Rotate(Vector128<uint> x, [ConstantExpected] byte count) => Avx512F.VL.IsSupported ? Avx512F.VL.RotateLeft(x, count) : (x << count) | (x >>> (32 - count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Load(byte* source) =>
        Ssse3.Shuffle(Vector128.Load(source), Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint P0(uint x) => x ^ RotateLeft(x, 9) ^ RotateLeft(x, 17);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint P1(uint x) => x ^ RotateLeft(x, 15) ^ RotateLeft(x, 23);
}
