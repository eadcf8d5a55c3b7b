using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Qanat.Wire.WebSockets;

/// <summary>
/// The masking XOR of RFC 6455 section 5.3: octet i is combined with key octet i mod 4. A key is held as a little-endian number, so octet i of the
/// key is <c>(byte)(key >> 8 * (i mod 4))</c>. Masking and unmasking are the same operation.
/// </summary>
public static class WebSocketMask
{
    /// <summary>XORs <paramref name="data"/> in place.</summary>
    /// <param name="data">Bytes of the payload.</param>
    /// <param name="key">The mask key.</param>
    /// <param name="phase">Position of the first byte in the payload, any non-negative number.</param>
    public static void Apply(Span<byte> data, uint key, int phase = 0) => Combine(data, data, key, phase);

    /// <summary>Writes <paramref name="source"/> XOR key to <paramref name="destination"/>, which may be the same memory but must not overlap otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The destination is shorter than the source.</exception>
    public static void Copy(ReadOnlySpan<byte> source, Span<byte> destination, uint key, int phase = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length);
        Combine(source, destination[..source.Length], key, phase);
    }

    /// <summary>The reference: one byte at a time. The vector paths are tested against it.</summary>
    public static void ApplyScalar(Span<byte> data, uint key, int phase = 0)
    {
        for (int i = 0; i < data.Length; i++)
        {
            data[i] ^= (byte)(key >> (8 * ((i + phase) & 3)));
        }
    }

    private static void Combine(ReadOnlySpan<byte> source, Span<byte> destination, uint key, int phase)
    {
        // Turning the key by the phase makes every block start at key octet 0; blocks are multiples of 4 bytes.
        key = BitOperations.RotateRight(key, 8 * (phase & 3));
        uint lanes = BitConverter.IsLittleEndian ? key : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(key);
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(destination);
        int length = source.Length;
        int i = 0;
        if (Vector512.IsHardwareAccelerated && length >= Vector512<byte>.Count)
        {
            Vector512<byte> mask = Vector512.Create(lanes).AsByte();
            for (; i <= length - Vector512<byte>.Count; i += Vector512<byte>.Count)
            {
                (Vector512.LoadUnsafe(ref from, (nuint)i) ^ mask).StoreUnsafe(ref to, (nuint)i);
            }
        }
        if (Vector256.IsHardwareAccelerated && length - i >= Vector256<byte>.Count)
        {
            Vector256<byte> mask = Vector256.Create(lanes).AsByte();
            for (; i <= length - Vector256<byte>.Count; i += Vector256<byte>.Count)
            {
                (Vector256.LoadUnsafe(ref from, (nuint)i) ^ mask).StoreUnsafe(ref to, (nuint)i);
            }
        }
        if (Vector128.IsHardwareAccelerated && length - i >= Vector128<byte>.Count)
        {
            Vector128<byte> mask = Vector128.Create(lanes).AsByte();
            for (; i <= length - Vector128<byte>.Count; i += Vector128<byte>.Count)
            {
                (Vector128.LoadUnsafe(ref from, (nuint)i) ^ mask).StoreUnsafe(ref to, (nuint)i);
            }
        }
        for (; i <= length - sizeof(uint); i += sizeof(uint))
        {
            uint word = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref from, i)) ^ lanes;
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, i), word);
        }
        for (; i < length; i++)
        {
            destination[i] = (byte)(source[i] ^ (byte)(key >> (8 * (i & 3))));
        }
    }
}
