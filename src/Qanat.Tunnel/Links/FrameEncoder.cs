using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Qanat.Wire;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

/// <summary>How frames are bounded on a link.</summary>
internal enum LinkFraming
{
    WebSocketClient,
    WebSocketServer,
    LengthPrefixed,
}

/// <summary>Writes frames in a link's framing. Not thread-safe: each writer of a link has its own.</summary>
internal sealed class FrameEncoder(LinkFraming framing)
{
    /// <summary>Most bytes that framing adds to a frame.</summary>
    public const int MaxOverhead = WebSocketFrameHeader.MaxLength;

    private readonly uint[] _maskKeys = framing == LinkFraming.WebSocketClient ? new uint[64] : [];
    private int _maskKeysLeft;

    /// <summary>Bytes on the wire of a message of this length.</summary>
    public int WireLength(int messageLength) => framing == LinkFraming.LengthPrefixed
        ? LengthPrefix.Length + messageLength
        : WebSocketFrameHeader.LengthFor(messageLength, framing == LinkFraming.WebSocketClient) + messageLength;

    /// <summary>Writes the framing for a message; the message goes to <paramref name="destination"/> after the returned count, then <see cref="Seal"/>.</summary>
    public int Begin(Span<byte> destination, int messageLength, out uint maskKey, WebSocketOpcode opcode = WebSocketOpcode.Binary)
    {
        maskKey = 0;
        if (framing == LinkFraming.LengthPrefixed)
        {
            LengthPrefix.Write(destination, messageLength);
            return LengthPrefix.Length;
        }
        bool isMasked = framing == LinkFraming.WebSocketClient;
        if (isMasked)
        {
            maskKey = NextMaskKey();
        }
        return new WebSocketFrameHeader(true, opcode, isMasked, maskKey, messageLength).Write(destination);
    }

    /// <summary>Masks a message in place when this end must.</summary>
    public void Seal(Span<byte> message, uint maskKey)
    {
        if (framing == LinkFraming.WebSocketClient)
        {
            WebSocketMask.Apply(message, maskKey);
        }
    }

    /// <summary>Writes a whole frame.</summary>
    /// <returns>Bytes written.</returns>
    public int WriteFrame(Span<byte> destination, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        int length = FrameHeader.Length + payload.Length;
        int at = Begin(destination, length, out uint key);
        header.Write(destination[at..]);
        Span<byte> body = destination.Slice(at + FrameHeader.Length, payload.Length);
        if (framing == LinkFraming.WebSocketClient)
        {
            WebSocketMask.Apply(destination.Slice(at, FrameHeader.Length), key);
            WebSocketMask.Copy(payload, body, key, FrameHeader.Length);
        }
        else
        {
            payload.CopyTo(body);
        }
        return at + length;
    }

    /// <summary>Writes a message that is not a header-1 frame: a handshake message or a WebSocket control frame.</summary>
    public int WriteMessage(Span<byte> destination, ReadOnlySpan<byte> message, WebSocketOpcode opcode = WebSocketOpcode.Binary)
    {
        int at = Begin(destination, message.Length, out uint key, opcode);
        message.CopyTo(destination[at..]);
        Seal(destination.Slice(at, message.Length), key);
        return at + message.Length;
    }

    /// <summary>Writes the close frame or block.</summary>
    public int WriteClose(Span<byte> destination, WebSocketCloseCode code)
    {
        Span<byte> payload = stackalloc byte[2];
        int length = WebSocketClose.Write(payload, code == WebSocketCloseCode.None && framing == LinkFraming.LengthPrefixed ? WebSocketCloseCode.Normal : code);
        return WriteMessage(destination, payload[..length], WebSocketOpcode.Close);
    }

    private uint NextMaskKey()
    {
        // RFC 6455 section 10.3: keys must be unpredictable. Drawn 64 at a time, since a call for 4 bytes costs as much.
        if (_maskKeysLeft == 0)
        {
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(_maskKeys.AsSpan()));
            _maskKeysLeft = _maskKeys.Length;
        }
        return _maskKeys[--_maskKeysLeft];
    }
}
