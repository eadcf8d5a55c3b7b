using Qanat.Gm;
using Qanat.Tls.Messages;

namespace Qanat.Tls.Schedule;

/// <summary>
/// The running SM3 hash of all handshake messages (RFC 8446 section 4.4.1, GB/T 38636 section 6.4.5.9), and their bytes when asked for: peers that sign the raw transcript in
/// CertificateVerify are verified with them. Not thread-safe.
/// </summary>
public sealed class HandshakeTranscript : IDisposable
{
    /// <summary>Length of the hash in bytes.</summary>
    public const int HashLength = Sm3.HashSizeInBytes;

    private readonly Sm3Hash _hash = new();
    private TlsWriter? _raw;

    /// <summary>Creates an empty transcript.</summary>
    /// <param name="keepsRaw">True to keep the bytes until <see cref="DropRaw"/>. The handshake reader's bounds bound them.</param>
    public HandshakeTranscript(bool keepsRaw = false) => _raw = keepsRaw ? new TlsWriter(4096) : null;

    /// <summary>The bytes of all messages so far; empty when not kept.</summary>
    public ReadOnlySpan<byte> Raw => _raw is null ? default : _raw.Written;

    /// <summary>Takes one whole message, header included.</summary>
    public void Append(ReadOnlySpan<byte> message)
    {
        _hash.AppendData(message);
        _raw?.WriteBytes(message);
    }

    /// <summary>Writes the hash of all messages so far; more may follow.</summary>
    /// <param name="destination">32 bytes.</param>
    public void GetHash(Span<byte> destination) => _hash.GetCurrentHash(destination);

    /// <summary>After a HelloRetryRequest: replaces the first ClientHello by the synthetic message_hash (RFC 8446 section 4.4.1). Call before the HelloRetryRequest is appended.</summary>
    public void ReplaceByMessageHash()
    {
        Span<byte> synthetic = stackalloc byte[HandshakeMessage.HeaderLength + HashLength];
        synthetic.Clear();
        synthetic[0] = (byte)HandshakeType.MessageHash;
        synthetic[3] = HashLength;
        _hash.GetHashAndReset(synthetic[HandshakeMessage.HeaderLength..]);
        _raw?.Clear();
        Append(synthetic);
    }

    /// <summary>Writes the hash over the messages so far and a part of the next one: the truncated ClientHello that binders cover (RFC 8446 section 4.2.11.2).</summary>
    public void GetHashWith(ReadOnlySpan<byte> next, Span<byte> destination)
    {
        using Sm3Hash copy = _hash.Duplicate();
        copy.AppendData(next);
        copy.GetHashAndReset(destination);
    }

    /// <summary>Forgets the bytes; the hash goes on.</summary>
    public void DropRaw()
    {
        _raw?.Dispose();
        _raw = null;
    }

    /// <summary>Zeroes everything.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        DropRaw();
    }
}
