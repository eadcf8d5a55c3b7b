namespace Qanat.Tls.Messages;

/// <summary>Names in application_layer_protocol_negotiation (RFC 7301 section 3.1), checked when read. A view; the bytes belong to the message.</summary>
public readonly ref struct ProtocolNameList
{
    private readonly ReadOnlySpan<byte> _bytes;

    private ProtocolNameList(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>True when absent.</summary>
    public bool IsEmpty => _bytes.IsEmpty;

    /// <summary>True when the list has this name.</summary>
    public bool Contains(ReadOnlySpan<byte> name)
    {
        foreach (ReadOnlySpan<byte> one in this)
        {
            if (one.SequenceEqual(name))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>True when there is exactly one name, as a server's answer must have.</summary>
    public bool TryGetOnly(out ReadOnlySpan<byte> name)
    {
        TlsReader reader = new(_bytes);
        return reader.TryReadVector8(1, byte.MaxValue, out name) && reader.IsEmpty;
    }

    /// <summary>Enumerates in wire order.</summary>
    public Enumerator GetEnumerator() => new(_bytes);

    internal static SmTlsError Read(ReadOnlySpan<byte> body, out ProtocolNameList list)
    {
        list = default;
        if (TlsExtensions.ReadVector16(body, 2, out ReadOnlySpan<byte> bytes) is var error and not SmTlsError.None)
        {
            return error;
        }
        TlsReader reader = new(bytes);
        while (!reader.IsEmpty)
        {
            if (!reader.TryReadVector8(1, byte.MaxValue, out _))
            {
                return SmTlsError.DecodeError;
            }
        }
        list = new ProtocolNameList(bytes);
        return SmTlsError.None;
    }

    /// <summary>Walks the list.</summary>
    public ref struct Enumerator
    {
        private TlsReader _reader;
        private ReadOnlySpan<byte> _current;

        internal Enumerator(ReadOnlySpan<byte> bytes) => _reader = new TlsReader(bytes);

        /// <summary>The name at hand.</summary>
        public readonly ReadOnlySpan<byte> Current => _current;

        /// <summary>Goes to the next one.</summary>
        public bool MoveNext() => _reader.TryReadVector8(1, byte.MaxValue, out _current);
    }
}
