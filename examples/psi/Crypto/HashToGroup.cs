using System.Security.Cryptography;
using System.Text;

namespace Psi.Crypto;

/// <summary>
/// Hashes ids to group elements whose discrete logarithm nobody knows: ristretto255_XMD:SHA-512_R255MAP_RO_ (RFC 9380 appendix B).
/// </summary>
internal static class HashToGroup
{
    /// <summary>Longest id, in UTF-8 bytes.</summary>
    internal const int MaxIdBytes = 256;

    private const int BlockBytes = 128;   // SHA-512's input block, s_in_bytes
    private const int HashBytes = SHA512.HashSizeInBytes;
    private static readonly byte[] s_domain = "PSI-SUM-V1-with-ristretto255_XMD:SHA-512_R255MAP_RO_"u8.ToArray();

    /// <summary>The point of an id.</summary>
    internal static void Hash(string id, Span<byte> point)
    {
        Span<byte> message = stackalloc byte[MaxIdBytes];
        if (!Encoding.UTF8.TryGetBytes(id, message, out int length))
        {
            throw new ArgumentException($"An id has more than {MaxIdBytes} bytes.", nameof(id));
        }
        Hash(message[..length], s_domain, point);
    }

    /// <summary>The point of any message under any domain separation tag.</summary>
    internal static void Hash(ReadOnlySpan<byte> message, ReadOnlySpan<byte> domain, Span<byte> point)
    {
        Span<byte> uniform = stackalloc byte[Ristretto.UniformBytes];
        ExpandMessageXmd(message, domain, uniform);
        Ristretto.FromUniform(uniform, point);
    }

    /// <summary>expand_message_xmd with SHA-512 (RFC 9380 section 5.3.1). The tag has at most 255 bytes, the output at most 255 · 64.</summary>
    internal static void ExpandMessageXmd(ReadOnlySpan<byte> message, ReadOnlySpan<byte> domain, Span<byte> uniform)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(domain.Length, 255);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(uniform.Length, 255 * HashBytes);
        Span<byte> tail = stackalloc byte[domain.Length + 1];
        domain.CopyTo(tail);
        tail[^1] = (byte)domain.Length;

        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        Span<byte> padding = stackalloc byte[BlockBytes];
        padding.Clear();
        hash.AppendData(padding);
        hash.AppendData(message);
        hash.AppendData([(byte)(uniform.Length >> 8), (byte)uniform.Length, 0]);
        hash.AppendData(tail);
        Span<byte> first = stackalloc byte[HashBytes];
        hash.GetHashAndReset(first);

        Span<byte> block = stackalloc byte[HashBytes];
        block.Clear();
        for (int i = 1, at = 0; at < uniform.Length; i++, at += HashBytes)
        {
            // b_1 = H(b_0 ‖ 1 ‖ tag), b_i = H((b_0 xor b_(i-1)) ‖ i ‖ tag); the zero block makes the first case the second.
            for (int j = 0; j < HashBytes; j++)
            {
                block[j] ^= first[j];
            }
            hash.AppendData(block);
            hash.AppendData([(byte)i]);
            hash.AppendData(tail);
            hash.GetHashAndReset(block);
            block[..Math.Min(HashBytes, uniform.Length - at)].CopyTo(uniform[at..]);
        }
    }
}
