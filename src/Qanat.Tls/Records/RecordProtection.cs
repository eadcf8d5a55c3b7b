namespace Qanat.Tls.Records;

/// <summary>
/// Protects the records of one direction under one set of keys. Seals and opens whole records, counts the sequence number, and allocates
/// nothing per record. Not thread-safe: one caller at a time. Dispose zeroes the keys.
/// </summary>
public abstract class RecordProtection : IDisposable
{
    /// <summary>Sequence number of the next record.</summary>
    public ulong SequenceNumber { get; private protected set; }

    /// <summary>The version in the headers of sealed records.</summary>
    public abstract ushort RecordVersion { get; }

    /// <summary>Longest fragment that <see cref="Open"/> takes, in bytes.</summary>
    public abstract int MaxFragmentLength { get; }

    /// <summary>Where the plaintext stands in a sealed record: header and explicit nonce or IV. Plaintext placed there is sealed without a copy.</summary>
    public abstract int PlaintextOffset { get; }

    /// <summary>True when so many records went under these keys that TLS 1.3 should update them and TLCP should end (RFC 8446 section 5.5).</summary>
    public bool IsKeyLimitNear => SequenceNumber >= KeyLimit;

    /// <summary>Records after which <see cref="IsKeyLimitNear"/> is true.</summary>
    protected virtual ulong KeyLimit => 1UL << 24;

    /// <summary>Length of the whole record, header included, for a plaintext of so many bytes.</summary>
    public abstract int GetSealedLength(int plaintextLength);

    /// <summary>
    /// Seals one record. <paramref name="plaintext"/> may lie in <paramref name="destination"/> exactly at <see cref="PlaintextOffset"/>, and otherwise must not overlap it.
    /// </summary>
    /// <param name="type">Content type.</param>
    /// <param name="plaintext">Up to <see cref="RecordHeader.MaxPlaintext"/> bytes.</param>
    /// <param name="destination">At least <see cref="GetSealedLength(int)"/> bytes.</param>
    /// <returns>Length of the record.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A length is out of range.</exception>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.KeyLimitReached"/>: the sequence number would wrap.</exception>
    public int Seal(RecordType type, ReadOnlySpan<byte> plaintext, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(plaintext.Length, RecordHeader.MaxPlaintext, nameof(plaintext));
        int length = GetSealedLength(plaintext.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, length, nameof(destination));
        ThrowIfExhausted(1);
        SealCore(type, plaintext, destination[..length]);
        SequenceNumber++;
        return length;
    }

    /// <summary>
    /// Seals a plaintext of any length as consecutive records of <paramref name="fragmentLength"/> plaintext bytes each (the last may be shorter; none for an
    /// empty plaintext). Protections that work on independent records at once override it.
    /// </summary>
    /// <param name="type">Content type of every record.</param>
    /// <param name="plaintext">Must not overlap <paramref name="destination"/>.</param>
    /// <param name="fragmentLength">1 to <see cref="RecordHeader.MaxPlaintext"/>.</param>
    /// <param name="destination">At least <see cref="GetSealedLength(int, int)"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A length is out of range.</exception>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.KeyLimitReached"/>: the sequence number would wrap; nothing was sealed.</exception>
    public virtual int SealAll(RecordType type, ReadOnlySpan<byte> plaintext, int fragmentLength, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, GetSealedLength(plaintext.Length, fragmentLength), nameof(destination));
        ThrowIfExhausted((ulong)plaintext.Length / (ulong)fragmentLength + 1);
        int written = 0;
        while (!plaintext.IsEmpty)
        {
            int take = Math.Min(fragmentLength, plaintext.Length);
            written += Seal(type, plaintext[..take], destination[written..]);
            plaintext = plaintext[take..];
        }
        return written;
    }

    /// <summary>Bytes that <see cref="SealAll"/> writes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fragmentLength"/> is not 1 to <see cref="RecordHeader.MaxPlaintext"/>.</exception>
    public int GetSealedLength(int plaintextLength, int fragmentLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(plaintextLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(fragmentLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fragmentLength, RecordHeader.MaxPlaintext);
        (int full, int rest) = Math.DivRem(plaintextLength, fragmentLength);
        return checked((full * GetSealedLength(fragmentLength)) + (rest > 0 ? GetSealedLength(rest) : 0));
    }

    /// <summary>
    /// Opens one record in place. On error the fragment's bytes are worthless and the connection must end: <see cref="SmTlsError.BadRecordMac"/> for anything
    /// that does not authenticate, <see cref="SmTlsError.RecordOverflow"/> for too long a fragment or plaintext, <see cref="SmTlsError.UnexpectedMessage"/> for a record
    /// of a type that cannot be protected, <see cref="SmTlsError.KeyLimitReached"/> when the sequence number would wrap.
    /// </summary>
    /// <param name="header">The record's header; its length must be the fragment's.</param>
    /// <param name="fragment">The bytes after the header; overwritten.</param>
    /// <param name="type">The content type: the header's, or the inner one of TLS 1.3.</param>
    /// <param name="plaintext">A slice of <paramref name="fragment"/>.</param>
    public SmTlsError Open(RecordHeader header, Span<byte> fragment, out RecordType type, out Span<byte> plaintext)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fragment.Length, header.Length, nameof(fragment));
        type = RecordType.Invalid;
        plaintext = default;
        if (fragment.Length > MaxFragmentLength)
        {
            return SmTlsError.RecordOverflow;
        }
        if (SequenceNumber == ulong.MaxValue)
        {
            return SmTlsError.KeyLimitReached;
        }
        SmTlsError error = OpenCore(header, fragment, out type, out int offset, out int length);
        if (error == SmTlsError.None && length > RecordHeader.MaxPlaintext)
        {
            error = SmTlsError.RecordOverflow;
        }
        if (error == SmTlsError.None)
        {
            plaintext = fragment.Slice(offset, length);
            SequenceNumber++;
        }
        return error;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Writes the header and the protected fragment under <see cref="SequenceNumber"/>; <paramref name="record"/> has exactly the length of the record.</summary>
    protected abstract void SealCore(RecordType type, ReadOnlySpan<byte> plaintext, Span<byte> record);

    /// <summary>Opens under <see cref="SequenceNumber"/>. On success the plaintext stands in the fragment at <paramref name="offset"/>; its bound is checked by the caller.</summary>
    protected abstract SmTlsError OpenCore(RecordHeader header, Span<byte> fragment, out RecordType type, out int offset, out int length);

    /// <summary>Zeroes the keys.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Throws when fewer than <paramref name="records"/> sequence numbers are left; the last one is never used.</summary>
    protected void ThrowIfExhausted(ulong records)
    {
        if (ulong.MaxValue - SequenceNumber < records)
        {
            throw new SmTlsException(SmTlsError.KeyLimitReached, "The record sequence number would wrap; no more can be sent under these keys.");
        }
    }

    // For tests of the end of the sequence.
    internal void SkipTo(ulong sequenceNumber) => SequenceNumber = sequenceNumber;

    /// <summary>Moves past records that a batch has sealed.</summary>
    protected void Advance(int records) => SequenceNumber += (ulong)records;
}
