using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>HKDF with HMAC-SM3 (RFC 5869), as TLS 1.3 with SM suites uses it (RFC 8998). Allocates nothing. Thread-safe.</summary>
public static class HkdfSm3
{
    /// <summary>Longest output of <see cref="Expand"/> in bytes: 255 blocks (RFC 5869 section 2.3).</summary>
    public const int MaxOutputLength = 255 * Sm3.HashSizeInBytes;

    /// <summary>HKDF-Extract: writes the pseudorandom key (RFC 5869 section 2.2).</summary>
    /// <param name="inputKeyMaterial">The secret, any length.</param>
    /// <param name="salt">Any length; empty stands for 32 zeros.</param>
    /// <param name="pseudorandomKey">Its first 32 bytes are overwritten; may overlap the inputs.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pseudorandomKey"/> is shorter than 32 bytes.</exception>
    public static void Extract(ReadOnlySpan<byte> inputKeyMaterial, ReadOnlySpan<byte> salt, Span<byte> pseudorandomKey)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pseudorandomKey.Length, Sm3.HashSizeInBytes, nameof(pseudorandomKey));
        HmacSm3.HashData(salt, inputKeyMaterial, pseudorandomKey);
    }

    /// <summary>HKDF-Expand: fills <paramref name="output"/> with key material (RFC 5869 section 2.3).</summary>
    /// <param name="pseudorandomKey">At least 32 bytes.</param>
    /// <param name="info">Context, any length.</param>
    /// <param name="output">At most <see cref="MaxOutputLength"/> bytes; must not overlap the inputs.</param>
    /// <exception cref="ArgumentOutOfRangeException">A length is out of range.</exception>
    /// <exception cref="ArgumentException"><paramref name="output"/> overlaps an input.</exception>
    [SkipLocalsInit]
    public static void Expand(ReadOnlySpan<byte> pseudorandomKey, ReadOnlySpan<byte> info, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pseudorandomKey.Length, Sm3.HashSizeInBytes, nameof(pseudorandomKey));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(output.Length, MaxOutputLength, nameof(output));
        if (output.Overlaps(info) || output.Overlaps(pseudorandomKey))
        {
            throw new ArgumentException("The output must not overlap the pseudorandom key or the info; derive into a buffer of its own.", nameof(output));
        }
        HmacSm3Pads pads = HmacSm3Pads.Create(pseudorandomKey);
        ExpandPrepared(pads, info, output);
        pads.Clear();
    }

    /// <summary>HKDF-Expand under a key that was prepared before, when several things are derived from it.</summary>
    [SkipLocalsInit]
    internal static void ExpandPrepared(in HmacSm3Pads pads, ReadOnlySpan<byte> info, Span<byte> output)
    {
        Span<byte> block = stackalloc byte[Sm3.HashSizeInBytes];
        for (byte counter = 1; !output.IsEmpty; counter++)
        {
            pads.Compute(counter == 1 ? default : block, info, new ReadOnlySpan<byte>(in counter), default, block);
            int take = Math.Min(block.Length, output.Length);
            block[..take].CopyTo(output);
            output = output[take..];
        }
        CryptographicOperations.ZeroMemory(block);
    }

    /// <summary>HKDF-Extract followed by HKDF-Expand.</summary>
    /// <param name="inputKeyMaterial">The secret, any length.</param>
    /// <param name="salt">Any length; empty stands for 32 zeros.</param>
    /// <param name="info">Context, any length.</param>
    /// <param name="output">At most <see cref="MaxOutputLength"/> bytes; must not overlap <paramref name="info"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="output"/> is too long.</exception>
    /// <exception cref="ArgumentException"><paramref name="output"/> overlaps <paramref name="info"/>.</exception>
    [SkipLocalsInit]
    public static void DeriveKey(ReadOnlySpan<byte> inputKeyMaterial, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, Span<byte> output)
    {
        Span<byte> pseudorandomKey = stackalloc byte[Sm3.HashSizeInBytes];
        Extract(inputKeyMaterial, salt, pseudorandomKey);
        Expand(pseudorandomKey, info, output);
        CryptographicOperations.ZeroMemory(pseudorandomKey);
    }
}
