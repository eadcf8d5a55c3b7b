using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// A running SM3 computation as a value, for paths that must not allocate. It is mutable: pass it by <c>ref</c>; a plain copy is an independent
/// computation from there on (a transcript hash that goes on after it was read). Start with <see cref="Create"/>: the default value is not a valid start.
/// Not thread-safe. Prefer <see cref="Sm3Hash"/> where an object will do.
/// </summary>
public struct Sm3State
{
    private Sm3Chaining _chaining;
    private Sm3Block _block;
    private ulong _length;

    /// <summary>Starts a computation.</summary>
    public static Sm3State Create() => Resume(Sm3Chaining.InitialValue, 0);

    /// <summary>Goes on after whole blocks that have been compressed before.</summary>
    /// <param name="chaining">What they left.</param>
    /// <param name="length">Their length in bytes, a multiple of the block size.</param>
    internal static Sm3State Resume(in Sm3Chaining chaining, ulong length)
    {
        Unsafe.SkipInit(out Sm3State state);
        state._chaining = chaining;
        state._length = length;
        return state;
    }

    /// <summary>Appends to the message.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        int filled = (int)(_length % Sm3.BlockSizeInBytes);
        _length += (ulong)data.Length;
        Span<byte> block = _block;
        if (filled > 0)
        {
            int take = Math.Min(Sm3.BlockSizeInBytes - filled, data.Length);
            data[..take].CopyTo(block[filled..]);
            data = data[take..];
            if (filled + take < Sm3.BlockSizeInBytes)
            {
                return;
            }
            Sm3Compression.Compress(ref _chaining, block);
        }
        int whole = data.Length & -Sm3.BlockSizeInBytes;
        Sm3Compression.Compress(ref _chaining, data[..whole]);
        data[whole..].CopyTo(block);
    }

    /// <summary>Writes the hash of all that was appended and zeroes the state; it must be created anew before another use.</summary>
    /// <param name="destination">Its first <see cref="Sm3.HashSizeInBytes"/> bytes are overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="Sm3.HashSizeInBytes"/>.</exception>
    public void Finish(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Sm3.HashSizeInBytes, nameof(destination));
        int filled = (int)(_length % Sm3.BlockSizeInBytes);
        Span<byte> block = _block;
        block[filled++] = 0x80;
        if (filled > Sm3.BlockSizeInBytes - sizeof(ulong))
        {
            block[filled..].Clear();
            Sm3Compression.Compress(ref _chaining, block);
            filled = 0;
        }
        block[filled..^sizeof(ulong)].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(block[^sizeof(ulong)..], _length * 8);
        Sm3Compression.Compress(ref _chaining, block);
        _chaining.Write(destination);
        Clear();
    }

    /// <summary>Zeroes the state.</summary>
    public void Clear() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(new Span<Sm3State>(ref this)));

    [InlineArray(Sm3.BlockSizeInBytes)]
    private struct Sm3Block
    {
        private byte _byte0;
    }
}
