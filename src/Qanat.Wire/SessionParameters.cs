using System.Buffers.Binary;

namespace Qanat.Wire;

/// <summary>Payload of OPEN and ACCEPT: what the sender of the frame is ready to receive. 12 bytes, big-endian.</summary>
/// <param name="MinVersion">Lowest session protocol version spoken.</param>
/// <param name="MaxVersion">Highest session protocol version spoken; in ACCEPT the version chosen (equal to <paramref name="MinVersion"/>).</param>
/// <param name="ReceiveLimit">Absolute offset up to which the peer may send before hearing more.</param>
public readonly record struct SessionParameters(byte MinVersion, byte MaxVersion, ulong ReceiveLimit)
{
    /// <summary>Encoded length in bytes.</summary>
    public const int Length = 12;

    /// <summary>The one session version so far.</summary>
    public const byte CurrentVersion = 1;

    /// <summary>Writes the 12 bytes: min version, max version, two zero bytes, receive limit.</summary>
    public void Write(Span<byte> destination)
    {
        destination[0] = MinVersion;
        destination[1] = MaxVersion;
        destination[2] = 0;
        destination[3] = 0;
        BinaryPrimitives.WriteUInt64BigEndian(destination[4..], ReceiveLimit);
    }

    /// <summary>Parses the 12 bytes; extra bytes are left to later versions.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out SessionParameters parameters)
    {
        parameters = default;
        if (source.Length < Length || source[0] == 0 || source[1] < source[0])
        {
            return false;
        }
        parameters = new SessionParameters(source[0], source[1], BinaryPrimitives.ReadUInt64BigEndian(source[4..]));
        return true;
    }
}
