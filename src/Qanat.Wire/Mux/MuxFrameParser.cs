using System.Buffers.Binary;

namespace Qanat.Wire.Mux;

/// <summary>Decode loop over decrypted bytes: takes whole frames off the front of a span and checks what does not depend on state.</summary>
public static class MuxFrameParser
{
    /// <summary>
    /// Takes one frame off the front of <paramref name="source"/>. On <see cref="ParseStatus.NeedMoreData"/> and
    /// <see cref="ParseStatus.Malformed"/> the source is unchanged. Never throws, never allocates.
    /// </summary>
    public static ParseStatus TryTake(ref ReadOnlySpan<byte> source, out MuxFrameHeader header, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        ParseStatus status = MuxFrameHeader.TryRead(source, out header);
        if (status != ParseStatus.Complete)
        {
            return status;
        }
        if (!IsValid(header))
        {
            return ParseStatus.Malformed;
        }
        int length = MuxFrameHeader.Length + header.PayloadLength;
        if (source.Length < length)
        {
            return ParseStatus.NeedMoreData;
        }
        payload = source[MuxFrameHeader.Length..length];
        source = source[length..];
        return ParseStatus.Complete;
    }

    /// <summary>The u32 of a WINDOW or GOAWAY payload.</summary>
    public static uint ReadNumber(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt32BigEndian(payload);

    private static bool IsValid(in MuxFrameHeader header) => header.Type switch
    {
        MuxFrameType.GoAway => header is { ConnectionId: 0, PayloadLength: 4 },
        MuxFrameType.Open => header.ConnectionId != 0 && header.PayloadLength >= 2,
        MuxFrameType.Data => header.ConnectionId != 0 && header.PayloadLength >= 1,
        MuxFrameType.Window => header.ConnectionId != 0 && header.PayloadLength == 4,
        MuxFrameType.Fin => header.ConnectionId != 0 && header.PayloadLength == 0,
        MuxFrameType.Reset => header.ConnectionId != 0 && header.PayloadLength == 1,
        _ => false,
    };
}
