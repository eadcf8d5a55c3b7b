using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// HMAC-SM3 of a message whose length is a secret between two public bounds, in a time and with memory accesses that depend on the bounds alone: the number of compressions is
/// that of the longest message, and the hash is picked out by masks. What a MAC-then-encrypt record needs before its padding may be believed (Lucky 13).
/// </summary>
internal static class HmacSm3SecretLength
{
    private const int Block = Sm3.BlockSizeInBytes;

    /// <summary>Writes the MAC of <paramref name="prefix"/> and the first <paramref name="secretLength"/> bytes of <paramref name="data"/>.</summary>
    /// <param name="pads">The key.</param>
    /// <param name="prefix">Less than a block; its length is public, its content may depend on the secret.</param>
    /// <param name="data">As many bytes as the longest message may have.</param>
    /// <param name="minLength">The public lower bound.</param>
    /// <param name="secretLength">From <paramref name="minLength"/> to the length of <paramref name="data"/>.</param>
    /// <param name="destination">Its first 32 bytes are overwritten.</param>
    [SkipLocalsInit]
    public static void Compute(in HmacSm3Pads pads, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> data, int minLength, int secretLength, Span<byte> destination)
    {
        Span<byte> block = stackalloc byte[Block];
        Sm3Chaining chaining = pads.Inner;
        int certainBlocks = (prefix.Length + minLength) / Block;
        if (certainBlocks > 0)
        {
            Fill(block, prefix, data, 0);
            Sm3Compression.Compress(ref chaining, block);
            Sm3Compression.Compress(ref chaining, data[(Block - prefix.Length)..((certainBlocks * Block) - prefix.Length)]);
        }

        // From here on any block may be the last; of those after it the result takes nothing.
        int end = prefix.Length + secretLength;
        int lastBlock = (end + sizeof(ulong)) / Block;
        int blocks = ((prefix.Length + data.Length + sizeof(ulong)) / Block) + 1;
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bits, ((ulong)end + Block) * 8);
        Sm3Chaining result = default;
        for (int index = certainBlocks; index < blocks; index++)
        {
            Fill(block, prefix, data, index * Block);
            int isLast = ConstantTime.MaskIfEqual(index, lastBlock);
            Pad(block, (index * Block) - end);
            for (int i = 0; i < bits.Length; i++)
            {
                block[Block - sizeof(ulong) + i] |= (byte)(bits[i] & isLast);
            }
            Sm3Compression.Compress(ref chaining, block);
            for (int word = 0; word < Sm3Chaining.Words; word++)
            {
                result[word] |= chaining[word] & (uint)isLast;
            }
        }
        result.Write(destination);
        Sm3State outer = Sm3State.Resume(pads.Outer, Block);
        outer.Append(destination[..Sm3.HashSizeInBytes]);
        outer.Finish(destination);
        CryptographicOperations.ZeroMemory(block);
    }

    /// <summary>The bytes of prefix || data from a public position on, with zeros behind.</summary>
    private static void Fill(Span<byte> block, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> data, int position)
    {
        int fromPrefix = Math.Max(0, prefix.Length - position);
        prefix[(prefix.Length - fromPrefix)..].CopyTo(block);
        int from = Math.Min(position + fromPrefix - prefix.Length, data.Length);
        int count = Math.Min(Block - fromPrefix, data.Length - from);
        data.Slice(from, count).CopyTo(block[fromPrefix..]);
        block[(fromPrefix + count)..].Clear();
    }

    /// <summary>Replaces what is behind the message's end by 0x80 and zeros. The first byte stands <paramref name="distance"/> bytes behind the end, which may be negative.</summary>
    private static void Pad(Span<byte> block, int distance)
    {
        foreach (ref byte value in block)
        {
            value = (byte)((value & ConstantTime.MaskIfNegative(distance)) | (0x80 & ConstantTime.MaskIfEqual(distance, 0)));
            distance++;
        }
    }
}
