using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// SM4-GCM (NIST SP 800-38D, RFC 8998) over a kernel: whole messages at once, the bulk interleaved, the rest together with the tag's mask in one batch of counter
/// blocks and one pass of GHASH.
/// </summary>
internal sealed unsafe class GcmCore : IDisposable
{
    /// <summary>The most bytes under one nonce: 2^32 - 2 blocks (SP 800-38D section 5.2.1.1).</summary>
    public const ulong MaxPlaintextBytes = ((1UL << 32) - 2) * Sm4Kernel.BlockSize;

    private const int BlockSize = Sm4Kernel.BlockSize;

    /// <summary>The most blocks in the last pass of GHASH: additional data, ciphertext, lengths.</summary>
    private const int MaxLastBlocks = 80;

    private readonly KeyMemory _memory = new();

    public GcmCore(ReadOnlySpan<byte> key, Sm4Kernel kernel)
    {
        Sm4.CheckKey(key);
        Kernel = kernel;
        byte* subkey = stackalloc byte[BlockSize];
        new Span<byte>(subkey, BlockSize).Clear();
        fixed (byte* memory = &_memory.Start)
        {
            Sm4KeySchedule.Expand(key, (uint*)(memory + GhashKernel.TableSizeInBytes), both: false);
            kernel.Ecb((uint*)(memory + GhashKernel.TableSizeInBytes), subkey, subkey, 1);
            kernel.Ghash.Initialize(subkey, memory);
        }
        CryptographicOperations.ZeroMemory(new Span<byte>(subkey, BlockSize));
    }

    public Sm4Kernel Kernel { get; }

    /// <summary>The table of GHASH; the schedule stands <see cref="GhashKernel.TableSizeInBytes"/> bytes behind it.</summary>
    public ref byte Memory => ref _memory.Start;

    public void Dispose() => _memory.Dispose();

    /// <summary>The counter block J0 as four words.</summary>
    public void StartCounter(byte* memory, ReadOnlySpan<byte> nonce, uint* counter)
    {
        if (nonce.Length == 12)
        {
            counter[0] = BinaryPrimitives.ReadUInt32BigEndian(nonce);
            counter[1] = BinaryPrimitives.ReadUInt32BigEndian(nonce[4..]);
            counter[2] = BinaryPrimitives.ReadUInt32BigEndian(nonce[8..]);
            counter[3] = 1;
            return;
        }
        byte* block = stackalloc byte[2 * BlockSize];
        Span<byte> lengths = new(block + BlockSize, BlockSize);
        new Span<byte>(block, BlockSize).Clear();
        fixed (byte* bytes = nonce)
            HashPadded(memory, block, bytes, nonce.Length);
        lengths.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(lengths[8..], (ulong)nonce.Length * 8);
        Kernel.Ghash.Update(memory, block, block + BlockSize, 1);
        for (int word = 0; word < 4; word++)
        {
            counter[word] = BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(block + (word * 4), 4));
        }
    }

    /// <summary>GHASH over data padded with zeros to whole blocks.</summary>
    public void HashPadded(byte* memory, byte* hash, byte* data, int length)
    {
        int whole = length & ~(BlockSize - 1);
        Kernel.Ghash.Update(memory, hash, data, (nuint)whole / BlockSize);
        if (whole == length)
            return;
        Span<byte> last = stackalloc byte[BlockSize];
        last.Clear();
        new ReadOnlySpan<byte>(data + whole, length - whole).CopyTo(last);
        fixed (byte* block = last)
            Kernel.Ghash.Update(memory, hash, block, 1);
    }

    /// <summary>Encrypts or decrypts one message and computes its whole tag of 16 bytes.</summary>
    [SkipLocalsInit]
    public void Process(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> source, Span<byte> destination, ReadOnlySpan<byte> associatedData, byte* tag, bool encrypt)
    {
        uint* counter = stackalloc uint[4];
        byte* hash = stackalloc byte[BlockSize];
        byte* stream = stackalloc byte[Sm4Kernel.KeyStreamBufferSize];
        byte* last = stackalloc byte[MaxLastBlocks * BlockSize];
        fixed (byte* memory = &_memory.Start, from = source, to = destination, associated = associatedData)
        {
            uint* schedule = (uint*)(memory + GhashKernel.TableSizeInBytes);
            Vector128<byte>.Zero.Store(hash);
            StartCounter(memory, nonce, counter);
            uint first = counter[3]++;

            int bulk = source.Length - (source.Length % Kernel.GcmBulkUnit);
            int rest = source.Length - bulk;
            int associatedBlocks = (associatedData.Length + BlockSize - 1) / BlockSize;
            int restBlocks = (rest + BlockSize - 1) / BlockSize;
            byte* next = last;
            if (bulk == 0 && associatedBlocks + restBlocks < MaxLastBlocks)
            {
                CopyPadded(associated, associatedData.Length, next);
                next += associatedBlocks * BlockSize;
            }
            else
            {
                HashPadded(memory, hash, associated, associatedData.Length);
                Kernel.GcmBulk(schedule, memory, hash, counter, from, to, (nuint)bulk, encrypt);
            }

            Kernel.KeyStream(schedule, counter, first, stream, restBlocks + 1);
            if (!encrypt)
                CopyPadded(from + bulk, rest, next);
            XorStream(from + bulk, to + bulk, stream + BlockSize, rest);
            if (encrypt)
                CopyPadded(to + bulk, rest, next);
            next += restBlocks * BlockSize;
            BinaryPrimitives.WriteUInt64BigEndian(new Span<byte>(next, 8), (ulong)associatedData.Length * 8);
            BinaryPrimitives.WriteUInt64BigEndian(new Span<byte>(next + 8, 8), (ulong)source.Length * 8);
            next += BlockSize;
            Kernel.Ghash.Update(memory, hash, last, (nuint)(next - last) / BlockSize);
            (Vector128.Load(hash) ^ Vector128.Load(stream)).Store(tag);
            CryptographicOperations.ZeroMemory(new Span<byte>(stream, (restBlocks + 1) * BlockSize));
        }
    }

    /// <summary>Copies data and fills its last block with zeros.</summary>
    private static void CopyPadded(byte* data, int length, byte* target)
    {
        if (length == 0)
            return;
        int lastBlock = (length - 1) & ~(BlockSize - 1);
        Vector128<byte>.Zero.Store(target + lastBlock);
        new ReadOnlySpan<byte>(data, length).CopyTo(new Span<byte>(target, length));
    }

    /// <summary>destination = source ^ stream.</summary>
    private static void XorStream(byte* source, byte* destination, byte* stream, int length)
    {
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= length - 32; i += 32)
            {
                (Vector256.Load(source + i) ^ Vector256.Load(stream + i)).Store(destination + i);
            }
        }
        for (; i <= length - BlockSize; i += BlockSize)
        {
            (Vector128.Load(source + i) ^ Vector128.Load(stream + i)).Store(destination + i);
        }
        for (; i < length; i++)
        {
            destination[i] = (byte)(source[i] ^ stream[i]);
        }
    }
}
