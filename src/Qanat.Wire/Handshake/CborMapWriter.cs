using System.Formats.Cbor;

namespace Qanat.Wire.Handshake;

/// <summary>Writes a map that <see cref="CborMap"/> reads. Keys may come in any order; absent (null) values are left out.</summary>
public sealed class CborMapWriter
{
    private readonly CborWriter _writer = new(CborConformanceMode.Canonical, convertIndefiniteLengthEncodings: true);

    /// <summary>Starts a map.</summary>
    public CborMapWriter() => _writer.WriteStartMap(null);

    /// <summary>Adds an unsigned integer.</summary>
    public CborMapWriter Add(ulong key, ulong? value)
    {
        if (value is not null)
        {
            _writer.WriteUInt64(key);
            _writer.WriteUInt64(value.Value);
        }
        return this;
    }

    /// <summary>Adds a text string.</summary>
    public CborMapWriter Add(ulong key, string? value)
    {
        if (value is not null)
        {
            _writer.WriteUInt64(key);
            _writer.WriteTextString(value);
        }
        return this;
    }

    /// <summary>Adds a byte string.</summary>
    public CborMapWriter Add(ulong key, byte[]? value)
    {
        if (value is not null)
        {
            _writer.WriteUInt64(key);
            _writer.WriteByteString(value);
        }
        return this;
    }

    /// <summary>Adds an array of text strings; left out when empty.</summary>
    public CborMapWriter Add(ulong key, IReadOnlyList<string> values)
    {
        if (values.Count > 0)
        {
            _writer.WriteUInt64(key);
            _writer.WriteStartArray(values.Count);
            foreach (string value in values)
            {
                _writer.WriteTextString(value);
            }
            _writer.WriteEndArray();
        }
        return this;
    }

    /// <summary>Adds an array of byte strings; left out when empty.</summary>
    public CborMapWriter Add(ulong key, IReadOnlyList<byte[]> values)
    {
        if (values.Count > 0)
        {
            _writer.WriteUInt64(key);
            _writer.WriteStartArray(values.Count);
            foreach (byte[] value in values)
            {
                _writer.WriteByteString(value);
            }
            _writer.WriteEndArray();
        }
        return this;
    }

    /// <summary>Ends the map and returns its bytes.</summary>
    public byte[] Encode()
    {
        _writer.WriteEndMap();
        return _writer.Encode();
    }
}
