using System.Buffers.Binary;

namespace Qanat.Wire.WebSockets;

/// <summary>Which end of a WebSocket this is. A client masks what it sends, a server never does (RFC 6455 section 5.1).</summary>
public enum WebSocketRole
{
    /// <summary>The end that asked for the upgrade.</summary>
    Client,
    /// <summary>The end that granted it.</summary>
    Server,
}

/// <summary>Frame opcodes (RFC 6455 section 5.2).</summary>
public enum WebSocketOpcode : byte
{
    /// <summary>Next fragment of a message.</summary>
    Continuation = 0x0,
    /// <summary>UTF-8 message; Qanat refuses it with 1003.</summary>
    Text = 0x1,
    /// <summary>Binary message.</summary>
    Binary = 0x2,
    /// <summary>Close, with an optional code.</summary>
    Close = 0x8,
    /// <summary>Ping.</summary>
    Ping = 0x9,
    /// <summary>Pong.</summary>
    Pong = 0xA,
}

/// <summary>Header of one WebSocket frame (RFC 6455 section 5.2).</summary>
/// <param name="IsFinal">FIN: the last fragment of its message.</param>
/// <param name="Opcode">What the frame is.</param>
/// <param name="IsMasked">True when a mask key follows.</param>
/// <param name="MaskKey">The four key bytes as a little-endian number; see <see cref="WebSocketMask"/>.</param>
/// <param name="PayloadLength">Bytes of payload, already bounded.</param>
public readonly record struct WebSocketFrameHeader(bool IsFinal, WebSocketOpcode Opcode, bool IsMasked, uint MaskKey, int PayloadLength)
{
    /// <summary>Longest encoded header: 2 bytes, 8 of length, 4 of mask key.</summary>
    public const int MaxLength = 14;

    /// <summary>Longest payload of a control frame (RFC 6455 section 5.5).</summary>
    public const int MaxControlPayload = 125;

    /// <summary>Encoded length in bytes.</summary>
    public int Length => LengthFor(PayloadLength, IsMasked);

    /// <summary>Encoded length of a header for a payload, in bytes.</summary>
    public static int LengthFor(int payloadLength, bool isMasked) =>
        (payloadLength <= 125 ? 2 : payloadLength <= ushort.MaxValue ? 4 : 10) + (isMasked ? 4 : 0);

    /// <summary>Writes the header with the shortest length form.</summary>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> destination)
    {
        destination[0] = (byte)((IsFinal ? 0x80 : 0) | (byte)Opcode);
        byte mask = (byte)(IsMasked ? 0x80 : 0);
        int at;
        if (PayloadLength <= 125)
        {
            destination[1] = (byte)(mask | PayloadLength);
            at = 2;
        }
        else if (PayloadLength <= ushort.MaxValue)
        {
            destination[1] = (byte)(mask | 126);
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)PayloadLength);
            at = 4;
        }
        else
        {
            destination[1] = (byte)(mask | 127);
            BinaryPrimitives.WriteUInt64BigEndian(destination[2..], (ulong)PayloadLength);
            at = 10;
        }
        if (IsMasked)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], MaskKey);
            at += 4;
        }
        return at;
    }

    /// <summary>
    /// Parses a header as received by <paramref name="localRole"/>. Malformed: a reserved bit or opcode, a masked frame to a client or an unmasked one
    /// to a server, a control frame that is fragmented or over 125 bytes, a length not in its shortest form (all 1002), or a length over
    /// <paramref name="maxPayload"/> (1009). The length is judged before anyone buffers for it.
    /// </summary>
    /// <param name="source">Received bytes.</param>
    /// <param name="localRole">The receiving end.</param>
    /// <param name="maxPayload">Longest payload allowed.</param>
    /// <param name="header">The header when complete.</param>
    /// <param name="error">The close code to answer with when malformed.</param>
    public static ParseStatus TryRead(
        ReadOnlySpan<byte> source, WebSocketRole localRole, int maxPayload, out WebSocketFrameHeader header, out WebSocketCloseCode error)
    {
        header = default;
        error = WebSocketCloseCode.ProtocolError;
        if (source.IsEmpty)
        {
            return ParseStatus.NeedMoreData;
        }
        byte first = source[0];
        WebSocketOpcode opcode = (WebSocketOpcode)(first & 0x0F);
        bool isFinal = (first & 0x80) != 0;
        bool isControl = opcode >= WebSocketOpcode.Close;
        if ((first & 0x70) != 0 || opcode is (> WebSocketOpcode.Binary and < WebSocketOpcode.Close) or > WebSocketOpcode.Pong || (isControl && !isFinal))
        {
            return ParseStatus.Malformed;
        }
        if (source.Length < 2)
        {
            return ParseStatus.NeedMoreData;
        }
        bool isMasked = (source[1] & 0x80) != 0;
        ulong length = (ulong)(source[1] & 0x7F);
        if (isMasked != (localRole == WebSocketRole.Server) || (isControl && length > MaxControlPayload))
        {
            return ParseStatus.Malformed;
        }
        int at = 2;
        if (length == 126)
        {
            if (source.Length < 4)
            {
                return ParseStatus.NeedMoreData;
            }
            length = BinaryPrimitives.ReadUInt16BigEndian(source[2..]);
            at = 4;
            if (length <= 125)
            {
                return ParseStatus.Malformed;
            }
        }
        else if (length == 127)
        {
            if (source.Length < 10)
            {
                return ParseStatus.NeedMoreData;
            }
            length = BinaryPrimitives.ReadUInt64BigEndian(source[2..]);
            at = 10;
            if (length <= ushort.MaxValue || length > long.MaxValue)
            {
                return ParseStatus.Malformed;
            }
        }
        if (length > (ulong)maxPayload)
        {
            error = WebSocketCloseCode.MessageTooBig;
            return ParseStatus.Malformed;
        }
        uint key = 0;
        if (isMasked)
        {
            if (source.Length < at + 4)
            {
                return ParseStatus.NeedMoreData;
            }
            key = BinaryPrimitives.ReadUInt32LittleEndian(source[at..]);
        }
        header = new WebSocketFrameHeader(isFinal, opcode, isMasked, key, (int)length);
        error = WebSocketCloseCode.None;
        return ParseStatus.Complete;
    }
}
