using System.Buffers.Binary;

namespace Qanat.Wire;

/// <summary>
/// Header 1: the fixed 52-byte header of every frame on a link, big-endian. See docs/protocol/link.md.
/// The payload length is not in it: the WebSocket message or the TCP length prefix bounds the frame.
/// </summary>
/// <param name="Type">What the frame is.</param>
/// <param name="Reason">Why, for REJECT, RESET and UNREACHABLE; otherwise <see cref="FrameReason.None"/>.</param>
/// <param name="Flags">Type-specific flags; zero unless the type defines them.</param>
/// <param name="Source">Mid of the frame's author.</param>
/// <param name="Destination">Mid of the frame's addressee; hubs route by it.</param>
/// <param name="SessionId">Tunnel id: 64 random bits chosen by the initiator; the request id in control frames.</param>
/// <param name="Offset">Byte offset in the author's direction of the session (or the peer's, for ACK and RESUME).</param>
public readonly record struct FrameHeader(
    FrameType Type, FrameReason Reason, byte Flags, Mid Source, Mid Destination, ulong SessionId, ulong Offset)
{
    /// <summary>Encoded length in bytes.</summary>
    public const int Length = 52;

    /// <summary>Protocol version in the first byte.</summary>
    public const byte Version = 0x01;

    /// <summary>Longest payload after the header, in bytes.</summary>
    public const int MaxPayload = 65536;

    /// <summary>Longest frame (header and payload), in bytes.</summary>
    public const int MaxFrame = Length + MaxPayload;

    /// <summary>Writes the 52 header bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="Length"/>.</exception>
    public void Write(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Length);
        destination[0] = Version;
        destination[1] = (byte)Type;
        destination[2] = (byte)Reason;
        destination[3] = Flags;
        Source.Write(destination[4..]);
        Destination.Write(destination[20..]);
        BinaryPrimitives.WriteUInt64BigEndian(destination[36..], SessionId);
        BinaryPrimitives.WriteUInt64BigEndian(destination[44..], Offset);
    }

    /// <summary>
    /// Parses one whole frame as delivered by the link. <see cref="ParseStatus.Malformed"/> on a wrong version, a frame
    /// shorter than the header or longer than <see cref="MaxFrame"/>, or an unknown type.
    /// </summary>
    public static ParseStatus TryRead(ReadOnlySpan<byte> frame, out FrameHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        payload = default;
        if (frame.Length is < Length or > MaxFrame || frame[0] != Version || !IsKnown((FrameType)frame[1]))
        {
            return ParseStatus.Malformed;
        }
        header = new FrameHeader(
            (FrameType)frame[1],
            (FrameReason)frame[2],
            frame[3],
            Mid.Read(frame[4..]),
            Mid.Read(frame[20..]),
            BinaryPrimitives.ReadUInt64BigEndian(frame[36..]),
            BinaryPrimitives.ReadUInt64BigEndian(frame[44..]));
        payload = frame[Length..];
        return ParseStatus.Complete;
    }

    private static bool IsKnown(FrameType type) =>
        type is (>= FrameType.Open and <= FrameType.Reset) or (>= FrameType.Ping and <= FrameType.Ticket);
}
