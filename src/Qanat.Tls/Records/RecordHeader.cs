using System.Buffers.Binary;

namespace Qanat.Tls.Records;

/// <summary>The five bytes in front of every record: type, version, length of the fragment (RFC 8446 section 5.1, GB/T 38636 section 6.3.3).</summary>
/// <param name="Type">Content type as the wire shows it.</param>
/// <param name="Version">The record's version; 0x0101 for TLCP, 0x0303 (first 0x0301) for TLS 1.3.</param>
/// <param name="Length">Bytes that follow the header.</param>
public readonly record struct RecordHeader(RecordType Type, ushort Version, int Length)
{
    /// <summary>Encoded length of the header in bytes.</summary>
    public const int Size = 5;

    /// <summary>Longest plaintext of one record, in bytes (RFC 8446 section 5.1).</summary>
    public const int MaxPlaintext = 1 << 14;

    /// <summary>Longest protected fragment in TLS 1.3: plaintext and 256 bytes (RFC 8446 section 5.2).</summary>
    public const int MaxTls13Ciphertext = MaxPlaintext + 256;

    /// <summary>Longest protected fragment in TLCP: plaintext and 2048 bytes (GB/T 38636 section 6.3.3.4).</summary>
    public const int MaxTlcpCiphertext = MaxPlaintext + 2048;

    /// <summary>Writes the five bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="Size"/>.</exception>
    public void Write(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Size);
        destination[0] = (byte)Type;
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], Version);
        BinaryPrimitives.WriteUInt16BigEndian(destination[3..], (ushort)Length);
    }

    /// <summary>
    /// Reads a header: <see cref="TlsReadStatus.Complete"/>, <see cref="TlsReadStatus.NeedMoreData"/> below five bytes, or
    /// <see cref="TlsReadStatus.Malformed"/> with <see cref="SmTlsError.InvalidRecordType"/>, <see cref="SmTlsError.InvalidRecordVersion"/>
    /// (major version neither 3 nor TLCP's 0x0101) or <see cref="SmTlsError.RecordOverflow"/>. Judged byte by byte: garbage is refused as soon as it shows.
    /// </summary>
    /// <param name="source">Received bytes from the record's start.</param>
    /// <param name="maxLength">Longest fragment allowed now.</param>
    /// <param name="header">The header when complete.</param>
    /// <param name="error">Why it is malformed.</param>
    public static TlsReadStatus TryRead(ReadOnlySpan<byte> source, int maxLength, out RecordHeader header, out SmTlsError error)
    {
        header = default;
        error = SmTlsError.None;
        if (source.Length >= 1 && (RecordType)source[0] is < RecordType.ChangeCipherSpec or > RecordType.ApplicationData)
        {
            error = SmTlsError.InvalidRecordType;
        }
        else if ((source.Length >= 2 && source[1] is not (0x01 or 0x03)) || (source.Length >= 3 && source[1] == 0x01 && source[2] != 0x01))
        {
            error = SmTlsError.InvalidRecordVersion;
        }
        else if (source.Length >= Size)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(source[3..]);
            if (length <= maxLength)
            {
                header = new RecordHeader((RecordType)source[0], BinaryPrimitives.ReadUInt16BigEndian(source[1..]), length);
                return TlsReadStatus.Complete;
            }
            error = SmTlsError.RecordOverflow;
        }
        return error == SmTlsError.None ? TlsReadStatus.NeedMoreData : TlsReadStatus.Malformed;
    }
}
