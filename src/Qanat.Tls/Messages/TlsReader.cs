using System.Buffers.Binary;

namespace Qanat.Tls.Messages;

/// <summary>Reads numbers and length-prefixed vectors (RFC 8446 section 3) from a span; a failed read changes nothing and copies nothing.</summary>
public ref struct TlsReader(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> _rest = source;

    /// <summary>Bytes not yet read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>True when everything was read.</summary>
    public readonly bool IsEmpty => _rest.IsEmpty;

    /// <summary>Reads one byte.</summary>
    public bool TryReadByte(out byte value)
    {
        bool done = TryReadBytes(1, out ReadOnlySpan<byte> bytes);
        value = done ? bytes[0] : (byte)0;
        return done;
    }

    /// <summary>Reads a 16-bit number.</summary>
    public bool TryReadUInt16(out ushort value)
    {
        bool done = TryReadBytes(2, out ReadOnlySpan<byte> bytes);
        value = done ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : (ushort)0;
        return done;
    }

    /// <summary>Reads a 24-bit number.</summary>
    public bool TryReadUInt24(out int value)
    {
        bool done = TryReadBytes(3, out ReadOnlySpan<byte> bytes);
        value = done ? (bytes[0] << 16) | (bytes[1] << 8) | bytes[2] : 0;
        return done;
    }

    /// <summary>Reads a 32-bit number.</summary>
    public bool TryReadUInt32(out uint value)
    {
        bool done = TryReadBytes(4, out ReadOnlySpan<byte> bytes);
        value = done ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;
        return done;
    }

    /// <summary>Reads so many bytes.</summary>
    public bool TryReadBytes(int count, out ReadOnlySpan<byte> value)
    {
        if (count > _rest.Length)
        {
            value = default;
            return false;
        }
        value = _rest[..count];
        _rest = _rest[count..];
        return true;
    }

    /// <summary>Reads a vector with a length of 8 bits, of <paramref name="min"/> to <paramref name="max"/> bytes.</summary>
    public bool TryReadVector8(int min, int max, out ReadOnlySpan<byte> value)
    {
        TlsReader before = this;
        value = default;
        return (TryReadByte(out byte length) && length >= min && length <= max && TryReadBytes(length, out value)) || Undo(before);
    }

    /// <summary>Reads a vector with a length of 16 bits, of <paramref name="min"/> to <paramref name="max"/> bytes.</summary>
    public bool TryReadVector16(int min, int max, out ReadOnlySpan<byte> value)
    {
        TlsReader before = this;
        value = default;
        return (TryReadUInt16(out ushort length) && length >= min && length <= max && TryReadBytes(length, out value)) || Undo(before);
    }

    /// <summary>Reads a vector with a length of 24 bits, of <paramref name="min"/> to <paramref name="max"/> bytes.</summary>
    public bool TryReadVector24(int min, int max, out ReadOnlySpan<byte> value)
    {
        TlsReader before = this;
        value = default;
        return (TryReadUInt24(out int length) && length >= min && length <= max && TryReadBytes(length, out value)) || Undo(before);
    }

    private bool Undo(TlsReader before)
    {
        this = before;
        return false;
    }
}
