namespace Qanat.Gm;

/// <summary>
/// SM4 on several blocks at once. A state is four vectors; element e of vector w is word w of one block. <see cref="LaneOf"/> says of which:
/// the order is the one that a transpose inside 128-bit lanes gives, so that loading and storing needs no shuffle across lanes.
/// </summary>
/// <typeparam name="T">A vector of 32-bit words.</typeparam>
internal unsafe interface ISm4Lanes<T> where T : unmanaged
{
    /// <summary>Blocks in one state.</summary>
    static abstract int Blocks { get; }

    /// <summary>The element that holds this block. Block 0 is in element 0.</summary>
    static abstract int LaneOf(int block);

    /// <summary>The same word in every element.</summary>
    static abstract T Broadcast(uint word);

    /// <summary>One word for each element, from memory.</summary>
    static abstract T LoadWords(uint* words);

    /// <summary>first, first + 1, ... in the order of the blocks, modulo 2^32.</summary>
    static abstract T Count(uint first);

    /// <summary>The same vector with the word of block 0 replaced.</summary>
    static abstract T WithFirst(T words, uint word);

    /// <summary>a ^ T(b ^ c ^ d ^ key), the round function (GB/T 32907 section 6).</summary>
    static abstract T Round(T a, T b, T c, T d, T key);

    /// <summary>
    /// The same for four states side by side. One round is a long chain of dependent instructions, so independent states fill the gaps. The states come together here,
    /// and not as four calls, because the compiler stops to inline when one method has too many calls.
    /// </summary>
    static abstract void Round(
        ref T a0, T b0, T c0, T d0, ref T a1, T b1, T c1, T d1,
        ref T a2, T b2, T c2, T d2, ref T a3, T b3, T c3, T d3, T key);

    /// <summary>Reads <see cref="Blocks"/> blocks.</summary>
    static abstract void Load(byte* source, out T a, out T b, out T c, out T d);

    /// <summary>Writes <see cref="Blocks"/> blocks, words in the order d, c, b, a (the reverse transform R).</summary>
    static abstract void Store(byte* destination, T a, T b, T c, T d);

    /// <summary>Writes source ^ state, words in the order d, c, b, a. Source and destination may be the same.</summary>
    static abstract void StoreXor(byte* source, byte* destination, T a, T b, T c, T d);
}

/// <summary>The S-box S on every byte of a vector, without memory accesses that depend on them.</summary>
/// <typeparam name="T">A vector of bytes.</typeparam>
internal interface ISm4Sbox<T>
{
    static abstract T Apply(T bytes);

    /// <summary>On four vectors, step by step side by side.</summary>
    static abstract void Apply(ref T x0, ref T x1, ref T x2, ref T x3);
}
