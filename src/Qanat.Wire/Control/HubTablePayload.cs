using System.Formats.Cbor;
using Qanat.Wire.Handshake;

namespace Qanat.Wire.Control;

/// <summary>Payload of HUBS: an array of signed hub records, each a byte string that <see cref="HubRecord.TryVerify"/> reads.</summary>
public static class HubTablePayload
{
    /// <summary>Most records in one payload.</summary>
    public const int MaxRecords = 128;

    /// <summary>The encoded payload of as many records as fit a frame.</summary>
    public static byte[] Encode(IReadOnlyList<byte[]> records)
    {
        int count = 0;
        for (int bytes = 8; count < records.Count && count < MaxRecords && bytes + records[count].Length + 4 <= FrameHeader.MaxPayload; count++)
        {
            bytes += records[count].Length + 4;
        }
        CborWriter writer = new(CborConformanceMode.Canonical);
        writer.WriteStartArray(count);
        for (int i = 0; i < count; i++)
        {
            writer.WriteByteString(records[i]);
        }
        writer.WriteEndArray();
        return writer.Encode();
    }

    /// <summary>Takes the records apart; does not verify them.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out byte[][] records)
    {
        records = [];
        if (payload.Length > FrameHeader.MaxPayload)
        {
            return false;
        }
        try
        {
            CborReader reader = new(payload.ToArray(), CborConformanceMode.Canonical);
            int? count = reader.ReadStartArray();
            if (count is null or > MaxRecords)
            {
                return false;
            }
            byte[][] read = new byte[count.Value][];
            for (int i = 0; i < read.Length; i++)
            {
                read[i] = reader.ReadByteString();
                if (read[i].Length > LinkHandshake.MaxSigned)
                {
                    return false;
                }
            }
            reader.ReadEndArray();
            if (reader.BytesRemaining != 0)
            {
                return false;
            }
            records = read;
            return true;
        }
        catch (Exception e) when (e is CborContentException or InvalidOperationException or OverflowException)
        {
            return false;
        }
    }
}
