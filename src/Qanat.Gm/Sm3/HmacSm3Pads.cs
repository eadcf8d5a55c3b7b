using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>An HMAC key in the form it is used in: what the key's inner and outer pad leave in the compression function (RFC 2104 section 4).</summary>
internal struct HmacSm3Pads
{
    public Sm3Chaining Inner;
    public Sm3Chaining Outer;

    /// <summary>Prepares a key of any length; one longer than a block is hashed first (RFC 2104 section 2).</summary>
    [SkipLocalsInit]
    public static HmacSm3Pads Create(ReadOnlySpan<byte> key)
    {
        Span<byte> block = stackalloc byte[Sm3.BlockSizeInBytes];
        block.Clear();
        if (key.Length > Sm3.BlockSizeInBytes)
        {
            Sm3.HashData(key, block);
        }
        else
        {
            key.CopyTo(block);
        }
        HmacSm3Pads pads = new() { Inner = Sm3Chaining.InitialValue, Outer = Sm3Chaining.InitialValue };
        Flip(block, 0x36);
        Sm3Compression.Compress(ref pads.Inner, block);
        Flip(block, 0x36 ^ 0x5c);
        Sm3Compression.Compress(ref pads.Outer, block);
        CryptographicOperations.ZeroMemory(block);
        return pads;
    }

    /// <summary>A computation to which the message is appended.</summary>
    public readonly Sm3State Begin() => Sm3State.Resume(Inner, Sm3.BlockSizeInBytes);

    /// <summary>Ends a computation and writes the MAC.</summary>
    public readonly void Finish(ref Sm3State message, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Sm3.HashSizeInBytes, nameof(destination));
        message.Finish(destination);
        Sm3State outer = Sm3State.Resume(Outer, Sm3.BlockSizeInBytes);
        outer.Append(destination[..Sm3.HashSizeInBytes]);
        outer.Finish(destination);
    }

    /// <summary>MAC of a message in up to four parts.</summary>
    public readonly void Compute(ReadOnlySpan<byte> part1, ReadOnlySpan<byte> part2, ReadOnlySpan<byte> part3, ReadOnlySpan<byte> part4, Span<byte> destination)
    {
        Sm3State message = Begin();
        message.Append(part1);
        message.Append(part2);
        message.Append(part3);
        message.Append(part4);
        Finish(ref message, destination);
    }

    /// <summary>Zeroes the key.</summary>
    public void Clear() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(new Span<HmacSm3Pads>(ref this)));

    private static void Flip(Span<byte> block, byte pad)
    {
        foreach (ref byte value in block)
        {
            value ^= pad;
        }
    }
}
