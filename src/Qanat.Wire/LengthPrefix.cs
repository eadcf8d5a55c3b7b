using System.Buffers.Binary;

namespace Qanat.Wire;

/// <summary>The u32 big-endian length in front of each block on a TCP link. See docs/protocol/link.md.</summary>
public static class LengthPrefix
{
    /// <summary>Length of the prefix in bytes.</summary>
    public const int Length = 4;

    /// <summary>Length of a close block: a u16 close code, the same codes as on a WebSocket.</summary>
    public const int CloseLength = 2;

    /// <summary>Writes the prefix.</summary>
    public static void Write(Span<byte> destination, int length) => BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)length);

    /// <summary>Reads the prefix; malformed when it is zero or over <paramref name="maxLength"/>, before anyone buffers for it.</summary>
    public static ParseStatus TryRead(ReadOnlySpan<byte> source, int maxLength, out int length)
    {
        length = 0;
        if (source.Length < Length)
        {
            return ParseStatus.NeedMoreData;
        }
        uint value = BinaryPrimitives.ReadUInt32BigEndian(source);
        if (value == 0 || value > (uint)maxLength)
        {
            return ParseStatus.Malformed;
        }
        length = (int)value;
        return ParseStatus.Complete;
    }
}
