using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// The pseudorandom function of TLCP: P_SM3, the expansion of RFC 5246 section 5 with HMAC-SM3 (GB/T 38636-2020 section 5.3). Allocates nothing. Thread-safe.
/// </summary>
public static class TlcpPrf
{
    /// <summary>Fills <paramref name="destination"/> with PRF(secret, label, seed1 || seed2).</summary>
    /// <param name="secret">The pre-master or master secret.</param>
    /// <param name="label">ASCII without a terminator, such as <c>"master secret"u8</c>.</param>
    /// <param name="seed1">First part of the seed.</param>
    /// <param name="seed2">Second part of the seed; may be empty.</param>
    /// <param name="destination">Any length; must not overlap the inputs.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> overlaps an input.</exception>
    [SkipLocalsInit]
    public static void Derive(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> seed1, ReadOnlySpan<byte> seed2, Span<byte> destination)
    {
        if (destination.Overlaps(secret) || destination.Overlaps(label) || destination.Overlaps(seed1) || destination.Overlaps(seed2))
        {
            throw new ArgumentException("The destination must not overlap the secret, the label or the seeds; derive into a buffer of its own.", nameof(destination));
        }
        HmacSm3Pads pads = HmacSm3Pads.Create(secret);
        Span<byte> chain = stackalloc byte[Sm3.HashSizeInBytes];
        Span<byte> block = stackalloc byte[Sm3.HashSizeInBytes];
        pads.Compute(label, seed1, seed2, default, chain);
        while (!destination.IsEmpty)
        {
            pads.Compute(chain, label, seed1, seed2, block);
            int take = Math.Min(block.Length, destination.Length);
            block[..take].CopyTo(destination);
            destination = destination[take..];
            if (!destination.IsEmpty)
            {
                pads.Compute(chain, default, default, default, chain);
            }
        }
        CryptographicOperations.ZeroMemory(chain);
        CryptographicOperations.ZeroMemory(block);
        pads.Clear();
    }
}
