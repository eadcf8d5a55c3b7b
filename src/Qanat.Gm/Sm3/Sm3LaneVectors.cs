using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>Sixteen lanes with AVX-512.</summary>
internal readonly unsafe struct Sm3Lanes512 : ISm3LaneVector<Vector512<uint>>
{
    public static int Lanes => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Broadcast(uint value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> x, Vector512<uint> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> x, Vector512<uint> y) => x ^ y;

    // The control byte of a ternary operation is its truth table: x is 0xf0, y is 0xcc, z is 0xaa.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> x, Vector512<uint> y, Vector512<uint> z) => Avx512F.TernaryLogic(x, y, z, 0xf0 ^ 0xcc ^ 0xaa);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Majority(Vector512<uint> x, Vector512<uint> y, Vector512<uint> z) =>
        Avx512F.TernaryLogic(x, y, z, (0xf0 & 0xcc) | (0xf0 & 0xaa) | (0xcc & 0xaa));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Choose(Vector512<uint> x, Vector512<uint> y, Vector512<uint> z) => Avx512F.TernaryLogic(x, y, z, (0xf0 & 0xcc) | (0x0f & 0xaa));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateLeft(Vector512<uint> x, [ConstantExpected] byte count) => Avx512F.RotateLeft(x, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte** messages, nint offset, Vector512<uint>* words)
    {
        // Four messages at a time: in each 128-bit part j, quad[k] has word 4j + k of the four.
        for (int quad = 0; quad < 16; quad += 4)
        {
            Vector512<uint> m0 = LoadBlock(messages[quad] + offset), m1 = LoadBlock(messages[quad + 1] + offset);
            Vector512<uint> m2 = LoadBlock(messages[quad + 2] + offset), m3 = LoadBlock(messages[quad + 3] + offset);
            Vector512<ulong> low01 = Avx512F.UnpackLow(m0, m1).AsUInt64(), high01 = Avx512F.UnpackHigh(m0, m1).AsUInt64();
            Vector512<ulong> low23 = Avx512F.UnpackLow(m2, m3).AsUInt64(), high23 = Avx512F.UnpackHigh(m2, m3).AsUInt64();
            words[quad] = Avx512F.UnpackLow(low01, low23).AsUInt32();
            words[quad + 1] = Avx512F.UnpackHigh(low01, low23).AsUInt32();
            words[quad + 2] = Avx512F.UnpackLow(high01, high23).AsUInt32();
            words[quad + 3] = Avx512F.UnpackHigh(high01, high23).AsUInt32();
        }
        // Then the parts of the four quads are brought together: 0x88 takes parts 0 and 2 of both operands, 0xdd parts 1 and 3.
        for (int k = 0; k < 4; k++)
        {
            Vector512<uint> even01 = Avx512F.Shuffle4x128(words[k], words[4 + k], 0x88), odd01 = Avx512F.Shuffle4x128(words[k], words[4 + k], 0xdd);
            Vector512<uint> even23 = Avx512F.Shuffle4x128(words[8 + k], words[12 + k], 0x88), odd23 = Avx512F.Shuffle4x128(words[8 + k], words[12 + k], 0xdd);
            words[k] = Avx512F.Shuffle4x128(even01, even23, 0x88);
            words[4 + k] = Avx512F.Shuffle4x128(odd01, odd23, 0x88);
            words[8 + k] = Avx512F.Shuffle4x128(even01, even23, 0xdd);
            words[12 + k] = Avx512F.Shuffle4x128(odd01, odd23, 0xdd);
        }
    }

    /// <summary>One block with its words in the machine's byte order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> LoadBlock(byte* source)
    {
        Vector128<byte> reverse = Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
        Vector256<byte> reverse256 = Vector256.Create(reverse, reverse);
        return Avx512BW.Shuffle(Vector512.Load(source), Vector512.Create(reverse256, reverse256)).AsUInt32();
    }
}

/// <summary>Eight lanes with AVX2.</summary>
internal readonly unsafe struct Sm3Lanes256 : ISm3LaneVector<Vector256<uint>>
{
    public static int Lanes => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> x, Vector256<uint> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> x, Vector256<uint> y) => x ^ y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> x, Vector256<uint> y, Vector256<uint> z) => x ^ y ^ z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Majority(Vector256<uint> x, Vector256<uint> y, Vector256<uint> z) => (y & z) | (x & (y | z));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Choose(Vector256<uint> x, Vector256<uint> y, Vector256<uint> z) => ((y ^ z) & x) ^ z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateLeft(Vector256<uint> x, [ConstantExpected] byte count) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateLeft(x, count) : (x << count) | (x >>> (32 - count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte** messages, nint offset, Vector256<uint>* words)
    {
        LoadHalf(messages, offset, words);
        LoadHalf(messages, offset + 32, words + 8);
    }

    private static void LoadHalf(byte** messages, nint offset, Vector256<uint>* words)
    {
        // Four messages at a time: in each 128-bit part j, words[quad + k] has word 4j + k of the four.
        for (int quad = 0; quad < 8; quad += 4)
        {
            Vector256<uint> m0 = LoadWords(messages[quad] + offset), m1 = LoadWords(messages[quad + 1] + offset);
            Vector256<uint> m2 = LoadWords(messages[quad + 2] + offset), m3 = LoadWords(messages[quad + 3] + offset);
            Vector256<ulong> low01 = Avx2.UnpackLow(m0, m1).AsUInt64(), high01 = Avx2.UnpackHigh(m0, m1).AsUInt64();
            Vector256<ulong> low23 = Avx2.UnpackLow(m2, m3).AsUInt64(), high23 = Avx2.UnpackHigh(m2, m3).AsUInt64();
            words[quad] = Avx2.UnpackLow(low01, low23).AsUInt32();
            words[quad + 1] = Avx2.UnpackHigh(low01, low23).AsUInt32();
            words[quad + 2] = Avx2.UnpackLow(high01, high23).AsUInt32();
            words[quad + 3] = Avx2.UnpackHigh(high01, high23).AsUInt32();
        }
        for (int k = 0; k < 4; k++)
        {
            (Vector256<uint> first, Vector256<uint> second) = (words[k], words[4 + k]);
            words[k] = Avx2.Permute2x128(first, second, 0x20);
            words[4 + k] = Avx2.Permute2x128(first, second, 0x31);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> LoadWords(byte* source)
    {
        Vector128<byte> reverse = Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
        return Avx2.Shuffle(Vector256.Load(source), Vector256.Create(reverse, reverse)).AsUInt32();
    }
}

/// <summary>Four lanes with the 128-bit vectors every machine has.</summary>
internal readonly unsafe struct Sm3Lanes128 : ISm3LaneVector<Vector128<uint>>
{
    public static int Lanes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Broadcast(uint value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> x, Vector128<uint> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> x, Vector128<uint> y) => x ^ y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> x, Vector128<uint> y, Vector128<uint> z) => x ^ y ^ z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Majority(Vector128<uint> x, Vector128<uint> y, Vector128<uint> z) => (y & z) | (x & (y | z));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Choose(Vector128<uint> x, Vector128<uint> y, Vector128<uint> z) => ((y ^ z) & x) ^ z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateLeft(Vector128<uint> x, [ConstantExpected] byte count) => (x << count) | (x >>> (32 - count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte** messages, nint offset, Vector128<uint>* words)
    {
        for (int i = 0; i < 16; i++, offset += 4)
        {
            words[i] = Vector128.Create(Word(messages[0] + offset), Word(messages[1] + offset), Word(messages[2] + offset), Word(messages[3] + offset));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(byte* source) => BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(source, sizeof(uint)));
}
