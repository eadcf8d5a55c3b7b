using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Messages;

namespace Qanat.Tls.Schedule;

/// <summary>The keys of TLCP (GB/T 38636 section 6.5). Stateless; the caller owns and zeroes every buffer. Thread-safe.</summary>
public static class TlcpKeySchedule
{
    /// <summary>Length of the pre-master secret and of the master secret in bytes.</summary>
    public const int SecretLength = 48;

    /// <summary>Derives the master secret: PRF(pre_master_secret, "master secret", client_random || server_random).</summary>
    /// <param name="preMasterSecret">48 bytes.</param>
    /// <param name="clientRandom">32 bytes.</param>
    /// <param name="serverRandom">32 bytes.</param>
    /// <param name="masterSecret">48 bytes, written.</param>
    public static void DeriveMasterSecret(ReadOnlySpan<byte> preMasterSecret, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom, Span<byte> masterSecret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(masterSecret.Length, SecretLength, nameof(masterSecret));
        TlcpPrf.Derive(preMasterSecret, "master secret"u8, clientRandom, serverRandom, masterSecret);
    }

    /// <summary>Derives the key block: PRF(master_secret, "key expansion", server_random || client_random). Dispose it to zero the keys.</summary>
    public static TlcpKeyBlock DeriveKeyBlock(SmCipherSuite suite, ReadOnlySpan<byte> masterSecret, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom)
    {
        TlcpKeyBlock block = new(suite.Mode());
        TlcpPrf.Derive(masterSecret, "key expansion"u8, serverRandom, clientRandom, block.Bytes);
        return block;
    }

    /// <summary>Computes verify_data of a Finished: PRF(master_secret, label, SM3(messages)).</summary>
    /// <param name="isServer">Whose Finished.</param>
    /// <param name="masterSecret">48 bytes.</param>
    /// <param name="transcriptHash">SM3 of all messages before this Finished.</param>
    /// <param name="verifyData">12 bytes, written.</param>
    public static void ComputeFinished(bool isServer, ReadOnlySpan<byte> masterSecret, ReadOnlySpan<byte> transcriptHash, Span<byte> verifyData)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(verifyData.Length, TlcpMessages.VerifyDataLength, nameof(verifyData));
        TlcpPrf.Derive(masterSecret, isServer ? "server finished"u8 : "client finished"u8, transcriptHash, default, verifyData);
    }

    /// <summary>Checks verify_data of a peer's Finished in constant time.</summary>
    public static bool VerifyFinished(bool isServer, ReadOnlySpan<byte> masterSecret, ReadOnlySpan<byte> transcriptHash, ReadOnlySpan<byte> verifyData)
    {
        Span<byte> expected = stackalloc byte[TlcpMessages.VerifyDataLength];
        ComputeFinished(isServer, masterSecret, transcriptHash, expected);
        bool isRight = CryptographicOperations.FixedTimeEquals(expected, verifyData);
        CryptographicOperations.ZeroMemory(expected);
        return isRight;
    }

    /// <summary>Exports keying material (RFC 5705): PRF(master_secret, label, client_random || server_random [|| length || context]).</summary>
    /// <param name="masterSecret">48 bytes.</param>
    /// <param name="clientRandom">32 bytes.</param>
    /// <param name="serverRandom">32 bytes.</param>
    /// <param name="label">The purpose, in ASCII.</param>
    /// <param name="context">Mixed in when <paramref name="hasContext"/>; up to 65,535 bytes.</param>
    /// <param name="hasContext">An empty context and none differ.</param>
    /// <param name="destination">Any length, written.</param>
    public static void Export(ReadOnlySpan<byte> masterSecret, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> serverRandom,
        ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, bool hasContext, Span<byte> destination)
    {
        using TlsWriter seed = new(128);
        seed.WriteBytes(clientRandom);
        seed.WriteBytes(serverRandom);
        if (hasContext)
        {
            seed.WriteVector16(context);
        }
        TlcpPrf.Derive(masterSecret, label, seed.Written, default, destination);
    }
}

/// <summary>The keys of both directions of a TLCP connection. Dispose zeroes them.</summary>
public sealed class TlcpKeyBlock : IDisposable
{
    private const int KeyLength = 16;
    private const int FixedIvLength = 4;
    private readonly byte[] _bytes;
    private readonly int _macLength;
    private readonly int _ivLength;

    internal TlcpKeyBlock(SmCipherMode mode)
    {
        // CBC: two MAC keys, two keys, and IVs that the explicit IV of each record makes unused. GCM: two keys, two fixed halves of the nonce.
        (_macLength, _ivLength) = mode == SmCipherMode.Cbc ? (Sm3.HashSizeInBytes, 0) : (0, FixedIvLength);
        _bytes = GC.AllocateArray<byte>(2 * (_macLength + KeyLength + _ivLength), pinned: true);
    }

    internal Span<byte> Bytes => _bytes;

    /// <summary>HMAC-SM3 key of one direction, 32 bytes; empty for GCM.</summary>
    public ReadOnlySpan<byte> MacKey(bool isServerWrite) => _bytes.AsSpan(isServerWrite ? _macLength : 0, _macLength);

    /// <summary>SM4 key of one direction, 16 bytes.</summary>
    public ReadOnlySpan<byte> Key(bool isServerWrite) => _bytes.AsSpan((2 * _macLength) + (isServerWrite ? KeyLength : 0), KeyLength);

    /// <summary>Fixed part of the GCM nonce of one direction, 4 bytes; empty for CBC.</summary>
    public ReadOnlySpan<byte> FixedIv(bool isServerWrite) => _bytes.AsSpan((2 * (_macLength + KeyLength)) + (isServerWrite ? _ivLength : 0), _ivLength);

    /// <summary>Zeroes the keys.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);
}
