using System.Buffers.Binary;

namespace Qanat.Cli.Demo.Capture;

/// <summary>Takes the messages out of one recorded direction of a WebSocket connection (RFC 6455 section 5.2), unmasked.</summary>
internal static class WebSocketMessages
{
    /// <summary>
    /// All data messages, joined from their fragments; the last one may be cut off where the recording ends. The HTTP upgrade in
    /// front is left out. Control frames are left out.
    /// </summary>
    public static IEnumerable<byte[]> Read(byte[] direction)
    {
        int at = direction.AsSpan().IndexOf("\r\n\r\n"u8);
        if (at < 0)
        {
            yield break;
        }
        at += 4;
        MemoryStream message = new();
        while (TryReadFrame(direction, ref at, out bool isFinal, out int opcode, out byte[] payload))
        {
            if (opcode >= 0x8)
            {
                continue;
            }
            message.Write(payload);
            if (isFinal)
            {
                yield return message.ToArray();
                message.SetLength(0);
            }
        }
        if (message.Length > 0)
        {
            yield return message.ToArray();
        }
    }

    private static bool TryReadFrame(byte[] bytes, ref int at, out bool isFinal, out int opcode, out byte[] payload)
    {
        (isFinal, opcode, payload) = (false, 0, []);
        ReadOnlySpan<byte> rest = bytes.AsSpan(at);
        if (rest.Length < 2)
        {
            return false;
        }
        isFinal = (rest[0] & 0x80) != 0;
        opcode = rest[0] & 0x0F;
        bool isMasked = (rest[1] & 0x80) != 0;
        int lengthCode = rest[1] & 0x7F;
        int lengthBytes = lengthCode switch { 126 => 2, 127 => 8, _ => 0 };
        int head = 2 + lengthBytes + (isMasked ? 4 : 0);
        if (rest.Length < head)
        {
            return false;
        }
        ulong length = lengthBytes switch
        {
            2 => BinaryPrimitives.ReadUInt16BigEndian(rest[2..]),
            8 => BinaryPrimitives.ReadUInt64BigEndian(rest[2..]),
            _ => (ulong)lengthCode,
        };
        int taken = (int)Math.Min(length, (ulong)(rest.Length - head));
        payload = rest.Slice(head, taken).ToArray();
        if (isMasked)
        {
            ReadOnlySpan<byte> mask = rest.Slice(head - 4, 4);
            for (int i = 0; i < payload.Length; i++)
            {
                payload[i] ^= mask[i & 3];
            }
        }
        // A frame cut off by the end of the recording counts as final: what there is of it is searched too.
        isFinal |= (ulong)taken < length;
        at += head + taken;
        return true;
    }
}
