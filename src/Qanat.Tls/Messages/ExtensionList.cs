namespace Qanat.Tls.Messages;

/// <summary>
/// The extensions of a message, checked for structure, number and duplicates when read. A view; the bytes belong to the message.
/// <code>foreach (Extension extension in hello.Extensions) { … }</code>
/// </summary>
public readonly ref struct ExtensionList
{
    /// <summary>More extensions than this in one message are refused; real hellos have fewer than 30.</summary>
    public const int MaxCount = 128;

    private readonly ReadOnlySpan<byte> _bytes;

    private ExtensionList(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>The list as it stands on the wire, without its length.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Finds the extension of a type.</summary>
    public bool TryGet(ExtensionType type, out ReadOnlySpan<byte> body)
    {
        foreach (Extension extension in this)
        {
            if (extension.Type == type)
            {
                body = extension.Body;
                return true;
            }
        }
        body = default;
        return false;
    }

    /// <summary>True when there is an extension of this type.</summary>
    public bool Contains(ExtensionType type) => TryGet(type, out _);

    /// <summary>The types in wire order.</summary>
    public ExtensionType[] GetTypes()
    {
        List<ExtensionType> types = [];
        foreach (Extension extension in this)
        {
            types.Add(extension.Type);
        }
        return [.. types];
    }

    /// <summary>Enumerates in wire order.</summary>
    public Enumerator GetEnumerator() => new(_bytes);

    /// <summary>
    /// Reads a length-prefixed list: <see cref="SmTlsError.DecodeError"/> for wrong lengths or more than <see cref="MaxCount"/>,
    /// <see cref="SmTlsError.IllegalParameter"/> for a type that stands twice (RFC 8446 section 4.2).
    /// </summary>
    internal static SmTlsError Read(scoped ref TlsReader reader, out ExtensionList list)
    {
        list = default;
        if (!reader.TryReadVector16(0, ushort.MaxValue, out ReadOnlySpan<byte> bytes))
        {
            return SmTlsError.DecodeError;
        }
        Span<ushort> seen = stackalloc ushort[MaxCount];
        int count = 0;
        TlsReader inner = new(bytes);
        while (!inner.IsEmpty)
        {
            if (count == MaxCount || !inner.TryReadUInt16(out ushort type) || !inner.TryReadVector16(0, ushort.MaxValue, out _))
            {
                return SmTlsError.DecodeError;
            }
            if (seen[..count].Contains(type))
            {
                return SmTlsError.IllegalParameter;
            }
            seen[count++] = type;
        }
        list = new ExtensionList(bytes);
        return SmTlsError.None;
    }

    /// <summary>Walks the list.</summary>
    public ref struct Enumerator
    {
        private TlsReader _reader;

        internal Enumerator(ReadOnlySpan<byte> bytes) => _reader = new TlsReader(bytes);

        /// <summary>The extension at hand.</summary>
        public Extension Current { get; private set; }

        /// <summary>Goes to the next one.</summary>
        public bool MoveNext()
        {
            if (!_reader.TryReadUInt16(out ushort type) || !_reader.TryReadVector16(0, ushort.MaxValue, out ReadOnlySpan<byte> body))
            {
                return false;
            }
            Current = new Extension((ExtensionType)type, body);
            return true;
        }
    }
}

/// <summary>One extension.</summary>
public readonly ref struct Extension
{
    internal Extension(ExtensionType type, ReadOnlySpan<byte> body)
    {
        Type = type;
        Body = body;
    }

    /// <summary>The type, known or not.</summary>
    public ExtensionType Type { get; }

    /// <summary>The body.</summary>
    public ReadOnlySpan<byte> Body { get; }
}
