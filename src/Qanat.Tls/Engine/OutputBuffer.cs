using System.Buffers;

namespace Qanat.Tls.Engine;

/// <summary>
/// Sealed records that wait to be sent. What <see cref="Front"/> shows stays where it is until it is consumed, whatever is appended meanwhile: records go to a second buffer, and
/// the two change places when the first is empty. The buffers are pooled and given back when empty. Not thread-safe: the engine's lock covers it.
/// </summary>
internal sealed class OutputBuffer : IDisposable
{
    private byte[] _front = [];
    private int _frontStart;
    private int _frontEnd;
    private byte[] _back = [];
    private int _backLength;

    public bool IsEmpty => _frontStart == _frontEnd && _backLength == 0;

    /// <summary>The bytes to send next; more may follow when these are consumed.</summary>
    public ReadOnlyMemory<byte> Front
    {
        get
        {
            if (_frontStart == _frontEnd && _backLength > 0)
            {
                Return(_front);
                (_front, _frontStart, _frontEnd) = (_back, 0, _backLength);
                (_back, _backLength) = ([], 0);
            }
            return _front.AsMemory(_frontStart, _frontEnd - _frontStart);
        }
    }

    /// <summary>Room for so many bytes, which the caller fills at once.</summary>
    public Span<byte> Append(int count)
    {
        int needed = checked(_backLength + count);
        if (needed > _back.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, 2 * _backLength));
            _back.AsSpan(0, _backLength).CopyTo(larger);
            Return(_back);
            _back = larger;
        }
        Span<byte> room = _back.AsSpan(_backLength, count);
        _backLength = needed;
        return room;
    }

    /// <summary>Forgets bytes that were sent.</summary>
    public void Consume(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _frontEnd - _frontStart);
        _frontStart += count;
        if (_frontStart == _frontEnd)
        {
            Return(_front);
            (_front, _frontStart, _frontEnd) = ([], 0, 0);
        }
    }

    public void Dispose()
    {
        Return(_front);
        Return(_back);
        (_front, _frontStart, _frontEnd, _back, _backLength) = ([], 0, 0, [], 0);
    }

    // Nothing secret: only records as the network sees them.
    private static void Return(byte[] buffer)
    {
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
