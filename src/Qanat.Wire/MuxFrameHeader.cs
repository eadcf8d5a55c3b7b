using System.Buffers.Binary;

namespace Qanat.Wire;

/// <summary>Type byte of header 2.</summary>
public enum MuxFrameType : byte
{
    /// <summary>Never sent.</summary>
    None = 0,
    /// <summary>New connection. Payload: name length (u8), service name (UTF-8), then the first data bytes.</summary>
    Open = 1,
    /// <summary>Connection bytes.</summary>
    Data = 2,
    /// <summary>The sender of this frame has room for this many more bytes (payload u32).</summary>
    Window = 3,
    /// <summary>The sender of this frame will send no more on the connection (half-close).</summary>
    Fin = 4,
    /// <summary>The connection is gone at once. Payload: <see cref="MuxResetReason"/> (u8).</summary>
    Reset = 5,
    /// <summary>The sender takes no new connections; those open carry on. Connection id 0.</summary>
    GoAway = 6,
}

/// <summary>Why a multiplexed connection was reset.</summary>
public enum MuxResetReason : byte
{
    /// <summary>No reason.</summary>
    None = 0,
    /// <summary>The local side gave up (aborted request, application reset).</summary>
    Cancelled = 1,
    /// <summary>No service of that name is published there.</summary>
    UnknownService = 2,
    /// <summary>The target's access rules refuse this peer for this service.</summary>
    Denied = 3,
    /// <summary>The service's own address refused the connection.</summary>
    ServiceRefused = 4,
    /// <summary>The service's own address did not answer in time.</summary>
    ServiceTimeout = 5,
    /// <summary>Too many connections, or opens too fast.</summary>
    TooManyConnections = 6,
    /// <summary>The peer broke the multiplexing protocol on this connection.</summary>
    ProtocolError = 7,
    /// <summary>The peer sent more than it had credit for.</summary>
    FlowControl = 8,
    /// <summary>The node is shutting down.</summary>
    ShuttingDown = 9,
    /// <summary>The service's connection was lost in mid-stream.</summary>
    ServiceReset = 10,
}

/// <summary>Header 2: 8 bytes, big-endian, inside layer-2 TLS. See docs/protocol/mux.md.</summary>
/// <param name="Type">What the frame is.</param>
/// <param name="ConnectionId">Connection id: odd from the TLS client's side, even from the server's; 0 for the tunnel itself.</param>
/// <param name="PayloadLength">Bytes that follow, at most <see cref="MaxPayload"/>.</param>
public readonly record struct MuxFrameHeader(MuxFrameType Type, uint ConnectionId, int PayloadLength)
{
    /// <summary>Encoded length in bytes.</summary>
    public const int Length = 8;

    /// <summary>Longest payload: header and payload fill one TLS record (RFC 8446 section 5.1, 16,384 bytes).</summary>
    public const int MaxPayload = 16384 - Length;

    /// <summary>Writes type (u8), reserved zero (u8), payload length (u16), connection id (u32).</summary>
    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)Type;
        destination[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)PayloadLength);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], ConnectionId);
    }

    /// <summary>Parses the 8 bytes; the length is bounded before anyone allocates by it.</summary>
    public static ParseStatus TryRead(ReadOnlySpan<byte> source, out MuxFrameHeader header)
    {
        header = default;
        if (source.Length < Length)
        {
            return ParseStatus.NeedMoreData;
        }
        int length = BinaryPrimitives.ReadUInt16BigEndian(source[2..]);
        if (source[0] is 0 or > (byte)MuxFrameType.GoAway || source[1] != 0 || length > MaxPayload)
        {
            return ParseStatus.Malformed;
        }
        header = new MuxFrameHeader((MuxFrameType)source[0], BinaryPrimitives.ReadUInt32BigEndian(source[4..]), length);
        return ParseStatus.Complete;
    }
}
