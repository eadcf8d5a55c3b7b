using System.Net.Sockets;
using Qanat.Wire;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

internal sealed partial class StreamLink
{
    /// <summary>After a close this many bytes at most are read and thrown away, so that the close frame is not lost to a TCP reset.</summary>
    private const int MaxDrainBytes = 4 * 1024 * 1024;

    // WebSocket control frames, and fragments so small that nobody sends them in earnest.
    private const int ControlBurst = 1024;
    private const int ControlsPerSecond = 128;
    private const int TinyFragmentBytes = 64;

    // Header-1 PINGs to this end: a latency probe asks one at a time.
    private const int PingBurst = 8192;
    private const int PingsPerSecond = 4096;

    private RateMeter _controlRate;
    private RateMeter _pingRate;
    private bool _isHandling;

    private async Task ReceiveLoopAsync(ILinkHandler? handler)
    {
        ReceiveBuffer buffer = new(_initial.Span);
        _initial = default;
        WebSocketMessageReader? messages = _framing == LinkFraming.LengthPrefixed
            ? null
            : new(_framing == LinkFraming.WebSocketServer ? WebSocketRole.Server : WebSocketRole.Client, FrameHeader.MaxFrame);
        try
        {
            int read = buffer.Length;
            int drained = 0;
            while (true)
            {
                if (handler is not null && Volatile.Read(ref _closing) is null)
                {
                    int needed = Deliver(handler, messages, buffer, out int frames);
                    if (read > 0)
                    {
                        _metrics.Received(read, frames);
                        await HandleBatchAsync(handler, read).ConfigureAwait(false);
                    }
                    buffer.MakeRoom(needed, read);
                }
                else
                {
                    drained += read;
                    buffer.Discard();
                    if (drained > MaxDrainBytes)
                    {
                        return;
                    }
                }
                read = await _transport.ReadAsync(buffer.Free, CancellationToken.None).ConfigureAwait(false);
                if (read == 0)
                {
                    RequestClose(LinkCloseCause.TransportFailed, "The peer ended the stream without a close.", default, flush: false);
                    return;
                }
                buffer.Add(read);
                Volatile.Write(ref _lastReceived, _time.GetTimestamp());
                Volatile.Write(ref _unanswered, 0);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            RequestClose(LinkCloseCause.TransportFailed, $"Receiving failed: {e.Message}", default, flush: false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _logger.HandlerFailed(e, PeerMid);
            RequestClose(LinkCloseCause.TransportFailed, "The frame handler failed.", default, flush: false);
        }
        finally
        {
            buffer.Release();
            messages?.Dispose();
        }
    }

    private async ValueTask HandleBatchAsync(ILinkHandler handler, int wireBytes)
    {
        ValueTask handling = handler.OnBatchAsync(this, wireBytes);
        if (handling.IsCompletedSuccessfully)
        {
            return;
        }
        // While this side holds back by its own will, silence is not the peer's.
        Volatile.Write(ref _isHandling, true);
        await handling.ConfigureAwait(false);
        Volatile.Write(ref _lastReceived, _time.GetTimestamp());
        Volatile.Write(ref _isHandling, false);
    }

    /// <summary>Delivers every whole frame in the buffer.</summary>
    /// <returns>Bytes that the next frame needs; 0 when unknown.</returns>
    private int Deliver(ILinkHandler handler, WebSocketMessageReader? messages, ReceiveBuffer buffer, out int frames)
    {
        SendBatch batch = SendBatch.Begin();
        try
        {
            return DeliverFrames(handler, messages, buffer, out frames);
        }
        finally
        {
            batch.End();
        }
    }

    private int DeliverFrames(ILinkHandler handler, WebSocketMessageReader? messages, ReceiveBuffer buffer, out int frames)
    {
        frames = 0;
        while (!buffer.Filled.IsEmpty)
        {
            int consumed = messages is null
                ? DeliverBlock(handler, buffer.Filled, ref frames, out int needed)
                : DeliverWebSocket(handler, messages, buffer.Filled, ref frames, out needed);
            if (consumed == 0)
            {
                return needed;
            }
            buffer.Consume(consumed);
            if (Volatile.Read(ref _closing) is not null)
            {
                return 0;
            }
        }
        return 0;
    }

    private int DeliverBlock(ILinkHandler handler, Span<byte> buffered, ref int frames, out int needed)
    {
        needed = LengthPrefix.Length;
        switch (LengthPrefix.TryRead(buffered, FrameHeader.MaxFrame, out int length))
        {
            case ParseStatus.NeedMoreData:
                return 0;
            case ParseStatus.Malformed:
                Fail(WebSocketCloseCode.MessageTooBig, "A block of zero length or over the bound.");
                return 0;
        }
        needed = LengthPrefix.Length + length;
        if (buffered.Length < needed)
        {
            return 0;
        }
        Span<byte> block = buffered.Slice(LengthPrefix.Length, length);
        if (length == LengthPrefix.CloseLength && WebSocketClose.TryReadCode(block, out WebSocketCloseCode code))
        {
            CloseFromPeer(code);
        }
        else
        {
            DeliverFrame(handler, block, ref frames);
        }
        return needed;
    }

    private int DeliverWebSocket(ILinkHandler handler, WebSocketMessageReader messages, Span<byte> buffered, ref int frames, out int needed)
    {
        needed = 0;
        switch (messages.TryRead(buffered, out int consumed, out Span<byte> payload))
        {
            case WebSocketReadResult.NeedMoreData:
                needed = messages.NeededBytes;
                return 0;
            case WebSocketReadResult.Message:
                DeliverFrame(handler, payload, ref frames);
                break;
            case WebSocketReadResult.Fragment:
                if (payload.Length < TinyFragmentBytes)
                {
                    MeterControl();
                }
                break;
            case WebSocketReadResult.Ping:
                MeterControl();
                if (_queue.TryAddControl(WebSocketOpcode.Pong, payload))
                {
                    _ready.Set();
                }
                break;
            case WebSocketReadResult.Pong:
                MeterControl();
                break;
            case WebSocketReadResult.Close:
                CloseFromPeer(messages.CloseCode);
                break;
            case WebSocketReadResult.Malformed:
                Fail(messages.CloseCode, "A WebSocket frame against RFC 6455.");
                return 0;
        }
        return consumed;
    }

    private void DeliverFrame(ILinkHandler handler, Span<byte> frame, ref int frames)
    {
        if (FrameHeader.TryRead(frame, out FrameHeader header, out ReadOnlySpan<byte> payload) != ParseStatus.Complete)
        {
            Fail(WebSocketCloseCode.InvalidPayload, "A message that is not a frame.");
            return;
        }
        frames++;
        bool isBetweenEnds = header.Type is FrameType.Ping or FrameType.Pong && header.Source == PeerMid && header.Destination == LocalMid;
        if (!isBetweenEnds || !TryHandleHeartbeat(header, payload))
        {
            handler.OnFrame(this, header, payload);
        }
    }

    private void MeterControl()
    {
        if (!_controlRate.TryTake())
        {
            Fail(WebSocketCloseCode.PolicyViolation, "Too many control frames or tiny fragments.");
        }
    }

    private void CloseFromPeer(WebSocketCloseCode code) =>
        RequestClose(CauseFor(code), $"Closed by the peer with code {(int)code}.", code, flush: false);

    private void Fail(WebSocketCloseCode code, string detail) => RequestClose(LinkCloseCause.ProtocolError, detail, code, flush: false);
}
