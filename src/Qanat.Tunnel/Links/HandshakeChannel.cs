using Qanat.Wire;
using Qanat.Wire.Handshake;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

/// <summary>Reads and writes what comes before the frames: HTTP heads and handshake messages, each bounded. Grows its buffer only as bytes come.</summary>
internal sealed class HandshakeChannel(LinkTransport transport, LinkFraming framing) : IDisposable
{
    private const int FirstBytes = 1024;

    /// <summary>Control frames and fragments that a peer may put into the handshake; it has no need of any.</summary>
    private const int MaxExtraFrames = 16;

    private readonly FrameEncoder _encoder = new(framing);
    private readonly WebSocketMessageReader? _messages = framing == LinkFraming.LengthPrefixed
        ? null
        : new(framing == LinkFraming.WebSocketServer ? WebSocketRole.Server : WebSocketRole.Client, LinkHandshake.MaxMessage);

    private byte[] _buffer = new byte[FirstBytes];
    private int _start;
    private int _end;
    private int _extraFrames;

    /// <summary>Parses an HTTP head.</summary>
    public delegate ParseStatus HeadParser(ReadOnlySpan<byte> buffered, out int consumed);

    /// <summary>Why the WebSocket layer was broken, when it was; the code to answer with.</summary>
    public WebSocketCloseCode CloseCode { get; private set; } = WebSocketCloseCode.InvalidPayload;

    /// <summary>Bytes received behind what was asked for.</summary>
    public ReadOnlyMemory<byte> Leftover => _buffer.AsMemory(_start, _end - _start);

    private int Length => _end - _start;

    /// <summary>Reads one HTTP head.</summary>
    /// <returns>False when it is malformed, refused or over the bound.</returns>
    /// <exception cref="EndOfStreamException">The peer ended the stream.</exception>
    public async ValueTask<bool> ReadHeadAsync(HeadParser parser, CancellationToken cancellationToken)
    {
        while (true)
        {
            ParseStatus status = parser(_buffer.AsSpan(_start, Length), out int consumed);
            _start += consumed;
            if (status != ParseStatus.NeedMoreData)
            {
                return status == ParseStatus.Complete;
            }
            await ReceiveAsync(HttpHead.MaxBytes, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Reads one handshake message; null when the framing is broken or the peer closed.</summary>
    /// <exception cref="EndOfStreamException">The peer ended the stream.</exception>
    public async ValueTask<byte[]?> ReadMessageAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            switch (TryTakeMessage(out byte[]? message))
            {
                case ParseStatus.Complete:
                    return message;
                case ParseStatus.Malformed:
                    return null;
            }
            await ReceiveAsync(LinkHandshake.MaxMessage + FrameEncoder.MaxOverhead, cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask WriteMessageAsync(byte[] message, CancellationToken cancellationToken)
    {
        byte[] framed = new byte[message.Length + FrameEncoder.MaxOverhead];
        int length = _encoder.WriteMessage(framed, message);
        await transport.WriteAsync(framed.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask WriteCloseAsync(WebSocketCloseCode code, CancellationToken cancellationToken)
    {
        byte[] framed = new byte[FrameEncoder.MaxOverhead + sizeof(ushort)];
        int length = _encoder.WriteClose(framed, code);
        await transport.WriteAsync(framed.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _messages?.Dispose();

    private ParseStatus TryTakeMessage(out byte[]? message)
    {
        message = null;
        if (_messages is null)
        {
            ParseStatus status = LengthPrefix.TryRead(_buffer.AsSpan(_start, Length), LinkHandshake.MaxMessage, out int length);
            if (status != ParseStatus.Complete || Length < LengthPrefix.Length + length)
            {
                return status == ParseStatus.Malformed ? status : ParseStatus.NeedMoreData;
            }
            message = _buffer.AsSpan(_start + LengthPrefix.Length, length).ToArray();
            _start += LengthPrefix.Length + length;
            return ParseStatus.Complete;
        }
        while (true)
        {
            WebSocketReadResult result = _messages.TryRead(_buffer.AsSpan(_start, Length), out int consumed, out Span<byte> payload);
            _start += consumed;
            switch (result)
            {
                case WebSocketReadResult.Message:
                    message = payload.ToArray();
                    return ParseStatus.Complete;
                case WebSocketReadResult.NeedMoreData:
                    return ParseStatus.NeedMoreData;
                case WebSocketReadResult.Malformed:
                case WebSocketReadResult.Close:
                    CloseCode = _messages.CloseCode;
                    return ParseStatus.Malformed;
            }
            if (++_extraFrames > MaxExtraFrames)
            {
                CloseCode = WebSocketCloseCode.PolicyViolation;
                return ParseStatus.Malformed;
            }
        }
    }

    private async ValueTask ReceiveAsync(int maxBytes, CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, Length).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        if (_end == _buffer.Length)
        {
            // The parsers refuse what is over their bound, so a full buffer of the bound's size is never asked to grow.
            Array.Resize(ref _buffer, Math.Min(2 * _buffer.Length, maxBytes));
        }
        int read = await transport.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            throw new EndOfStreamException("The peer ended the stream during the handshake.");
        }
        _end += read;
    }
}
