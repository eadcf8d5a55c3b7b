using System.Security.Cryptography;

namespace Qanat.Gm;

public sealed unsafe partial class Sm4
{
    /// <summary>The length of <see cref="EncryptCbc(ReadOnlySpan{byte}, ReadOnlySpan{byte}, Span{byte}, PaddingMode)"/>'s result.</summary>
    /// <param name="plaintextLength">Bytes of plaintext.</param>
    /// <param name="padding">The padding.</param>
    /// <exception cref="CryptographicException">Without padding, the length is not a multiple of 16.</exception>
    public static int GetCiphertextLengthCbc(int plaintextLength, PaddingMode padding)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(plaintextLength);
        int rest = plaintextLength % BlockSizeInBytes;
        return padding switch
        {
            PaddingMode.None when rest != 0 => throw new CryptographicException($"Without padding the plaintext must be a multiple of 16 bytes, not {plaintextLength}."),
            PaddingMode.None => plaintextLength,
            PaddingMode.Zeros => checked(plaintextLength + ((BlockSizeInBytes - rest) % BlockSizeInBytes)),
            PaddingMode.PKCS7 or PaddingMode.ANSIX923 or PaddingMode.ISO10126 => checked(plaintextLength + BlockSizeInBytes - rest),
            _ => throw new ArgumentOutOfRangeException(nameof(padding), padding, "Unknown padding."),
        };
    }

    /// <summary>CBC encryption of a message of any length with padding.</summary>
    /// <param name="source">Any length (with <see cref="PaddingMode.None"/> a multiple of 16).</param>
    /// <param name="initializationVector">16 bytes; unpredictable for each message.</param>
    /// <param name="destination">At least <see cref="GetCiphertextLengthCbc"/> bytes; starting at the source, or disjoint.</param>
    /// <param name="padding">The padding.</param>
    /// <returns>The bytes written.</returns>
    /// <exception cref="CryptographicException">The vector does not have 16 bytes; or no padding and a source that is no multiple of 16.</exception>
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    public int EncryptCbc(ReadOnlySpan<byte> source, ReadOnlySpan<byte> initializationVector, Span<byte> destination, PaddingMode padding)
    {
        int length = GetCiphertextLengthCbc(source.Length, padding);
        if (destination.Length < length)
            throw new ArgumentException($"The destination has {destination.Length} bytes; {length} are needed.", nameof(destination));
        if (source.Overlaps(destination[..length], out int offset) && offset != 0)
            throw new ArgumentException("The destination overlaps the source partly; give the same memory to work in place, or separate memory.", nameof(destination));
        int whole = source.Length & ~(BlockSizeInBytes - 1);
        Span<byte> last = stackalloc byte[BlockSizeInBytes];
        Span<byte> chain = stackalloc byte[BlockSizeInBytes];
        source[whole..].CopyTo(last);
        if (length > whole)
            Pad(last, source.Length - whole, padding);
        EncryptCbc(source[..whole], initializationVector, destination);
        if (length > whole)
        {
            (whole == 0 ? initializationVector : destination[(whole - BlockSizeInBytes)..whole]).CopyTo(chain);
            EncryptCbc(last, chain, destination[whole..length]);
        }
        CryptographicOperations.ZeroMemory(last);
        return length;
    }

    /// <summary>
    /// CBC decryption with removal of the padding. Whether padding is wrong is an oracle for whoever may send ciphertexts: authenticate them first. Wrong padding is
    /// found in constant time, but the answer itself is visible.
    /// </summary>
    /// <param name="source">A multiple of 16 bytes.</param>
    /// <param name="initializationVector">The 16 bytes used to encrypt.</param>
    /// <param name="destination">At least as long as the source; the same memory, or disjoint.</param>
    /// <param name="padding">The padding; <see cref="PaddingMode.Zeros"/> is left in place, since it cannot be told from data.</param>
    /// <returns>The bytes of plaintext; those behind it are zeroed.</returns>
    /// <exception cref="CryptographicException">Wrong lengths, or wrong padding; then the destination is zeroed.</exception>
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    public int DecryptCbc(ReadOnlySpan<byte> source, ReadOnlySpan<byte> initializationVector, Span<byte> destination, PaddingMode padding)
    {
        if (padding is not (PaddingMode.None or PaddingMode.Zeros or PaddingMode.PKCS7 or PaddingMode.ANSIX923 or PaddingMode.ISO10126))
            throw new ArgumentOutOfRangeException(nameof(padding), padding, "Unknown padding.");
        int length = source.Length;
        DecryptCbc(source, initializationVector, destination);
        if (padding is PaddingMode.None or PaddingMode.Zeros)
            return length;
        int padded = length == 0 ? 0 : PaddingLength(destination[(length - BlockSizeInBytes)..length], padding);
        if (padded == 0)
        {
            CryptographicOperations.ZeroMemory(destination[..length]);
            throw new CryptographicException("The padding is wrong: another key, initialization vector or padding mode, or damaged data.");
        }
        CryptographicOperations.ZeroMemory(destination[(length - padded)..length]);
        return length - padded;
    }

    private static void Pad(Span<byte> block, int used, PaddingMode padding)
    {
        byte count = (byte)(BlockSizeInBytes - used);
        Span<byte> rest = block[used..];
        switch (padding)
        {
            case PaddingMode.PKCS7:
                rest.Fill(count);
                break;
            case PaddingMode.ANSIX923:
                rest.Clear();
                rest[^1] = count;
                break;
            case PaddingMode.ISO10126:
                RandomNumberGenerator.Fill(rest);
                rest[^1] = count;
                break;
            default:
                rest.Clear();
                break;
        }
    }

    /// <summary>The length of the padding, or 0 when it is wrong, without branches on the bytes.</summary>
    private static int PaddingLength(ReadOnlySpan<byte> block, PaddingMode padding)
    {
        int count = block[BlockSizeInBytes - 1];
        int wrong = ((count - 1) >> 31) | ((BlockSizeInBytes - count) >> 31);
        int expected = padding switch { PaddingMode.PKCS7 => count, _ => 0 };
        int checkedMask = padding == PaddingMode.ISO10126 ? 0 : -1;
        for (int i = 0; i < BlockSizeInBytes - 1; i++)
        {
            int isPadding = (BlockSizeInBytes - 1 - count - i) >> 31;
            wrong |= isPadding & checkedMask & (block[i] ^ expected);
        }
        int isWrong = -wrong >> 31 | wrong >> 31;
        return count & ~isWrong;
    }
}
