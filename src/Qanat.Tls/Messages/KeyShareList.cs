namespace Qanat.Tls.Messages;

/// <summary>One key share (RFC 8446 section 4.2.8).</summary>
public readonly ref struct KeyShareEntry
{
    internal KeyShareEntry(NamedGroup group, ReadOnlySpan<byte> share)
    {
        Group = group;
        Share = share;
    }

    /// <summary>The group, known or not.</summary>
    public NamedGroup Group { get; }

    /// <summary>The share, at least one byte; its meaning is the group's.</summary>
    public ReadOnlySpan<byte> Share { get; }
}

/// <summary>key_share of a ClientHello, checked when read. A view; the bytes belong to the message.</summary>
public readonly ref struct KeyShareList
{
    /// <summary>More shares than this in one hello are refused.</summary>
    public const int MaxCount = 32;

    private readonly ReadOnlySpan<byte> _bytes;

    private KeyShareList(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>True when absent or empty.</summary>
    public bool IsEmpty => _bytes.IsEmpty;

    /// <summary>Finds the share of a group.</summary>
    public bool TryGet(NamedGroup group, out ReadOnlySpan<byte> share)
    {
        foreach (KeyShareEntry entry in this)
        {
            if (entry.Group == group)
            {
                share = entry.Share;
                return true;
            }
        }
        share = default;
        return false;
    }

    /// <summary>Enumerates in wire order.</summary>
    public Enumerator GetEnumerator() => new(_bytes);

    internal static SmTlsError Read(ReadOnlySpan<byte> body, out KeyShareList list)
    {
        list = default;
        if (TlsExtensions.ReadVector16(body, 0, out ReadOnlySpan<byte> bytes) is var error and not SmTlsError.None)
        {
            return error;
        }
        Span<ushort> seen = stackalloc ushort[MaxCount];
        int count = 0;
        TlsReader reader = new(bytes);
        while (!reader.IsEmpty)
        {
            if (count == MaxCount || !reader.TryReadUInt16(out ushort group) || !reader.TryReadVector16(1, ushort.MaxValue, out _))
            {
                return SmTlsError.DecodeError;
            }
            if (seen[..count].Contains(group))
            {
                return SmTlsError.IllegalParameter;
            }
            seen[count++] = group;
        }
        list = new KeyShareList(bytes);
        return SmTlsError.None;
    }

    /// <summary>Walks the list.</summary>
    public ref struct Enumerator
    {
        private TlsReader _reader;

        internal Enumerator(ReadOnlySpan<byte> bytes) => _reader = new TlsReader(bytes);

        /// <summary>The share at hand.</summary>
        public KeyShareEntry Current { get; private set; }

        /// <summary>Goes to the next one.</summary>
        public bool MoveNext()
        {
            if (!_reader.TryReadUInt16(out ushort group) || !_reader.TryReadVector16(1, ushort.MaxValue, out ReadOnlySpan<byte> share))
            {
                return false;
            }
            Current = new KeyShareEntry((NamedGroup)group, share);
            return true;
        }
    }
}
