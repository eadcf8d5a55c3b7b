using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>8 blocks in 256-bit vectors (AVX2).</summary>
internal readonly unsafe struct Lanes256<TSbox> : ISm4Lanes<Vector256<uint>> where TSbox : struct, ISm4Sbox<Vector256<byte>>
{
    public static int Blocks => 8;

    public static int LaneOf(int block) => ((block & 1) << 2) | (block >> 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint word) => Vector256.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> LoadWords(uint* words) => Vector256.Load(words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Count(uint first) => Vector256.Create(first) + Vector256.Create(0u, 2, 4, 6, 1, 3, 5, 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> WithFirst(Vector256<uint> words, uint word) => words.WithElement(0, word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Round(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d, Vector256<uint> key) =>
        Linear(a, TSbox.Apply((b ^ c ^ key ^ d).AsByte()), Vector256.Create(ByteOrder.RotateLeft80, ByteOrder.RotateLeft81, ByteOrder.RotateLeft80, ByteOrder.RotateLeft81).AsByte(), Vector256.Create(ByteOrder.RotateLeft160, ByteOrder.RotateLeft161, ByteOrder.RotateLeft160, ByteOrder.RotateLeft161).AsByte(), Vector256.Create(ByteOrder.RotateLeft240, ByteOrder.RotateLeft241, ByteOrder.RotateLeft240, ByteOrder.RotateLeft241).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Round(
        ref Vector256<uint> a0, Vector256<uint> b0, Vector256<uint> c0, Vector256<uint> d0, ref Vector256<uint> a1, Vector256<uint> b1, Vector256<uint> c1, Vector256<uint> d1,
        ref Vector256<uint> a2, Vector256<uint> b2, Vector256<uint> c2, Vector256<uint> d2, ref Vector256<uint> a3, Vector256<uint> b3, Vector256<uint> c3, Vector256<uint> d3, Vector256<uint> key)
    {
        Vector256<byte> by8 = Vector256.Create(ByteOrder.RotateLeft80, ByteOrder.RotateLeft81, ByteOrder.RotateLeft80, ByteOrder.RotateLeft81).AsByte(), by16 = Vector256.Create(ByteOrder.RotateLeft160, ByteOrder.RotateLeft161, ByteOrder.RotateLeft160, ByteOrder.RotateLeft161).AsByte(), by24 = Vector256.Create(ByteOrder.RotateLeft240, ByteOrder.RotateLeft241, ByteOrder.RotateLeft240, ByteOrder.RotateLeft241).AsByte();
        Vector256<byte> x0 = (b0 ^ c0 ^ key ^ d0).AsByte(), x1 = (b1 ^ c1 ^ key ^ d1).AsByte(), x2 = (b2 ^ c2 ^ key ^ d2).AsByte(), x3 = (b3 ^ c3 ^ key ^ d3).AsByte();
        TSbox.Apply(ref x0, ref x1, ref x2, ref x3);
        a0 = Linear(a0, x0, by8, by16, by24);
        a1 = Linear(a1, x1, by8, by16, by24);
        a2 = Linear(a2, x2, by8, by16, by24);
        a3 = Linear(a3, x3, by8, by16, by24);
    }

    /// <summary>a ^ L(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Linear(Vector256<uint> a, Vector256<byte> x, Vector256<byte> by8, Vector256<byte> by16, Vector256<byte> by24)
    {
        Vector256<uint> w = (x ^ Avx2.Shuffle(x, by8) ^ Avx2.Shuffle(x, by16)).AsUInt32();
        return a ^ (x ^ Avx2.Shuffle(x, by24)).AsUInt32() ^ (w << 2) ^ (w >>> 30);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* source, out Vector256<uint> a, out Vector256<uint> b, out Vector256<uint> c, out Vector256<uint> d)
    {
        Vector256<byte> swap = Vector256.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Vector256<uint> s0 = Avx2.Shuffle(Vector256.Load(source), swap).AsUInt32();
        Vector256<uint> s1 = Avx2.Shuffle(Vector256.Load(source + 32), swap).AsUInt32();
        Vector256<uint> s2 = Avx2.Shuffle(Vector256.Load(source + 64), swap).AsUInt32();
        Vector256<uint> s3 = Avx2.Shuffle(Vector256.Load(source + 96), swap).AsUInt32();
        Transpose(s0, s1, s2, s3, out a, out b, out c, out d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* destination, Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d)
    {
        Vector256<byte> swap = Vector256.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Transpose(d, c, b, a, out Vector256<uint> s0, out Vector256<uint> s1, out Vector256<uint> s2, out Vector256<uint> s3);
        Avx2.Shuffle(s0.AsByte(), swap).Store(destination);
        Avx2.Shuffle(s1.AsByte(), swap).Store(destination + 32);
        Avx2.Shuffle(s2.AsByte(), swap).Store(destination + 64);
        Avx2.Shuffle(s3.AsByte(), swap).Store(destination + 96);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreXor(byte* source, byte* destination, Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d)
    {
        Vector256<byte> swap = Vector256.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1, ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Transpose(d, c, b, a, out Vector256<uint> s0, out Vector256<uint> s1, out Vector256<uint> s2, out Vector256<uint> s3);
        (Avx2.Shuffle(s0.AsByte(), swap) ^ Vector256.Load(source)).Store(destination);
        (Avx2.Shuffle(s1.AsByte(), swap) ^ Vector256.Load(source + 32)).Store(destination + 32);
        (Avx2.Shuffle(s2.AsByte(), swap) ^ Vector256.Load(source + 64)).Store(destination + 64);
        (Avx2.Shuffle(s3.AsByte(), swap) ^ Vector256.Load(source + 96)).Store(destination + 96);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        Vector256<uint> s0, Vector256<uint> s1, Vector256<uint> s2, Vector256<uint> s3,
        out Vector256<uint> r0, out Vector256<uint> r1, out Vector256<uint> r2, out Vector256<uint> r3)
    {
        Vector256<ulong> low01 = Avx2.UnpackLow(s0, s1).AsUInt64(), low23 = Avx2.UnpackLow(s2, s3).AsUInt64();
        Vector256<ulong> high01 = Avx2.UnpackHigh(s0, s1).AsUInt64(), high23 = Avx2.UnpackHigh(s2, s3).AsUInt64();
        r0 = Avx2.UnpackLow(low01, low23).AsUInt32();
        r1 = Avx2.UnpackHigh(low01, low23).AsUInt32();
        r2 = Avx2.UnpackLow(high01, high23).AsUInt32();
        r3 = Avx2.UnpackHigh(high01, high23).AsUInt32();
    }
}
