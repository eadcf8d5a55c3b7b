using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>
/// SM4 bit-sliced over 32 blocks in 128-bit vectors, with logic, shifts and constant shuffles only. A word of the state is eight planes: plane i holds bit i of
/// every byte; its element j belongs to byte j of the word (0 is the lowest), and bit n of the element to block n.
/// </summary>
internal sealed unsafe class PortableKernel : Sm4Kernel
{
    private const int BatchBlocks = 32;
    private const int BatchBytes = BatchBlocks * BlockSize;
    private const int Planes = 8;

    /// <summary>What the constant behind the S-box becomes under the linear map L, on every byte.</summary>
    private const uint OutputConstants = 0x4F4F4F4F;

    /// <summary>Bit i: whether the words that round i (modulo 8) reads are together off by <see cref="OutputConstants"/>. See <see cref="RoundKey"/>.</summary>
    private const int RoundsOff = 0x5A;

    public override Sm4Implementation Implementation => Sm4Implementation.Portable;

    public override GhashKernel Ghash => GhashPortable.Instance;

    public override int LaneOf(int block) => block;

    [SkipLocalsInit]
    public override void Ecb(uint* schedule, byte* source, byte* destination, nuint blocks)
    {
        byte* batch = stackalloc byte[BatchBytes];
        for (; blocks >= BatchBlocks; blocks -= BatchBlocks)
        {
            EncryptBatch(schedule, source, destination);
            source += BatchBytes;
            destination += BatchBytes;
        }
        if (blocks == 0)
            return;
        int rest = (int)blocks * BlockSize;
        new ReadOnlySpan<byte>(source, rest).CopyTo(new Span<byte>(batch, BatchBytes));
        EncryptBatch(schedule, batch, batch);
        new ReadOnlySpan<byte>(batch, rest).CopyTo(new Span<byte>(destination, rest));
        new Span<byte>(batch, BatchBytes).Clear();
    }

    [SkipLocalsInit]
    public override void Ctr(uint* schedule, uint* counter, byte* source, byte* destination, nuint blocks)
    {
        byte* stream = stackalloc byte[BatchBytes];
        while (blocks > 0)
        {
            int count = (int)nuint.Min(blocks, BatchBlocks);
            WriteCounters(counter, counter[3], counter[3] + 1, stream);
            EncryptBatch(schedule, stream, stream);
            for (int i = 0; i < count * BlockSize; i += BlockSize)
            {
                (Vector128.Load(source + i) ^ Vector128.Load(stream + i)).Store(destination + i);
            }
            counter[3] += (uint)count;
            source += count * BlockSize;
            destination += count * BlockSize;
            blocks -= (nuint)count;
        }
        new Span<byte>(stream, BatchBytes).Clear();
    }

    public override void KeyStream(uint* schedule, uint* counter, uint first, byte* destination, int blocks)
    {
        uint next = counter[3];
        for (; blocks > 0; blocks -= BatchBlocks)
        {
            WriteCounters(counter, first, next, destination);
            EncryptBatch(schedule, destination, destination);
            destination += BatchBytes;
            first = next + BatchBlocks - 1;
            next = first + 1;
        }
    }

    [SkipLocalsInit]
    public override void CbcEncrypt(uint* schedule, byte* chain, byte* source, byte* destination, nuint blocks)
    {
        byte* batch = stackalloc byte[BatchBytes];
        for (; blocks > 0; blocks--)
        {
            (Vector128.Load(chain) ^ Vector128.Load(source)).Store(batch);
            EncryptBatch(schedule, batch, batch);
            Vector128.Load(batch).Store(chain);
            if (destination != null)
            {
                Vector128.Load(batch).Store(destination);
                destination += BlockSize;
            }
            source += BlockSize;
        }
        new Span<byte>(batch, BatchBytes).Clear();
    }

    [SkipLocalsInit]
    public override void EncryptLanes(uint* schedules, byte* blocks)
    {
        Vector128<uint>* state = stackalloc Vector128<uint>[4 * Planes];
        Vector128<uint>* key = stackalloc Vector128<uint>[Planes];
        byte* batch = stackalloc byte[BatchBytes];
        new ReadOnlySpan<byte>(blocks, Lanes * BlockSize).CopyTo(new Span<byte>(batch, BatchBytes));
        Slice(batch, state);
        for (int round = 0; round < Sm4KeySchedule.Rounds; round++)
        {
            uint* words = schedules + (round * Lanes);
            for (int i = 0; i < Planes; i++)
            {
                key[i] = Vector128.Create(RoundKey(words[i], round), RoundKey(words[Planes + i], round), 0, 0);
            }
            Transpose(key);
            Round(state, round, key);
        }
        Unslice(state, batch);
        new ReadOnlySpan<byte>(batch, Lanes * BlockSize).CopyTo(new Span<byte>(blocks, Lanes * BlockSize));
        new Span<byte>(batch, BatchBytes).Clear();
        new Span<byte>(state, 4 * Planes * 16).Clear();
        new Span<byte>(key, Planes * 16).Clear();
    }

    /// <summary>32 counter blocks: the first with its own last word, the others counting from <paramref name="next"/>.</summary>
    private static void WriteCounters(uint* counter, uint first, uint next, byte* destination)
    {
        for (int i = 0; i < BatchBlocks; i++, destination += BlockSize)
        {
            Span<byte> block = new(destination, BlockSize);
            BinaryPrimitives.WriteUInt32BigEndian(block, counter[0]);
            BinaryPrimitives.WriteUInt32BigEndian(block[4..], counter[1]);
            BinaryPrimitives.WriteUInt32BigEndian(block[8..], counter[2]);
            BinaryPrimitives.WriteUInt32BigEndian(block[12..], i == 0 ? first : next + (uint)i - 1);
        }
    }

    [SkipLocalsInit]
    private static void EncryptBatch(uint* schedule, byte* source, byte* destination)
    {
        Vector128<uint>* state = stackalloc Vector128<uint>[4 * Planes];
        Vector128<uint>* key = stackalloc Vector128<uint>[Planes];
        Slice(source, state);
        for (int round = 0; round < Sm4KeySchedule.Rounds; round++)
        {
            uint word = RoundKey(schedule[round], round);
            Vector128<uint> bytes = Vector128.Create(word, word >> 8, word >> 16, word >> 24);
            for (int i = 0; i < Planes; i++)
            {
                key[i] = Vector128<uint>.Zero - ((bytes >>> i) & Vector128<uint>.One);
            }
            Round(state, round, key);
        }
        Unslice(state, destination);
        new Span<byte>(state, 4 * Planes * 16).Clear();
        new Span<byte>(key, Planes * 16).Clear();
    }

    /// <summary>
    /// The S-box here is computed without its two constants. The one at the input joins the round key. The one at the output goes through L and changes word i + 4
    /// by <see cref="OutputConstants"/>; each such word changes the one four further back again, so that words 4-7, 12-15, ... are off by it, the words
    /// between are not, and the last four come out right. A round whose three inputs are off an odd number of times takes the constant in with its key.
    /// </summary>
    private static uint RoundKey(uint word, int round) =>
        word ^ (Sm4BitSlicedSbox.InputConstant * 0x01010101u) ^ (OutputConstants & (uint)-((RoundsOff >> (round & 7)) & 1));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Round(Vector128<uint>* state, int round, Vector128<uint>* key)
    {
        Vector128<uint>* a = state + ((round & 3) * Planes);
        Vector128<uint>* b = state + (((round + 1) & 3) * Planes);
        Vector128<uint>* c = state + (((round + 2) & 3) * Planes);
        Vector128<uint>* d = state + (((round + 3) & 3) * Planes);
        Vector128<uint> p0 = b[0] ^ c[0] ^ d[0] ^ key[0], p1 = b[1] ^ c[1] ^ d[1] ^ key[1], p2 = b[2] ^ c[2] ^ d[2] ^ key[2], p3 = b[3] ^ c[3] ^ d[3] ^ key[3];
        Vector128<uint> p4 = b[4] ^ c[4] ^ d[4] ^ key[4], p5 = b[5] ^ c[5] ^ d[5] ^ key[5], p6 = b[6] ^ c[6] ^ d[6] ^ key[6], p7 = b[7] ^ c[7] ^ d[7] ^ key[7];
        Sm4BitSlicedSbox.Apply(ref p0, ref p1, ref p2, ref p3, ref p4, ref p5, ref p6, ref p7);

        // L(x) = x ^ (x <<< 24) ^ ((x ^ (x <<< 8) ^ (x <<< 16)) <<< 2); turning by two bits renames planes, and two of them move on by a byte.
        a[0] ^= Near(p0) ^ Turn8(Far(p6));
        a[1] ^= Near(p1) ^ Turn8(Far(p7));
        a[2] ^= Near(p2) ^ Far(p0);
        a[3] ^= Near(p3) ^ Far(p1);
        a[4] ^= Near(p4) ^ Far(p2);
        a[5] ^= Near(p5) ^ Far(p3);
        a[6] ^= Near(p6) ^ Far(p4);
        a[7] ^= Near(p7) ^ Far(p5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Near(Vector128<uint> plane) => plane ^ Vector128.Shuffle(plane, Vector128.Create(1u, 2, 3, 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Far(Vector128<uint> plane) => plane ^ Turn8(plane) ^ Vector128.Shuffle(plane, Vector128.Create(2u, 3, 0, 1));

    /// <summary>Rotation of the words to the left by 8 bits: byte j comes from byte j - 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Turn8(Vector128<uint> plane) => Vector128.Shuffle(plane, Vector128.Create(3u, 0, 1, 2));

    /// <summary>32 blocks to planes.</summary>
    private static void Slice(byte* source, Vector128<uint>* state)
    {
        for (int word = 0; word < 4; word++)
        {
            Vector128<uint>* planes = state + (word * Planes);
            byte* from = source + (word * sizeof(uint));
            for (int i = 0; i < Planes; i++, from += BlockSize)
            {
                planes[i] = Vector128.Create(Read(from), Read(from + (8 * BlockSize)), Read(from + (16 * BlockSize)), Read(from + (24 * BlockSize)));
            }
            Transpose(planes);
        }
    }

    /// <summary>Planes to 32 blocks, words in reverse order (the reverse transform R).</summary>
    private static void Unslice(Vector128<uint>* state, byte* destination)
    {
        for (int word = 0; word < 4; word++)
        {
            Vector128<uint>* planes = state + ((3 - word) * Planes);
            Transpose(planes);
            byte* to = destination + (word * sizeof(uint));
            for (int i = 0; i < Planes; i++, to += BlockSize)
            {
                Write(to, planes[i].GetElement(0));
                Write(to + (8 * BlockSize), planes[i].GetElement(1));
                Write(to + (16 * BlockSize), planes[i].GetElement(2));
                Write(to + (24 * BlockSize), planes[i].GetElement(3));
            }
        }
    }

    private static uint Read(byte* word) => BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(word, sizeof(uint)));

    private static void Write(byte* word, uint value) => BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(word, sizeof(uint)), value);

    /// <summary>
    /// From words to planes, or back: it is its own inverse. Vector i holds the words of blocks i, 8 + i, 16 + i, 24 + i. First the four bytes of the four words are
    /// transposed, then the 8 x 8 bits across the vectors.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(Vector128<uint>* planes)
    {
        Vector128<uint> v0 = Bytes(planes[0]), v1 = Bytes(planes[1]), v2 = Bytes(planes[2]), v3 = Bytes(planes[3]);
        Vector128<uint> v4 = Bytes(planes[4]), v5 = Bytes(planes[5]), v6 = Bytes(planes[6]), v7 = Bytes(planes[7]);
        SwapBits(ref v0, ref v1, 0x55555555, 1);
        SwapBits(ref v2, ref v3, 0x55555555, 1);
        SwapBits(ref v4, ref v5, 0x55555555, 1);
        SwapBits(ref v6, ref v7, 0x55555555, 1);
        SwapBits(ref v0, ref v2, 0x33333333, 2);
        SwapBits(ref v1, ref v3, 0x33333333, 2);
        SwapBits(ref v4, ref v6, 0x33333333, 2);
        SwapBits(ref v5, ref v7, 0x33333333, 2);
        SwapBits(ref v0, ref v4, 0x0F0F0F0F, 4);
        SwapBits(ref v1, ref v5, 0x0F0F0F0F, 4);
        SwapBits(ref v2, ref v6, 0x0F0F0F0F, 4);
        SwapBits(ref v3, ref v7, 0x0F0F0F0F, 4);
        planes[0] = v0;
        planes[1] = v1;
        planes[2] = v2;
        planes[3] = v3;
        planes[4] = v4;
        planes[5] = v5;
        planes[6] = v6;
        planes[7] = v7;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Bytes(Vector128<uint> words) =>
        Vector128.Shuffle(words.AsByte(), Vector128.Create((byte)0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SwapBits(ref Vector128<uint> low, ref Vector128<uint> high, uint mask, int distance)
    {
        Vector128<uint> difference = ((low >>> distance) ^ high) & Vector128.Create(mask);
        high ^= difference;
        low ^= difference << distance;
    }
}
