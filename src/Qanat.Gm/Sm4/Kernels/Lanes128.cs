using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>4 blocks in 128-bit vectors (SSSE3).</summary>
internal readonly unsafe struct Lanes128<TSbox> : ISm4Lanes<Vector128<uint>> where TSbox : struct, ISm4Sbox<Vector128<byte>>
{
    public static int Blocks => 4;

    public static int LaneOf(int block) => block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Broadcast(uint word) => Vector128.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> LoadWords(uint* words) => Vector128.Load(words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Count(uint first) => Vector128.Create(first) + Vector128.Create(0u, 1, 2, 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> WithFirst(Vector128<uint> words, uint word) => words.WithElement(0, word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Round(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d, Vector128<uint> key) =>
        Linear(a, TSbox.Apply((b ^ c ^ key ^ d).AsByte()), Vector128.Create(ByteOrder.RotateLeft80, ByteOrder.RotateLeft81).AsByte(), Vector128.Create(ByteOrder.RotateLeft160, ByteOrder.RotateLeft161).AsByte(), Vector128.Create(ByteOrder.RotateLeft240, ByteOrder.RotateLeft241).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Round(
        ref Vector128<uint> a0, Vector128<uint> b0, Vector128<uint> c0, Vector128<uint> d0, ref Vector128<uint> a1, Vector128<uint> b1, Vector128<uint> c1, Vector128<uint> d1,
        ref Vector128<uint> a2, Vector128<uint> b2, Vector128<uint> c2, Vector128<uint> d2, ref Vector128<uint> a3, Vector128<uint> b3, Vector128<uint> c3, Vector128<uint> d3, Vector128<uint> key)
    {
        Vector128<byte> by8 = Vector128.Create(ByteOrder.RotateLeft80, ByteOrder.RotateLeft81).AsByte(), by16 = Vector128.Create(ByteOrder.RotateLeft160, ByteOrder.RotateLeft161).AsByte(), by24 = Vector128.Create(ByteOrder.RotateLeft240, ByteOrder.RotateLeft241).AsByte();
        Vector128<byte> x0 = (b0 ^ c0 ^ key ^ d0).AsByte(), x1 = (b1 ^ c1 ^ key ^ d1).AsByte(), x2 = (b2 ^ c2 ^ key ^ d2).AsByte(), x3 = (b3 ^ c3 ^ key ^ d3).AsByte();
        TSbox.Apply(ref x0, ref x1, ref x2, ref x3);
        a0 = Linear(a0, x0, by8, by16, by24);
        a1 = Linear(a1, x1, by8, by16, by24);
        a2 = Linear(a2, x2, by8, by16, by24);
        a3 = Linear(a3, x3, by8, by16, by24);
    }

    /// <summary>a ^ L(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Linear(Vector128<uint> a, Vector128<byte> x, Vector128<byte> by8, Vector128<byte> by16, Vector128<byte> by24)
    {
        Vector128<uint> w = (x ^ Ssse3.Shuffle(x, by8) ^ Ssse3.Shuffle(x, by16)).AsUInt32();
        return a ^ (x ^ Ssse3.Shuffle(x, by24)).AsUInt32() ^ (w << 2) ^ (w >>> 30);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* source, out Vector128<uint> a, out Vector128<uint> b, out Vector128<uint> c, out Vector128<uint> d)
    {
        Vector128<byte> swap = Vector128.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Vector128<uint> s0 = Ssse3.Shuffle(Vector128.Load(source), swap).AsUInt32();
        Vector128<uint> s1 = Ssse3.Shuffle(Vector128.Load(source + 16), swap).AsUInt32();
        Vector128<uint> s2 = Ssse3.Shuffle(Vector128.Load(source + 32), swap).AsUInt32();
        Vector128<uint> s3 = Ssse3.Shuffle(Vector128.Load(source + 48), swap).AsUInt32();
        Transpose(s0, s1, s2, s3, out a, out b, out c, out d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* destination, Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d)
    {
        Vector128<byte> swap = Vector128.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Transpose(d, c, b, a, out Vector128<uint> s0, out Vector128<uint> s1, out Vector128<uint> s2, out Vector128<uint> s3);
        Ssse3.Shuffle(s0.AsByte(), swap).Store(destination);
        Ssse3.Shuffle(s1.AsByte(), swap).Store(destination + 16);
        Ssse3.Shuffle(s2.AsByte(), swap).Store(destination + 32);
        Ssse3.Shuffle(s3.AsByte(), swap).Store(destination + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreXor(byte* source, byte* destination, Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d)
    {
        Vector128<byte> swap = Vector128.Create(ByteOrder.SwapWords0, ByteOrder.SwapWords1).AsByte();
        Transpose(d, c, b, a, out Vector128<uint> s0, out Vector128<uint> s1, out Vector128<uint> s2, out Vector128<uint> s3);
        (Ssse3.Shuffle(s0.AsByte(), swap) ^ Vector128.Load(source)).Store(destination);
        (Ssse3.Shuffle(s1.AsByte(), swap) ^ Vector128.Load(source + 16)).Store(destination + 16);
        (Ssse3.Shuffle(s2.AsByte(), swap) ^ Vector128.Load(source + 32)).Store(destination + 32);
        (Ssse3.Shuffle(s3.AsByte(), swap) ^ Vector128.Load(source + 48)).Store(destination + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        Vector128<uint> s0, Vector128<uint> s1, Vector128<uint> s2, Vector128<uint> s3,
        out Vector128<uint> r0, out Vector128<uint> r1, out Vector128<uint> r2, out Vector128<uint> r3)
    {
        Vector128<ulong> low01 = Sse2.UnpackLow(s0, s1).AsUInt64(), low23 = Sse2.UnpackLow(s2, s3).AsUInt64();
        Vector128<ulong> high01 = Sse2.UnpackHigh(s0, s1).AsUInt64(), high23 = Sse2.UnpackHigh(s2, s3).AsUInt64();
        r0 = Sse2.UnpackLow(low01, low23).AsUInt32();
        r1 = Sse2.UnpackHigh(low01, low23).AsUInt32();
        r2 = Sse2.UnpackLow(high01, high23).AsUInt32();
        r3 = Sse2.UnpackHigh(high01, high23).AsUInt32();
    }
}
