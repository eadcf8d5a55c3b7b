using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// HMAC with SM3 (RFC 2104, GB/T 15852.2-2012): one-shot statics, and an object that is keyed once and used for many messages, one after another.
/// The object is not thread-safe; dispose zeroes the key.
/// </summary>
public sealed class HmacSm3 : IDisposable
{
    /// <summary>Length of a MAC in bytes.</summary>
    public const int HashSizeInBytes = Sm3.HashSizeInBytes;

    private HmacSm3Pads _pads;
    private Sm3State _message;
    private bool _disposed;

    /// <summary>Prepares a key; it is not kept.</summary>
    /// <param name="key">Any length; 32 bytes or more give the full strength (RFC 2104 section 3).</param>
    public HmacSm3(ReadOnlySpan<byte> key)
    {
        _pads = HmacSm3Pads.Create(key);
        _message = _pads.Begin();
    }

    /// <summary>The prepared key, for lanes and record protection.</summary>
    internal ref readonly HmacSm3Pads Pads
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return ref _pads;
        }
    }

    /// <summary>MAC of <paramref name="source"/> as a new array of <see cref="HashSizeInBytes"/> bytes.</summary>
    public static byte[] HashData(ReadOnlySpan<byte> key, ReadOnlySpan<byte> source)
    {
        byte[] mac = new byte[HashSizeInBytes];
        HashData(key, source, mac);
        return mac;
    }

    /// <summary>Writes the MAC of <paramref name="source"/> under <paramref name="key"/>.</summary>
    /// <param name="key">Any length.</param>
    /// <param name="source">The message, any length; may overlap <paramref name="destination"/>.</param>
    /// <param name="destination">Its first <see cref="HashSizeInBytes"/> bytes are overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="HashSizeInBytes"/>.</exception>
    public static void HashData(ReadOnlySpan<byte> key, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, HashSizeInBytes, nameof(destination));
        HmacSm3Pads pads = HmacSm3Pads.Create(key);
        pads.Compute(source, default, default, default, destination);
        pads.Clear();
    }

    /// <summary>Whether <paramref name="hash"/> is the MAC of <paramref name="source"/>; the time does not tell how much of it is right.</summary>
    /// <param name="key">Any length.</param>
    /// <param name="source">The message.</param>
    /// <param name="hash">Exactly <see cref="HashSizeInBytes"/> bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="hash"/> has another length.</exception>
    [SkipLocalsInit]
    public static bool Verify(ReadOnlySpan<byte> key, ReadOnlySpan<byte> source, ReadOnlySpan<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(hash.Length, HashSizeInBytes, nameof(hash));
        Span<byte> mac = stackalloc byte[HashSizeInBytes];
        HashData(key, source, mac);
        bool equal = CryptographicOperations.FixedTimeEquals(mac, hash);
        CryptographicOperations.ZeroMemory(mac);
        return equal;
    }

    /// <summary>Appends to the message.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void AppendData(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _message.Append(data);
    }

    /// <summary>Writes the MAC of what was appended so far; the message goes on.</summary>
    /// <param name="destination">Its first <see cref="HashSizeInBytes"/> bytes are overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="HashSizeInBytes"/>.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void GetCurrentHash(Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Sm3State message = _message;
        _pads.Finish(ref message, destination);
    }

    /// <summary>Writes the MAC of the message and starts a new one under the same key.</summary>
    /// <param name="destination">Its first <see cref="HashSizeInBytes"/> bytes are overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="HashSizeInBytes"/>; the message is kept.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void GetHashAndReset(Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _pads.Finish(ref _message, destination);
        _message = _pads.Begin();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _pads.Clear();
        _message.Clear();
    }
}
