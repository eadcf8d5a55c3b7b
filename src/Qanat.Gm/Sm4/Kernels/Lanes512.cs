using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>16 blocks in 512-bit vectors (AVX-512 F and BW).</summary>
internal readonly unsafe struct Lanes512<TSbox> : ISm4Lanes<Vector512<uint>> where TSbox : struct, ISm4Sbox<Vector512<byte>>
{
    public static int Blocks => 16;

    public static int LaneOf(int block) => ((block & 3) << 2) | (block >> 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Broadcast(uint word) => Vector512.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> LoadWords(uint* words) => Vector512.Load(words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Count(uint first) => Vector512.Create(first) + Vector512.Create(0u, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> WithFirst(Vector512<uint> words, uint word) => words.WithElement(0, word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Round(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d, Vector512<uint> key) =>
        Linear(a, TSbox.Apply(Input(b, c, d, key)).AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Round(
        ref Vector512<uint> a0, Vector512<uint> b0, Vector512<uint> c0, Vector512<uint> d0, ref Vector512<uint> a1, Vector512<uint> b1, Vector512<uint> c1, Vector512<uint> d1,
        ref Vector512<uint> a2, Vector512<uint> b2, Vector512<uint> c2, Vector512<uint> d2, ref Vector512<uint> a3, Vector512<uint> b3, Vector512<uint> c3, Vector512<uint> d3, Vector512<uint> key)
    {
        Vector512<byte> x0 = Input(b0, c0, d0, key), x1 = Input(b1, c1, d1, key), x2 = Input(b2, c2, d2, key), x3 = Input(b3, c3, d3, key);
        TSbox.Apply(ref x0, ref x1, ref x2, ref x3);
        a0 = Linear(a0, x0.AsUInt32());
        a1 = Linear(a1, x1.AsUInt32());
        a2 = Linear(a2, x2.AsUInt32());
        a3 = Linear(a3, x3.AsUInt32());
    }

    // The word that the round before made, d, comes last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Input(Vector512<uint> b, Vector512<uint> c, Vector512<uint> d, Vector512<uint> key) => (Avx512F.TernaryLogic(b, c, key, Xor3) ^ d).AsByte();

    // a ^ L(x) with four rotations: one instruction more than the nested form of L, but a shorter chain.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Linear(Vector512<uint> a, Vector512<uint> x)
    {
        Vector512<uint> w = Avx512F.RotateLeft(Avx512F.TernaryLogic(x, Avx512F.RotateLeft(x, 8), Avx512F.RotateLeft(x, 16), Xor3), 2);
        return Avx512F.TernaryLogic(a ^ x, Avx512F.RotateLeft(x, 24), w, Xor3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* source, out Vector512<uint> a, out Vector512<uint> b, out Vector512<uint> c, out Vector512<uint> d)
    {
        Vector512<byte> swap = Vector512.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Vector512<uint> s0 = Avx512BW.Shuffle(Vector512.Load(source), swap).AsUInt32();
        Vector512<uint> s1 = Avx512BW.Shuffle(Vector512.Load(source + 64), swap).AsUInt32();
        Vector512<uint> s2 = Avx512BW.Shuffle(Vector512.Load(source + 128), swap).AsUInt32();
        Vector512<uint> s3 = Avx512BW.Shuffle(Vector512.Load(source + 192), swap).AsUInt32();
        Transpose(s0, s1, s2, s3, out a, out b, out c, out d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* destination, Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d)
    {
        Vector512<byte> swap = Vector512.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Transpose(d, c, b, a, out Vector512<uint> s0, out Vector512<uint> s1, out Vector512<uint> s2, out Vector512<uint> s3);
        Avx512BW.Shuffle(s0.AsByte(), swap).Store(destination);
        Avx512BW.Shuffle(s1.AsByte(), swap).Store(destination + 64);
        Avx512BW.Shuffle(s2.AsByte(), swap).Store(destination + 128);
        Avx512BW.Shuffle(s3.AsByte(), swap).Store(destination + 192);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreXor(byte* source, byte* destination, Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d)
    {
        Vector512<byte> swap = Vector512.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Transpose(d, c, b, a, out Vector512<uint> s0, out Vector512<uint> s1, out Vector512<uint> s2, out Vector512<uint> s3);
        (Avx512BW.Shuffle(s0.AsByte(), swap) ^ Vector512.Load(source)).Store(destination);
        (Avx512BW.Shuffle(s1.AsByte(), swap) ^ Vector512.Load(source + 64)).Store(destination + 64);
        (Avx512BW.Shuffle(s2.AsByte(), swap) ^ Vector512.Load(source + 128)).Store(destination + 128);
        (Avx512BW.Shuffle(s3.AsByte(), swap) ^ Vector512.Load(source + 192)).Store(destination + 192);
    }

    /// <summary>4x4 words inside each 128-bit lane: vector i of the result holds word i of every source vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        Vector512<uint> s0, Vector512<uint> s1, Vector512<uint> s2, Vector512<uint> s3,
        out Vector512<uint> r0, out Vector512<uint> r1, out Vector512<uint> r2, out Vector512<uint> r3)
    {
        Vector512<ulong> low01 = Avx512F.UnpackLow(s0, s1).AsUInt64(), low23 = Avx512F.UnpackLow(s2, s3).AsUInt64();
        Vector512<ulong> high01 = Avx512F.UnpackHigh(s0, s1).AsUInt64(), high23 = Avx512F.UnpackHigh(s2, s3).AsUInt64();
        r0 = Avx512F.UnpackLow(low01, low23).AsUInt32();
        r1 = Avx512F.UnpackHigh(low01, low23).AsUInt32();
        r2 = Avx512F.UnpackLow(high01, high23).AsUInt32();
        r3 = Avx512F.UnpackHigh(high01, high23).AsUInt32();
    }

    /// <summary>The truth table of a three-way exclusive or.</summary>
    private const byte Xor3 = 0x96;
}
