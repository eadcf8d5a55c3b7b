namespace Qanat.Tls.Messages;

/// <summary>DER names of certificate authorities in a CertificateRequest, checked for structure when read. A view; the bytes belong to the message.</summary>
public readonly ref struct DistinguishedNameList
{
    private readonly ReadOnlySpan<byte> _bytes;

    private DistinguishedNameList(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>True when any authority will do.</summary>
    public bool IsEmpty => _bytes.IsEmpty;

    /// <summary>True when the list has this DER name.</summary>
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

    /// <summary>Enumerates in wire order.</summary>
    public Enumerator GetEnumerator() => new(_bytes);

    internal static bool TryCreate(ReadOnlySpan<byte> bytes, out DistinguishedNameList list)
    {
        list = new DistinguishedNameList(bytes);
        TlsReader reader = new(bytes);
        while (!reader.IsEmpty)
        {
            if (!reader.TryReadVector16(1, ushort.MaxValue, out _))
            {
                return false;
            }
        }
        return true;
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
        public bool MoveNext() => _reader.TryReadVector16(1, ushort.MaxValue, out _current);
    }
}
