using System.Buffers;
using System.Net.Sockets;
using Qanat.Wire;

namespace Qanat.Tunnel.Links;

internal sealed partial class StreamLink
{
    private async Task SendLoopAsync(IFrameSource? source)
    {
        try
        {
            FrameWriter writer = new(_framing);
            while (true)
            {
                Closing? closing = Volatile.Read(ref _closing);
                if (closing is not null)
                {
                    await SendCloseAsync(closing).ConfigureAwait(false);
                    return;
                }
                _queue.TryTake(out byte[]? buffer, out int queued, out bool hasMore);
                int length = queued;
                int frames = 0;
                if (!hasMore && source is not null)
                {
                    // What the source has goes out behind the queue, in the same system call.
                    buffer ??= ArrayPool<byte>.Shared.Rent(SendQueue.SegmentBytes);
                    writer.Attach(buffer, length);
                    hasMore = source.Fill(writer);
                    length = writer.Detach(out frames);
                }
                _metrics.SentFrames(frames + _queue.TakeFrameCount());
                await SendBufferAsync(buffer, length, queued).ConfigureAwait(false);
                if (!hasMore)
                {
                    await _ready.WaitAsync().ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            RequestClose(LinkCloseCause.TransportFailed, $"Sending failed: {e.Message}", default, flush: false);
            _transport.Dispose();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _logger.HandlerFailed(e, PeerMid);
            RequestClose(LinkCloseCause.TransportFailed, "The frame source failed.", default, flush: false);
            _transport.Dispose();
        }
    }

    private async ValueTask SendBufferAsync(byte[]? buffer, int length, int queued)
    {
        if (buffer is null)
        {
            return;
        }
        try
        {
            if (length > 0)
            {
                await _transport.WriteAsync(buffer.AsMemory(0, length), CancellationToken.None).ConfigureAwait(false);
                _metrics.Sent(length);
            }
        }
        finally
        {
            _queue.Sent(queued);
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask SendCloseAsync(Closing closing)
    {
        bool hasMore = closing.Flush;
        while (hasMore && _queue.TryTake(out byte[]? buffer, out int queued, out hasMore))
        {
            await SendBufferAsync(buffer, queued, queued).ConfigureAwait(false);
        }
        if (closing.Closed.Cause is not (LinkCloseCause.TransportFailed or LinkCloseCause.HeartbeatLost))
        {
            byte[] close = new byte[FrameEncoder.MaxOverhead + 2];
            int length = new FrameEncoder(_framing).WriteClose(close, closing.Code);
            await _transport.WriteAsync(close.AsMemory(0, length), CancellationToken.None).ConfigureAwait(false);
            await _transport.ShutdownSendAsync().ConfigureAwait(false);
        }
        else
        {
            _transport.Dispose();
        }
    }

    /// <summary>Room in the send buffer, for the frame source. A frame is masked when the next one begins, in place.</summary>
    private sealed class FrameWriter(LinkFraming framing) : IFrameWriter
    {
        private readonly FrameEncoder _encoder = new(framing);
        private byte[] _buffer = [];
        private int _length;
        private int _openAt;
        private uint _openKey;
        private int _frames;

        public void Attach(byte[] buffer, int length)
        {
            _buffer = buffer;
            _length = length;
            _openAt = length;
            _frames = 0;
        }

        public int Detach(out int frames)
        {
            SealOpenFrame();
            _buffer = [];
            frames = _frames;
            return _length;
        }

        public bool TryReserve(in FrameHeader header, int payloadLength, out Span<byte> payload)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, FrameHeader.MaxPayload);
            int message = FrameHeader.Length + payloadLength;
            if (_encoder.WireLength(message) > _buffer.Length - _length)
            {
                payload = default;
                return false;
            }
            SealOpenFrame();
            _openAt = _length + _encoder.Begin(_buffer.AsSpan(_length), message, out _openKey);
            _length = _openAt + message;
            _frames++;
            header.Write(_buffer.AsSpan(_openAt));
            payload = _buffer.AsSpan(_openAt + FrameHeader.Length, payloadLength);
            return true;
        }

        private void SealOpenFrame()
        {
            if (_length > _openAt)
            {
                _encoder.Seal(_buffer.AsSpan(_openAt, _length - _openAt), _openKey);
            }
            _openAt = _length;
        }
    }
}
