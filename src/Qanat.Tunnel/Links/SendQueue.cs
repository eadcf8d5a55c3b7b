using System.Buffers;
using Qanat.Wire;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

/// <summary>
/// The bounded queue behind <see cref="Link.TrySend"/>: frames are encoded at once, in wire form, into pooled segments that the send loop writes whole.
/// </summary>
internal sealed class SendQueue(LinkFraming framing, int maxBytes)
{
    /// <summary>Size of segments and of the send buffer: many frames in one system call.</summary>
    public const int SegmentBytes = 256 * 1024;

    private readonly Lock _gate = new();
    private readonly FrameEncoder _encoder = new(framing);
    private readonly Queue<(byte[] Segment, int Length)> _full = new();
    private byte[]? _tail;
    private int _tailLength;
    private int _bytes;
    private int _frames;
    private bool _isClosed;

    public int Bytes => Volatile.Read(ref _bytes);

    public bool TryAdd(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, FrameHeader.MaxPayload);
        lock (_gate)
        {
            if (!TryMakeRoom(_encoder.WireLength(FrameHeader.Length + payload.Length)))
            {
                return false;
            }
            _tailLength += _encoder.WriteFrame(_tail.AsSpan(_tailLength), header, payload);
            _frames++;
            return true;
        }
    }

    public bool TryAddControl(WebSocketOpcode opcode, ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            if (!TryMakeRoom(_encoder.WireLength(payload.Length)))
            {
                return false;
            }
            _tailLength += _encoder.WriteMessage(_tail.AsSpan(_tailLength), payload, opcode);
            return true;
        }
    }

    /// <summary>Takes the oldest segment; the caller owns it, and calls <see cref="Sent"/> with its length when it is on the wire.</summary>
    public bool TryTake(out byte[]? segment, out int length, out bool hasMore)
    {
        lock (_gate)
        {
            if (_full.TryDequeue(out var oldest))
            {
                (segment, length) = oldest;
            }
            else
            {
                (segment, length) = (_tail, _tailLength);
                (_tail, _tailLength) = (null, 0);
            }
            hasMore = _full.Count > 0 || _tail is not null;
            return segment is not null;
        }
    }

    /// <summary>Frames added since the last call, for the metrics.</summary>
    public int TakeFrameCount() => Interlocked.Exchange(ref _frames, 0);

    public void Sent(int bytes) => Interlocked.Add(ref _bytes, -bytes);

    /// <summary>Refuses everything from now on; what is queued stays to be taken.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
        }
    }

    /// <summary>Gives the segments back.</summary>
    public void Clear()
    {
        while (TryTake(out byte[]? segment, out int length, out _))
        {
            ArrayPool<byte>.Shared.Return(segment!);
            Sent(length);
        }
    }

    private bool TryMakeRoom(int wireLength)
    {
        if (_isClosed || _bytes + wireLength > maxBytes)
        {
            return false;
        }
        if (_tail is not null && _tail.Length - _tailLength < wireLength)
        {
            _full.Enqueue((_tail, _tailLength));
            _tail = null;
        }
        if (_tail is null)
        {
            _tail = ArrayPool<byte>.Shared.Rent(SegmentBytes);
            _tailLength = 0;
        }
        Interlocked.Add(ref _bytes, wireLength);
        return true;
    }
}
