using System.Buffers;

namespace Qanat.Wire.WebSockets;

/// <summary>What <see cref="WebSocketMessageReader.TryRead"/> found.</summary>
public enum WebSocketReadResult
{
    /// <summary>A frame is not complete yet.</summary>
    NeedMoreData,
    /// <summary>A whole binary message.</summary>
    Message,
    /// <summary>A fragment was taken; its message is not complete yet.</summary>
    Fragment,
    /// <summary>A Ping; answer with a Pong of the same payload.</summary>
    Ping,
    /// <summary>A Pong.</summary>
    Pong,
    /// <summary>A valid Close; <see cref="WebSocketMessageReader.CloseCode"/> is the peer's code.</summary>
    Close,
    /// <summary>The peer broke the protocol; <see cref="WebSocketMessageReader.CloseCode"/> is the answer.</summary>
    Malformed,
}

/// <summary>
/// Turns received bytes into WebSocket messages: unmasks in place, joins fragments with control frames in between, bounds a message before it is
/// buffered. Messages in one frame are not copied. Not thread-safe.
/// </summary>
/// <param name="localRole">The receiving end.</param>
/// <param name="maxMessage">Longest message, in bytes; also the longest single frame.</param>
public sealed class WebSocketMessageReader(WebSocketRole localRole, int maxMessage) : IDisposable
{
    private byte[]? _fragments;
    private int _fragmentBytes;
    private bool _inMessage;
    private bool _isDelivered;

    /// <summary>The peer's code after <see cref="WebSocketReadResult.Close"/>; the code to answer with after <see cref="WebSocketReadResult.Malformed"/>.</summary>
    public WebSocketCloseCode CloseCode { get; private set; }

    /// <summary>After <see cref="WebSocketReadResult.NeedMoreData"/>: bytes (header and payload) that the next frame needs at least.</summary>
    public int NeededBytes { get; private set; }

    /// <summary>
    /// Takes one frame from the front of <paramref name="buffered"/>. <paramref name="payload"/> lies in <paramref name="buffered"/> or in this reader's
    /// buffer and is valid until the next call. Nothing is consumed when more data is needed.
    /// </summary>
    public WebSocketReadResult TryRead(Span<byte> buffered, out int consumed, out Span<byte> payload)
    {
        consumed = 0;
        payload = default;
        if (_isDelivered)
        {
            ReleaseFragments();
        }
        ParseStatus status = WebSocketFrameHeader.TryRead(buffered, localRole, maxMessage, out WebSocketFrameHeader header, out WebSocketCloseCode error);
        if (status == ParseStatus.NeedMoreData)
        {
            NeededBytes = WebSocketFrameHeader.MaxLength;
            return WebSocketReadResult.NeedMoreData;
        }
        if (status == ParseStatus.Malformed)
        {
            return Malformed(error);
        }
        // Order of frames is judged from the header alone, before the payload is waited for.
        switch (header.Opcode)
        {
            case WebSocketOpcode.Text:
                return Malformed(WebSocketCloseCode.UnsupportedData);
            case WebSocketOpcode.Binary when _inMessage:
            case WebSocketOpcode.Continuation when !_inMessage:
                return Malformed(WebSocketCloseCode.ProtocolError);
            case WebSocketOpcode.Continuation when header.PayloadLength > maxMessage - _fragmentBytes:
                return Malformed(WebSocketCloseCode.MessageTooBig);
        }
        int headerLength = header.Length;
        if (buffered.Length - headerLength < header.PayloadLength)
        {
            NeededBytes = headerLength + header.PayloadLength;
            return WebSocketReadResult.NeedMoreData;
        }
        payload = buffered.Slice(headerLength, header.PayloadLength);
        consumed = headerLength + header.PayloadLength;
        if (header.IsMasked)
        {
            WebSocketMask.Apply(payload, header.MaskKey);
        }
        switch (header.Opcode)
        {
            case WebSocketOpcode.Ping:
                return WebSocketReadResult.Ping;
            case WebSocketOpcode.Pong:
                return WebSocketReadResult.Pong;
            case WebSocketOpcode.Close:
                bool isValid = WebSocketClose.TryReadCode(payload, out WebSocketCloseCode code);
                CloseCode = isValid ? code : WebSocketCloseCode.ProtocolError;
                return isValid ? WebSocketReadResult.Close : WebSocketReadResult.Malformed;
            case WebSocketOpcode.Binary when header.IsFinal:
                return WebSocketReadResult.Message;
            default:
                return Join(header.IsFinal, ref payload);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => ReleaseFragments();

    private WebSocketReadResult Join(bool isFinal, ref Span<byte> payload)
    {
        // One buffer of the bounded size, only while a message is in fragments: many tiny fragments cost no more than one large.
        _fragments ??= ArrayPool<byte>.Shared.Rent(maxMessage);
        payload.CopyTo(_fragments.AsSpan(_fragmentBytes));
        _fragmentBytes += payload.Length;
        _inMessage = !isFinal;
        if (!isFinal)
        {
            return WebSocketReadResult.Fragment;
        }
        payload = _fragments.AsSpan(0, _fragmentBytes);
        _isDelivered = true;
        return WebSocketReadResult.Message;
    }

    private WebSocketReadResult Malformed(WebSocketCloseCode code)
    {
        CloseCode = code;
        return WebSocketReadResult.Malformed;
    }

    private void ReleaseFragments()
    {
        if (_fragments is not null)
        {
            ArrayPool<byte>.Shared.Return(_fragments);
            _fragments = null;
        }
        _fragmentBytes = 0;
        _isDelivered = false;
        _inMessage = false;
    }
}
