using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// One code path of SM4: the modes that gain from several blocks at once. Stateless; callers check lengths and hold the memory.
/// Schedules are 32 words in the order of use; source and destination are equal or disjoint.
/// </summary>
internal abstract unsafe class Sm4Kernel
{
    public const int BlockSize = 16;

    /// <summary>Independent blocks that <see cref="EncryptLanes"/> takes.</summary>
    public const int Lanes = 16;

    /// <summary>The most blocks that one call of <see cref="KeyStream"/> may ask for.</summary>
    public const int MaxKeyStreamBlocks = 65;

    /// <summary>Bytes to provide to <see cref="KeyStream"/>: whole batches are written.</summary>
    public const int KeyStreamBufferSize = 96 * BlockSize;

    public abstract Sm4Implementation Implementation { get; }

    /// <summary>The GHASH that goes with this path.</summary>
    public abstract GhashKernel Ghash { get; }

    /// <summary>Encrypts (or decrypts, by the order of the schedule) independent blocks.</summary>
    public abstract void Ecb(uint* schedule, byte* source, byte* destination, nuint blocks);

    /// <summary>
    /// destination = source ^ key stream of whole blocks. The counter block is four words; the last counts modulo 2^32 and is advanced.
    /// </summary>
    public abstract void Ctr(uint* schedule, uint* counter, byte* source, byte* destination, nuint blocks);

    /// <summary>
    /// Key stream for a short piece: block 0 is E(counter block with last word <paramref name="first"/>), blocks 1, 2, ... those of the counter as it stands.
    /// The counter is not advanced. Writes up to <see cref="KeyStreamBufferSize"/> bytes.
    /// </summary>
    public abstract void KeyStream(uint* schedule, uint* counter, uint first, byte* destination, int blocks);

    /// <summary>
    /// CBC encryption of one record, block after block. The chain is 16 bytes: the initialization vector, then the last ciphertext block. With a null destination only
    /// the chain, a CBC-MAC, is computed.
    /// </summary>
    public abstract void CbcEncrypt(uint* schedule, byte* chain, byte* source, byte* destination, nuint blocks);

    /// <summary>Encrypts 16 blocks in place, each with its own key.</summary>
    /// <param name="schedules">32 rounds of 16 words, ordered by <see cref="LaneOf"/>.</param>
    /// <param name="blocks">256 bytes.</param>
    public abstract void EncryptLanes(uint* schedules, byte* blocks);

    /// <summary>Where the word of a block stands in a round of the schedules of <see cref="EncryptLanes"/>.</summary>
    public abstract int LaneOf(int block);

    /// <summary>Bytes of which <see cref="GcmBulk"/> takes a multiple.</summary>
    public virtual int GcmBulkUnit => 1024;

    /// <summary>CTR and GHASH over whole units, with the table made by <see cref="Ghash"/> and its state of 16 bytes.</summary>
    public virtual void GcmBulk(uint* schedule, byte* table, byte* hash, uint* counter, byte* source, byte* destination, nuint length, bool encrypt)
    {
        for (nuint done = 0; done < length; done += (nuint)GcmBulkUnit)
        {
            if (!encrypt)
                Ghash.Update(table, hash, source + done, (nuint)GcmBulkUnit / BlockSize);
            Ctr(schedule, counter, source + done, destination + done, (nuint)GcmBulkUnit / BlockSize);
            if (encrypt)
                Ghash.Update(table, hash, destination + done, (nuint)GcmBulkUnit / BlockSize);
        }
    }

    /// <summary>CBC decryption: blocks are independent here, so it goes through <see cref="Ecb"/> piece by piece.</summary>
    [SkipLocalsInit]
    public void CbcDecrypt(uint* schedule, byte* chain, byte* source, byte* destination, nuint blocks)
    {
        const int pieceBlocks = 64;
        byte* plain = stackalloc byte[pieceBlocks * BlockSize];
        byte* last = stackalloc byte[BlockSize];
        Span<byte> all = new(plain, pieceBlocks * BlockSize);
        while (blocks > 0)
        {
            int piece = (int)nuint.Min(blocks, pieceBlocks);
            Ecb(schedule, source, plain, (nuint)piece);
            new ReadOnlySpan<byte>(source + ((piece - 1) * BlockSize), BlockSize).CopyTo(new Span<byte>(last, BlockSize));
            Xor(plain, chain, BlockSize);
            Xor(plain + BlockSize, source, (piece - 1) * BlockSize);
            all[..(piece * BlockSize)].CopyTo(new Span<byte>(destination, piece * BlockSize));
            *(UInt128*)chain = *(UInt128*)last;
            source += piece * BlockSize;
            destination += piece * BlockSize;
            blocks -= (nuint)piece;
        }
        CryptographicOperations.ZeroMemory(all);
    }

    /// <summary>target ^= other, for a length that is a multiple of 16.</summary>
    private static void Xor(byte* target, byte* other, int length)
    {
        for (int i = 0; i < length; i += BlockSize)
        {
            (Vector128.Load(target + i) ^ Vector128.Load(other + i)).Store(target + i);
        }
    }
}
