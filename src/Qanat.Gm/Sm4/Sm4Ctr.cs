using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>CTR mode over a stream that comes in pieces of any length. Not thread-safe. The key is borrowed and must outlive this.</summary>
public sealed class Sm4Ctr : IDisposable
{
    private readonly Sm4 _cipher;
    private readonly byte[] _stream = GC.AllocateArray<byte>(Sm4.BlockSizeInBytes, pinned: true);
    private UInt128 _counter;
    private int _used = Sm4.BlockSizeInBytes;
    private bool _isDisposed;

    /// <summary>Starts a stream.</summary>
    /// <param name="cipher">The key.</param>
    /// <param name="counter">16 bytes: the first counter block. A key must never see a counter block twice.</param>
    /// <exception cref="CryptographicException">The counter does not have 16 bytes.</exception>
    public Sm4Ctr(Sm4 cipher, ReadOnlySpan<byte> counter)
    {
        ArgumentNullException.ThrowIfNull(cipher);
        if (counter.Length != Sm4.BlockSizeInBytes)
            throw new CryptographicException($"The counter block must have 16 bytes, not {counter.Length}.");
        _cipher = cipher;
        _counter = BinaryPrimitives.ReadUInt128BigEndian(counter);
    }

    /// <summary>Encrypts or decrypts the next bytes.</summary>
    /// <param name="source">Any length.</param>
    /// <param name="destination">At least as long; the same memory, or disjoint.</param>
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    public void Transform(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        SpanRules.CheckOutput(source, destination);
        int rest = Math.Min(source.Length, Sm4.BlockSizeInBytes - _used);
        XorRest(source[..rest], destination);
        int whole = (source.Length - rest) & ~(Sm4.BlockSizeInBytes - 1);
        _cipher.CtrBlocks(source.Slice(rest, whole), ref _counter, destination[rest..]);
        if (rest + whole == source.Length)
            return;
        _stream.AsSpan().Clear();
        _cipher.CtrBlocks(_stream, ref _counter, _stream);
        _used = 0;
        XorRest(source[(rest + whole)..], destination[(rest + whole)..]);
    }

    /// <summary>Zeroes the key stream that is left. The key stays.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_stream);
        _isDisposed = true;
    }

    private void XorRest(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = (byte)(source[i] ^ _stream[_used + i]);
        }
        _used += source.Length;
    }
}
