using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// The key derivation function of SM2 encryption and key agreement: SM3 over the secret and a 32-bit counter that starts at 1
/// (GB/T 32918.3 section 5.4.3, GB/T 32918.4 section 5.4.3). Allocates nothing. Thread-safe.
/// </summary>
public static class Sm3Kdf
{
    /// <summary>Fills <paramref name="destination"/> with key material from <paramref name="secret"/>.</summary>
    /// <param name="secret">Z of the standard.</param>
    /// <param name="destination">Any length; must not overlap the secret.</param>
    public static void DeriveKey(ReadOnlySpan<byte> secret, Span<byte> destination) => DeriveKey(secret, default, default, default, destination);

    /// <summary>The same for a secret in two parts, such as the coordinates of a point.</summary>
    public static void DeriveKey(ReadOnlySpan<byte> part1, ReadOnlySpan<byte> part2, Span<byte> destination) => DeriveKey(part1, part2, default, default, destination);

    /// <summary>The same for a secret in four parts, such as the coordinates of a point and both sides' identity hashes.</summary>
    [SkipLocalsInit]
    public static void DeriveKey(ReadOnlySpan<byte> part1, ReadOnlySpan<byte> part2, ReadOnlySpan<byte> part3, ReadOnlySpan<byte> part4, Span<byte> destination)
    {
        Sm3State secret = Sm3State.Create();
        secret.Append(part1);
        secret.Append(part2);
        secret.Append(part3);
        secret.Append(part4);
        Span<byte> block = stackalloc byte[Sm3.HashSizeInBytes];
        Span<byte> number = stackalloc byte[sizeof(uint)];
        for (uint counter = 1; !destination.IsEmpty; counter++)
        {
            Sm3State state = secret;
            BinaryPrimitives.WriteUInt32BigEndian(number, counter);
            state.Append(number);
            state.Finish(block);
            int take = Math.Min(block.Length, destination.Length);
            block[..take].CopyTo(destination);
            destination = destination[take..];
        }
        CryptographicOperations.ZeroMemory(block);
        secret.Clear();
    }
}
