using System.Buffers;

namespace Qanat.Tls.Messages;

/// <summary>
/// Puts handshake messages together from the contents of handshake records, however they are cut or coalesced. Memory is bounded by the longest message allowed and
/// one record; the buffer is pooled, given back while empty of data on request, and zeroed. Not thread-safe.
/// </summary>
public sealed class HandshakeReader : IDisposable
{
    /// <summary>Longest body by default, in bytes: enough for chains of tens of certificates.</summary>
    public const int DefaultMaxMessageLength = 1 << 16;

    private readonly int _maxMessageLength;
    private byte[] _buffer = [];
    private int _start;
    private int _end;

    /// <summary>Creates a reader.</summary>
    /// <param name="maxMessageLength">Longest body of a message, in bytes; a longer one is refused when its header arrives.</param>
    public HandshakeReader(int maxMessageLength = DefaultMaxMessageLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxMessageLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxMessageLength, 0xFFFFFF);
        _maxMessageLength = maxMessageLength;
    }

    /// <summary>True when no byte waits: keys may only change then (RFC 8446 section 5.1).</summary>
    public bool IsEmpty => _start == _end;

    /// <summary>Bytes that wait.</summary>
    public int BufferedLength => _end - _start;

    /// <summary>
    /// Takes the content of one handshake record. Read every message with <see cref="TryRead"/> before the next call; messages read before become invalid.
    /// <see cref="SmTlsError.UnexpectedMessage"/> for an empty record (RFC 8446 section 5.1), <see cref="SmTlsError.MessageTooLarge"/> when messages were left unread beyond the bound.
    /// </summary>
    public SmTlsError Append(ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty)
        {
            return SmTlsError.UnexpectedMessage;
        }
        int waiting = BufferedLength;
        if (waiting > HandshakeMessage.HeaderLength + _maxMessageLength || content.Length > Records.RecordHeader.MaxPlaintext)
        {
            return SmTlsError.MessageTooLarge;
        }
        if (_buffer.Length - _end < content.Length)
        {
            MakeRoom(waiting + content.Length);
        }
        content.CopyTo(_buffer.AsSpan(_end));
        _end += content.Length;
        return SmTlsError.None;
    }

    /// <summary>Reads the next message; its bytes are valid until the next <see cref="Append"/>, <see cref="Trim"/> or <see cref="Dispose"/>.</summary>
    public TlsReadStatus TryRead(out HandshakeMessage message, out SmTlsError error)
    {
        TlsReadStatus status = HandshakeMessage.TryRead(_buffer.AsSpan(_start, BufferedLength), _maxMessageLength, out message, out error);
        if (status == TlsReadStatus.Complete)
        {
            _start += message.Bytes.Length;
        }
        return status;
    }

    /// <summary>Gives the buffer back when no byte waits: an idle connection holds none.</summary>
    public void Trim()
    {
        if (IsEmpty)
        {
            Release();
        }
    }

    /// <summary>Zeroes and gives back the buffer.</summary>
    public void Dispose() => Release();

    private void MakeRoom(int needed)
    {
        if (needed <= _buffer.Length)
        {
            _buffer.AsSpan(_start, BufferedLength).CopyTo(_buffer);
        }
        else
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Min(2 * _buffer.Length, _maxMessageLength)));
            _buffer.AsSpan(_start, BufferedLength).CopyTo(larger);
            Return(_buffer);
            _buffer = larger;
        }
        (_start, _end) = (0, BufferedLength);
    }

    private void Release()
    {
        Return(_buffer);
        (_buffer, _start, _end) = ([], 0, 0);
    }

    private static void Return(byte[] buffer)
    {
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }
}
