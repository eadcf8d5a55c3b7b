using System.Buffers.Binary;
using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>What a server seals into a ticket. Dispose zeroes the pre-shared key.</summary>
internal sealed class Tls13Session : IDisposable
{
    /// <summary>Encoded length in bytes.</summary>
    public const int Length = 1 + 8 + 8 + (3 * HashLength);

    private const int HashLength = Sm3.HashSizeInBytes;
    private const byte Version = 1;

    /// <summary>When the ticket was made, in whole milliseconds.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary>When the certificates were shown: at the full handshake that this session goes back to.</summary>
    public required DateTimeOffset AuthenticatedAt { get; init; }

    /// <summary>The pre-shared key, 32 bytes.</summary>
    public required byte[] Psk { get; init; }

    /// <summary>Hash of what must be the same at a resumption; see <see cref="Tls13ServerEngine"/>.</summary>
    public required byte[] Binding { get; init; }

    /// <summary>Hash of the client's certificates; zeros when it showed none.</summary>
    public required byte[] ClientChain { get; init; }

    /// <summary>True when the client had shown certificates.</summary>
    public bool HasClientChain => ClientChain.AsSpan().ContainsAnyExcept((byte)0);

    public static Tls13Session Read(ReadOnlySpan<byte> source)
    {
        // Only what this program sealed is read, so nothing else can be here.
        if (source.Length != Length || source[0] != Version)
        {
            throw new InvalidOperationException("A ticket of another version was sealed under this key.");
        }
        ReadOnlySpan<byte> hashes = source[17..];
        return new Tls13Session
        {
            IssuedAt = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(source[1..])),
            AuthenticatedAt = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(source[9..])),
            Psk = hashes[..Tls13KeyDerivation.SecretLength].ToArray(),
            Binding = hashes.Slice(HashLength, HashLength).ToArray(),
            ClientChain = hashes[(2 * HashLength)..].ToArray(),
        };
    }

    public void Write(Span<byte> destination)
    {
        destination[0] = Version;
        BinaryPrimitives.WriteInt64BigEndian(destination[1..], IssuedAt.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteInt64BigEndian(destination[9..], AuthenticatedAt.ToUnixTimeMilliseconds());
        Psk.CopyTo(destination[17..]);
        Binding.CopyTo(destination[(17 + HashLength)..]);
        ClientChain.CopyTo(destination[(17 + (2 * HashLength))..]);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(Psk);
}
