using System.Buffers.Binary;

namespace Qanat.Wire.WebSockets;

/// <summary>Close codes (RFC 6455 section 7.4) and Qanat's own in the private range.</summary>
public enum WebSocketCloseCode : ushort
{
    /// <summary>Not a code: no error, or a close frame without one.</summary>
    None = 0,
    /// <summary>Orderly end.</summary>
    Normal = 1000,
    /// <summary>The hub drains.</summary>
    GoingAway = 1001,
    /// <summary>RFC 6455 was broken.</summary>
    ProtocolError = 1002,
    /// <summary>A text message.</summary>
    UnsupportedData = 1003,
    /// <summary>A message that is not a header-1 frame.</summary>
    InvalidPayload = 1007,
    /// <summary>A rate bound or other rule was broken.</summary>
    PolicyViolation = 1008,
    /// <summary>Longer than the longest frame.</summary>
    MessageTooBig = 1009,
    /// <summary>Qanat: a newer link of the same mid took this one's place.</summary>
    Replaced = 4001,
    /// <summary>Qanat: the membership is revoked or was never granted.</summary>
    Denied = 4003,
}

/// <summary>Payload of a Close frame.</summary>
public static class WebSocketClose
{
    /// <summary>Reads the code. False when the payload is one byte long or the code may not be sent (RFC 6455 section 7.4): answer 1002.</summary>
    public static bool TryReadCode(ReadOnlySpan<byte> payload, out WebSocketCloseCode code)
    {
        code = WebSocketCloseCode.None;
        if (payload.IsEmpty)
        {
            return true;
        }
        if (payload.Length < 2)
        {
            return false;
        }
        int value = BinaryPrimitives.ReadUInt16BigEndian(payload);
        code = (WebSocketCloseCode)value;
        return value is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);
    }

    /// <summary>Writes the code, without a text.</summary>
    /// <returns>Bytes written: 2, or 0 for <see cref="WebSocketCloseCode.None"/>.</returns>
    public static int Write(Span<byte> destination, WebSocketCloseCode code)
    {
        if (code == WebSocketCloseCode.None)
        {
            return 0;
        }
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)code);
        return 2;
    }
}
