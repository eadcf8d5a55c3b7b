using System.Buffers;
using System.Buffers.Binary;

namespace Qanat.Tls.Messages;

/// <summary>
/// Writes numbers and length-prefixed vectors (RFC 8446 section 3) into a buffer that grows and is reused. Lengths are patched when a vector's scope is disposed:
/// <code>using (writer.Handshake(HandshakeType.Finished)) { writer.WriteBytes(verifyData); }</code>
/// Not thread-safe. The buffer is pooled and zeroed on growth and <see cref="Dispose"/>.
/// </summary>
public sealed class TlsWriter : IDisposable
{
    /// <summary>No message of this library is longer, in bytes; a writer refuses to grow past it.</summary>
    public const int MaxLength = 1 << 25;

    private byte[] _buffer;
    private int _length;

    /// <summary>Creates a writer.</summary>
    /// <param name="capacity">Bytes to start with.</param>
    public TlsWriter(int capacity = 1024) => _buffer = ArrayPool<byte>.Shared.Rent(capacity);

    /// <summary>Bytes written.</summary>
    public int Length => _length;

    /// <summary>What was written; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>What was written, to be patched (binders); valid until the next write.</summary>
    public Span<byte> WrittenMutable => _buffer.AsSpan(0, _length);

    /// <summary>Forgets what was written; keeps the buffer.</summary>
    public void Clear()
    {
        _buffer.AsSpan(0, _length).Clear();
        _length = 0;
    }

    /// <summary>Writes one byte.</summary>
    public void WriteByte(byte value) => Reserve(1)[0] = value;

    /// <summary>Writes a 16-bit number.</summary>
    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Reserve(2), value);

    /// <summary>Writes a 24-bit number.</summary>
    public void WriteUInt24(int value) => PutUInt24(Reserve(3), value);

    /// <summary>Writes a 32-bit number.</summary>
    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Reserve(4), value);

    /// <summary>Writes bytes as they are.</summary>
    public void WriteBytes(ReadOnlySpan<byte> value) => value.CopyTo(Reserve(value.Length));

    /// <summary>Makes room for so many bytes that the caller fills; valid until the next write.</summary>
    public Span<byte> Reserve(int count)
    {
        int needed = checked(_length + count);
        if (needed > _buffer.Length)
        {
            Grow(needed);
        }
        Span<byte> room = _buffer.AsSpan(_length, count);
        _length = needed;
        return room;
    }

    /// <summary>Writes a vector with a length of 8 bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is longer than 255 bytes.</exception>
    public void WriteVector8(ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, byte.MaxValue);
        WriteByte((byte)value.Length);
        WriteBytes(value);
    }

    /// <summary>Writes a vector with a length of 16 bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is longer than 65,535 bytes.</exception>
    public void WriteVector16(ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, ushort.MaxValue);
        WriteUInt16((ushort)value.Length);
        WriteBytes(value);
    }

    /// <summary>Writes a vector with a length of 24 bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is longer than 2^24 - 1 bytes.</exception>
    public void WriteVector24(ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, 0xFFFFFF);
        WriteUInt24(value.Length);
        WriteBytes(value);
    }

    /// <summary>Opens a vector with a length of 8 bits; disposing the scope writes the length.</summary>
    public Scope Vector8() => Open(1);

    /// <summary>Opens a vector with a length of 16 bits; disposing the scope writes the length.</summary>
    public Scope Vector16() => Open(2);

    /// <summary>Opens a vector with a length of 24 bits; disposing the scope writes the length.</summary>
    public Scope Vector24() => Open(3);

    /// <summary>Opens a handshake message: type and a length of 24 bits.</summary>
    public Scope Handshake(HandshakeType type)
    {
        WriteByte((byte)type);
        return Open(3);
    }

    /// <summary>Opens an extension: type and a length of 16 bits.</summary>
    public Scope Extension(ExtensionType type)
    {
        WriteUInt16((ushort)type);
        return Open(2);
    }

    /// <summary>Zeroes and gives back the buffer.</summary>
    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer, clearArray: true);
            _buffer = [];
            _length = 0;
        }
    }

    private Scope Open(int width)
    {
        Reserve(width).Clear();
        return new Scope(this, _length, width);
    }

    private void Grow(int needed)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(needed, MaxLength);
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _buffer.Length * 2));
        Written.CopyTo(larger);
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer, clearArray: true);
        }
        _buffer = larger;
    }

    private void Close(int start, int width)
    {
        int length = _length - start;
        Span<byte> place = _buffer.AsSpan(start - width, width);
        if (length >= 1 << (8 * width))
        {
            throw new InvalidOperationException($"A vector of {length} bytes does not fit its length of {width} bytes.");
        }
        for (int i = width - 1; i >= 0; i--, length >>= 8)
        {
            place[i] = (byte)length;
        }
    }

    private static void PutUInt24(Span<byte> destination, int value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)value, 0xFFFFFFu, nameof(value));
        destination[0] = (byte)(value >> 16);
        destination[1] = (byte)(value >> 8);
        destination[2] = (byte)value;
    }

    /// <summary>A vector being written; disposing it patches the length. A default scope does nothing.</summary>
    public readonly ref struct Scope
    {
        private readonly TlsWriter? _writer;
        private readonly int _start;
        private readonly int _width;

        internal Scope(TlsWriter writer, int start, int width) => (_writer, _start, _width) = (writer, start, width);

        /// <summary>Writes the length.</summary>
        /// <exception cref="InvalidOperationException">The vector is longer than its length field can say.</exception>
        public void Dispose() => _writer?.Close(_start, _width);
    }
}
