namespace Qanat.Tls.Messages;

/// <summary>One certificate of a list.</summary>
public readonly ref struct CertificateEntry
{
    internal CertificateEntry(ReadOnlySpan<byte> certificate, ExtensionList extensions)
    {
        Certificate = certificate;
        Extensions = extensions;
    }

    /// <summary>DER, at least one byte; not looked into.</summary>
    public ReadOnlySpan<byte> Certificate { get; }

    /// <summary>Extensions of the entry (TLS 1.3); empty in TLCP.</summary>
    public ExtensionList Extensions { get; }
}

/// <summary>
/// The certificates of a Certificate message, checked for structure when read: of TLCP, where a server sends signing certificate, encryption certificate, CAs
/// (GB/T 38636 section 6.4.5.3), or of TLS 1.3 (RFC 8446 section 4.4.2). A view; the bytes belong to the message.
/// </summary>
public readonly ref struct CertificateList
{
    /// <summary>More certificates than this in one message are refused.</summary>
    public const int MaxCount = 32;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly bool _hasExtensions;

    private CertificateList(ReadOnlySpan<byte> bytes, bool hasExtensions, int count)
    {
        _bytes = bytes;
        _hasExtensions = hasExtensions;
        Count = count;
    }

    /// <summary>How many.</summary>
    public int Count { get; }

    /// <summary>The DER of the certificate at <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none at that index.</exception>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            Enumerator walk = GetEnumerator();
            do
            {
                walk.MoveNext();
            }
            while (index-- > 0);
            return walk.Current.Certificate;
        }
    }

    /// <summary>Copies of all certificates.</summary>
    public byte[][] ToArray()
    {
        byte[][] copies = new byte[Count][];
        int i = 0;
        foreach (CertificateEntry entry in this)
        {
            copies[i++] = entry.Certificate.ToArray();
        }
        return copies;
    }

    /// <summary>Enumerates in wire order.</summary>
    public Enumerator GetEnumerator() => new(_bytes, _hasExtensions);

    /// <summary>Reads the body of a Certificate message of TLCP; the list may be empty (a client without a certificate).</summary>
    public static SmTlsError ReadTlcp(ReadOnlySpan<byte> body, out CertificateList certificates)
    {
        TlsReader reader = new(body);
        return ReadEntries(ref reader, hasExtensions: false, out certificates);
    }

    /// <summary>Reads the body of a Certificate message of TLS 1.3; the list may be empty (a client without a certificate).</summary>
    public static SmTlsError ReadTls13(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> requestContext, out CertificateList certificates)
    {
        certificates = default;
        TlsReader reader = new(body);
        return reader.TryReadVector8(0, byte.MaxValue, out requestContext) ? ReadEntries(ref reader, hasExtensions: true, out certificates) : SmTlsError.DecodeError;
    }

    /// <summary>Writes the body of a Certificate message of TLCP.</summary>
    public static void WriteTlcp(TlsWriter writer, IReadOnlyList<byte[]> certificates)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(certificates);
        using (writer.Vector24())
        {
            foreach (byte[] certificate in certificates)
            {
                writer.WriteVector24(certificate);
            }
        }
    }

    /// <summary>Writes the body of a Certificate message of TLS 1.3, without extensions in the entries.</summary>
    public static void WriteTls13(TlsWriter writer, ReadOnlySpan<byte> requestContext, IReadOnlyList<byte[]> certificates)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(certificates);
        writer.WriteVector8(requestContext);
        using (writer.Vector24())
        {
            foreach (byte[] certificate in certificates)
            {
                writer.WriteVector24(certificate);
                writer.WriteUInt16(0);
            }
        }
    }

    private static SmTlsError ReadEntries(scoped ref TlsReader reader, bool hasExtensions, out CertificateList certificates)
    {
        certificates = default;
        if (!reader.TryReadVector24(0, 0xFFFFFF, out ReadOnlySpan<byte> bytes) || !reader.IsEmpty)
        {
            return SmTlsError.DecodeError;
        }
        int count = 0;
        TlsReader entries = new(bytes);
        for (; !entries.IsEmpty; count++)
        {
            if (count == MaxCount || !entries.TryReadVector24(1, 0xFFFFFF, out _))
            {
                return SmTlsError.DecodeError;
            }
            if (hasExtensions && ExtensionList.Read(ref entries, out _) is var error and not SmTlsError.None)
            {
                return error;
            }
        }
        certificates = new CertificateList(bytes, hasExtensions, count);
        return SmTlsError.None;
    }

    /// <summary>Walks the list.</summary>
    public ref struct Enumerator
    {
        private readonly bool _hasExtensions;
        private TlsReader _reader;

        internal Enumerator(ReadOnlySpan<byte> bytes, bool hasExtensions)
        {
            _reader = new TlsReader(bytes);
            _hasExtensions = hasExtensions;
            Current = default;
        }

        /// <summary>The certificate at hand.</summary>
        public CertificateEntry Current { get; private set; }

        /// <summary>Goes to the next one.</summary>
        public bool MoveNext()
        {
            ExtensionList extensions = default;
            if (!_reader.TryReadVector24(1, 0xFFFFFF, out ReadOnlySpan<byte> certificate)
                || (_hasExtensions && ExtensionList.Read(ref _reader, out extensions) != SmTlsError.None))
            {
                return false;
            }
            Current = new CertificateEntry(certificate, extensions);
            return true;
        }
    }
}
