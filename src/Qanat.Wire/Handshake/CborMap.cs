using System.Formats.Cbor;

namespace Qanat.Wire.Handshake;

/// <summary>
/// A CBOR map with unsigned integer keys in deterministic encoding (RFC 8949 section 4.2), read with bounds. Unknown keys stay unread.
/// Getters return false for an absent key, another type, or a value out of bounds.
/// </summary>
public sealed class CborMap
{
    /// <summary>Most entries; with this bound the map's own header is always one byte.</summary>
    public const int MaxEntries = 23;

    private readonly byte[] _bytes;
    private readonly (ulong Key, int Start, int ValueStart, int End)[] _entries;

    private CborMap(byte[] bytes, (ulong, int, int, int)[] entries) => (_bytes, _entries) = (bytes, entries);

    /// <summary>The whole encoded map.</summary>
    public ReadOnlyMemory<byte> Encoded => _bytes;

    /// <summary>Reads one map that fills <paramref name="source"/>. False when it is anything else; never throws on input.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, int maxBytes, out CborMap map)
    {
        map = null!;
        if (source.IsEmpty || source.Length > maxBytes || source[0] is < 0xA0 or > 0xA0 + MaxEntries)
        {
            return false;
        }
        byte[] bytes = source.ToArray();
        var entries = new (ulong, int, int, int)[bytes[0] - 0xA0];
        try
        {
            CborReader reader = new(bytes, CborConformanceMode.Canonical);
            reader.ReadStartMap();
            for (int i = 0; i < entries.Length; i++)
            {
                int start = bytes.Length - reader.BytesRemaining;
                ulong key = reader.ReadUInt64();
                int valueStart = bytes.Length - reader.BytesRemaining;
                reader.SkipValue();
                entries[i] = (key, start, valueStart, bytes.Length - reader.BytesRemaining);
            }
            reader.ReadEndMap();
            if (reader.BytesRemaining != 0)
            {
                return false;
            }
        }
        catch (Exception e) when (IsBadContent(e))
        {
            return false;
        }
        map = new CborMap(bytes, entries);
        return true;
    }

    /// <summary>True when the key is there.</summary>
    public bool Has(ulong key) => Find(key, out _);

    /// <summary>The encoded map as it would be without <paramref name="key"/>: what a signature in that key is over.</summary>
    public byte[] EncodeWithout(ulong key)
    {
        foreach ((ulong entryKey, int start, _, int end) in _entries)
        {
            if (entryKey == key)
            {
                byte[] rest = [(byte)(_bytes[0] - 1), .. _bytes.AsSpan(1, start - 1), .. _bytes.AsSpan(end)];
                return rest;
            }
        }
        return _bytes;
    }

    /// <summary>An unsigned integer.</summary>
    public bool TryGetUInt(ulong key, ulong max, out ulong value) =>
        TryGet(key, static r => r.ReadUInt64(), out value) && value <= max;

    /// <summary>A byte string of <paramref name="minBytes"/> to <paramref name="maxBytes"/> bytes.</summary>
    public bool TryGetBytes(ulong key, int minBytes, int maxBytes, out byte[] value) =>
        TryGet(key, static r => r.ReadByteString(), out value) && value.Length >= minBytes && value.Length <= maxBytes;

    /// <summary>A text string of at most <paramref name="maxChars"/> characters, none of them a control character: it may end up in a log, a terminal or a header.</summary>
    public bool TryGetText(ulong key, int maxChars, out string value) =>
        TryGet(key, static r => r.ReadTextString(), out value) && IsFit(value, maxChars);

    /// <summary>An array of such text strings.</summary>
    public bool TryGetTexts(ulong key, int maxCount, int maxChars, out string[] values) =>
        TryGet(key, r => ReadArray(r, maxCount, static item => item.ReadTextString()), out values) && values.All(v => IsFit(v, maxChars));

    /// <summary>An array of byte strings.</summary>
    public bool TryGetByteStrings(ulong key, int maxCount, int maxBytes, out byte[][] values) =>
        TryGet(key, r => ReadArray(r, maxCount, static item => item.ReadByteString()), out values) && values.All(v => v.Length <= maxBytes);

    private static T[] ReadArray<T>(CborReader reader, int maxCount, Func<CborReader, T> readItem)
    {
        int count = reader.ReadStartArray() ?? int.MaxValue;
        if (count > maxCount)
        {
            throw new CborContentException($"An array of over {maxCount} items.");
        }
        T[] items = new T[count];
        for (int i = 0; i < count; i++)
        {
            items[i] = readItem(reader);
        }
        reader.ReadEndArray();
        return items;
    }

    private static bool IsFit(string text, int maxChars) => text.Length <= maxChars && !text.Any(char.IsControl);

    private bool TryGet<T>(ulong key, Func<CborReader, T> read, out T value)
    {
        value = default!;
        if (!Find(key, out ReadOnlyMemory<byte> encoded))
        {
            return false;
        }
        try
        {
            value = read(new CborReader(encoded, CborConformanceMode.Canonical));
            return true;
        }
        catch (Exception e) when (IsBadContent(e))
        {
            return false;
        }
    }

    private bool Find(ulong key, out ReadOnlyMemory<byte> value)
    {
        foreach ((ulong entryKey, _, int valueStart, int end) in _entries)
        {
            if (entryKey == key)
            {
                value = _bytes.AsMemory(valueStart, end - valueStart);
                return true;
            }
        }
        value = default;
        return false;
    }

    // The reader throws InvalidOperationException for another type than asked, OverflowException for a number out of range.
    private static bool IsBadContent(Exception e) => e is CborContentException or InvalidOperationException or OverflowException or FormatException;
}
