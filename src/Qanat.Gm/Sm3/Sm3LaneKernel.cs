using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Qanat.Gm;

/// <summary>What the lane kernel needs of a vector of 32-bit words, one word for each message.</summary>
internal unsafe interface ISm3LaneVector<T> where T : unmanaged
{
    /// <summary>Words in the vector.</summary>
    static abstract int Lanes { get; }

    static abstract T Broadcast(uint value);

    static abstract T Add(T x, T y);

    static abstract T Xor(T x, T y);

    /// <summary>x ^ y ^ z.</summary>
    static abstract T Xor(T x, T y, T z);

    /// <summary>Bits that at least two have.</summary>
    static abstract T Majority(T x, T y, T z);

    /// <summary>Bits of y where x has ones, of z where it has zeros.</summary>
    static abstract T Choose(T x, T y, T z);

    static abstract T RotateLeft(T x, [ConstantExpected] byte count);

    /// <summary>Reads one block of every message: word i of all messages into words[i], i below 16.</summary>
    /// <param name="messages">One pointer for each lane.</param>
    /// <param name="offset">Added to each pointer.</param>
    /// <param name="words">Room for sixteen vectors.</param>
    static abstract void Load(byte** messages, nint offset, T* words);
}

/// <summary>The compression function of SM3 (GB/T 32905 section 5.3.3) on as many messages at once as the vector has words. No branch or index depends on the data.</summary>
internal static unsafe class Sm3LaneKernel<TVector, T>
    where TVector : ISm3LaneVector<T>
    where T : unmanaged
{
    /// <summary>Compresses the next blocks of every message.</summary>
    /// <param name="v">The eight words of the chaining values, each a vector over the lanes.</param>
    /// <param name="messages">One pointer for each lane.</param>
    /// <param name="blocks">Blocks readable at each pointer, all compressed.</param>
    /// <param name="w">Room for 68 vectors, for the message expansion.</param>
    public static void Compress(T* v, byte** messages, int blocks, T* w)
    {
        fixed (uint* constants = Sm3Compression.RoundConstants)
        {
            for (nint offset = 0, end = (nint)blocks * Sm3.BlockSizeInBytes; offset < end; offset += Sm3.BlockSizeInBytes)
            {
                TVector.Load(messages, offset, w);
                CompressBlock(v, w, constants);
            }
        }
    }

    private static void CompressBlock(T* v, T* w, uint* constants)
    {
        T a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
        int round = 0;
        for (; round < 16; round += 4, w += 4, constants += 4)
        {
            Expand(w);
            EarlyRound(a, ref b, c, ref d, e, ref f, g, ref h, constants[0], w);
            EarlyRound(d, ref a, b, ref c, h, ref e, f, ref g, constants[1], w + 1);
            EarlyRound(c, ref d, a, ref b, g, ref h, e, ref f, constants[2], w + 2);
            EarlyRound(b, ref c, d, ref a, f, ref g, h, ref e, constants[3], w + 3);
        }
        for (; round < 52; round += 4, w += 4, constants += 4)
        {
            Expand(w);
            LateRound(a, ref b, c, ref d, e, ref f, g, ref h, constants[0], w);
            LateRound(d, ref a, b, ref c, h, ref e, f, ref g, constants[1], w + 1);
            LateRound(c, ref d, a, ref b, g, ref h, e, ref f, constants[2], w + 2);
            LateRound(b, ref c, d, ref a, f, ref g, h, ref e, constants[3], w + 3);
        }
        for (; round < 64; round += 4, w += 4, constants += 4)
        {
            LateRound(a, ref b, c, ref d, e, ref f, g, ref h, constants[0], w);
            LateRound(d, ref a, b, ref c, h, ref e, f, ref g, constants[1], w + 1);
            LateRound(c, ref d, a, ref b, g, ref h, e, ref f, constants[2], w + 2);
            LateRound(b, ref c, d, ref a, f, ref g, h, ref e, constants[3], w + 3);
        }
        v[0] = TVector.Xor(v[0], a);
        v[1] = TVector.Xor(v[1], b);
        v[2] = TVector.Xor(v[2], c);
        v[3] = TVector.Xor(v[3], d);
        v[4] = TVector.Xor(v[4], e);
        v[5] = TVector.Xor(v[5], f);
        v[6] = TVector.Xor(v[6], g);
        v[7] = TVector.Xor(v[7], h);
    }

    /// <summary>Words 16 to 19 after <paramref name="w"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Expand(T* w)
    {
        w[16] = NextWord(w);
        w[17] = NextWord(w + 1);
        w[18] = NextWord(w + 2);
        w[19] = NextWord(w + 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T NextWord(T* w)
    {
        T x = TVector.Xor(w[0], w[7], TVector.RotateLeft(w[13], 15));
        T p1 = TVector.Xor(x, TVector.RotateLeft(x, 15), TVector.RotateLeft(x, 23));
        return TVector.Xor(p1, TVector.RotateLeft(w[3], 7), w[10]);
    }

    /// <summary>Rounds 0 to 15. The words keep their variables and change their names instead: after four rounds all are back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EarlyRound(T a, ref T b, T c, ref T d, T e, ref T f, T g, ref T h, uint constant, T* w)
    {
        T a12 = TVector.RotateLeft(a, 12);
        T ss1 = TVector.RotateLeft(TVector.Add(TVector.Add(e, TVector.Broadcast(constant)), a12), 7);
        T tt1 = TVector.Add(TVector.Add(d, TVector.Xor(w[0], w[4])), TVector.Xor(a, b, c));
        T tt2 = TVector.Add(TVector.Add(h, w[0]), TVector.Xor(e, f, g));
        d = TVector.Add(tt1, TVector.Xor(ss1, a12));
        tt2 = TVector.Add(tt2, ss1);
        h = TVector.Xor(tt2, TVector.RotateLeft(tt2, 9), TVector.RotateLeft(tt2, 17));
        b = TVector.RotateLeft(b, 9);
        f = TVector.RotateLeft(f, 19);
    }

    /// <summary>Rounds 16 to 63: majority and choice in place of the sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LateRound(T a, ref T b, T c, ref T d, T e, ref T f, T g, ref T h, uint constant, T* w)
    {
        T a12 = TVector.RotateLeft(a, 12);
        T ss1 = TVector.RotateLeft(TVector.Add(TVector.Add(e, TVector.Broadcast(constant)), a12), 7);
        T tt1 = TVector.Add(TVector.Add(d, TVector.Xor(w[0], w[4])), TVector.Majority(a, b, c));
        T tt2 = TVector.Add(TVector.Add(h, w[0]), TVector.Choose(e, f, g));
        d = TVector.Add(tt1, TVector.Xor(ss1, a12));
        tt2 = TVector.Add(tt2, ss1);
        h = TVector.Xor(tt2, TVector.RotateLeft(tt2, 9), TVector.RotateLeft(tt2, 17));
        b = TVector.RotateLeft(b, 9);
        f = TVector.RotateLeft(f, 19);
    }
}
