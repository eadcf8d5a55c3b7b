namespace Qanat.Tls.Messages;

/// <summary>An offered pre-shared key (RFC 8446 section 4.2.11).</summary>
public readonly ref struct OfferedPsk
{
    internal OfferedPsk(ReadOnlySpan<byte> identity, uint obfuscatedTicketAge, ReadOnlySpan<byte> binder)
    {
        Identity = identity;
        ObfuscatedTicketAge = obfuscatedTicketAge;
        Binder = binder;
    }

    /// <summary>The ticket, or the name of an external key.</summary>
    public ReadOnlySpan<byte> Identity { get; }

    /// <summary>Milliseconds since the ticket came, plus its ticket_age_add, modulo 2^32.</summary>
    public uint ObfuscatedTicketAge { get; }

    /// <summary>The MAC over the hello up to the binders; 32 to 255 bytes.</summary>
    public ReadOnlySpan<byte> Binder { get; }
}

/// <summary>pre_shared_key of a ClientHello, checked when read. A view; the bytes belong to the message.</summary>
public readonly ref struct OfferedPsks
{
    /// <summary>More identities than this in one hello are refused.</summary>
    public const int MaxCount = 16;

    private const int MinIdentitiesLength = 7;
    private const int MinBinderLength = 32;

    private readonly ReadOnlySpan<byte> _identities;
    private readonly ReadOnlySpan<byte> _binders;

    private OfferedPsks(ReadOnlySpan<byte> identities, ReadOnlySpan<byte> binders, int count, int truncatedLength)
    {
        _identities = identities;
        _binders = binders;
        Count = count;
        TruncatedLength = truncatedLength;
    }

    /// <summary>How many are offered; 0 when the extension is absent.</summary>
    public int Count { get; }

    /// <summary>Bytes of the whole handshake message (header included) that the binders cover: everything before the list of binders.</summary>
    public int TruncatedLength { get; }

    /// <summary>The key offered at <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none at that index.</exception>
    public OfferedPsk this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            TlsReader identities = new(_identities);
            TlsReader binders = new(_binders);
            ReadOnlySpan<byte> identity, binder;
            uint age;
            do
            {
                identities.TryReadVector16(1, ushort.MaxValue, out identity);
                identities.TryReadUInt32(out age);
                binders.TryReadVector8(MinBinderLength, byte.MaxValue, out binder);
            }
            while (index-- > 0);
            return new OfferedPsk(identity, age, binder);
        }
    }

    /// <summary>Writes the extension with zero binders of 32 bytes; it must be the hello's last. Compute the binders over the message without its last
    /// <see cref="GetBindersLength"/> bytes and patch them in.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="identities">Ticket and obfuscated age of each key.</param>
    public static void Write(TlsWriter writer, params IReadOnlyList<(byte[] Identity, uint ObfuscatedTicketAge)> identities)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(identities);
        using (writer.Extension(ExtensionType.PreSharedKey))
        {
            using (writer.Vector16())
            {
                foreach ((byte[] identity, uint age) in identities)
                {
                    writer.WriteVector16(identity);
                    writer.WriteUInt32(age);
                }
            }
            using (writer.Vector16())
            {
                for (int i = 0; i < identities.Count; i++)
                {
                    writer.WriteByte(MinBinderLength);
                    writer.Reserve(MinBinderLength).Clear();
                }
            }
        }
    }

    /// <summary>Bytes that the list of <paramref name="count"/> SM3 binders takes at the end of the hello. Binder i starts 3 + 33 i bytes into it.</summary>
    public static int GetBindersLength(int count) => 2 + (count * (1 + MinBinderLength));

    internal static SmTlsError Read(ReadOnlySpan<byte> body, int helloBodyLength, out OfferedPsks psks)
    {
        psks = default;
        TlsReader reader = new(body);
        if (!reader.TryReadVector16(MinIdentitiesLength, ushort.MaxValue, out ReadOnlySpan<byte> identities)
            || !reader.TryReadVector16(1 + MinBinderLength, ushort.MaxValue, out ReadOnlySpan<byte> binders)
            || !reader.IsEmpty)
        {
            return SmTlsError.DecodeError;
        }
        int count = 0;
        TlsReader identity = new(identities);
        TlsReader binder = new(binders);
        for (; !identity.IsEmpty; count++)
        {
            if (count == MaxCount || !identity.TryReadVector16(1, ushort.MaxValue, out _) || !identity.TryReadUInt32(out _))
            {
                return SmTlsError.DecodeError;
            }
            if (!binder.TryReadVector8(MinBinderLength, byte.MaxValue, out _))
            {
                return binder.IsEmpty ? SmTlsError.IllegalParameter : SmTlsError.DecodeError;
            }
        }
        if (!binder.IsEmpty)
        {
            return SmTlsError.IllegalParameter;
        }
        psks = new OfferedPsks(identities, binders, count, HandshakeMessage.HeaderLength + helloBodyLength - binders.Length - 2);
        return SmTlsError.None;
    }
}
