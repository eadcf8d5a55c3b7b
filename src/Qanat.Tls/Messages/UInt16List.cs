using System.Buffers.Binary;

namespace Qanat.Tls.Messages;

/// <summary>A list of 16-bit numbers on the wire: suites, groups, versions, signature schemes. A view; the bytes belong to the message.</summary>
public readonly ref struct UInt16List
{
    private readonly ReadOnlySpan<byte> _bytes;

    private UInt16List(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>How many.</summary>
    public int Count => _bytes.Length / 2;

    /// <summary>The numbers as they stand on the wire.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The number at <paramref name="index"/>.</summary>
    public ushort this[int index] => BinaryPrimitives.ReadUInt16BigEndian(_bytes[(2 * index)..]);

    /// <summary>True when the list has <paramref name="value"/>.</summary>
    public bool Contains(ushort value)
    {
        for (int i = 0; i < Count; i++)
        {
            if (this[i] == value)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>A copy.</summary>
    public ushort[] ToArray()
    {
        ushort[] copy = new ushort[Count];
        for (int i = 0; i < copy.Length; i++)
        {
            copy[i] = this[i];
        }
        return copy;
    }

    /// <summary>False for an odd number of bytes or none at all.</summary>
    internal static bool TryCreate(ReadOnlySpan<byte> bytes, out UInt16List list)
    {
        list = new UInt16List(bytes);
        return bytes.Length > 0 && bytes.Length % 2 == 0;
    }
}
