using System.Buffers.Binary;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Records;

/// <summary>
/// SM4-GCM records of TLCP (GB/T 38636 section 6.3.3.4.4, as RFC 5288): nonce = 4 fixed bytes of the key block and 8 explicit bytes in front of the ciphertext; additional data =
/// sequence number, type, version, plaintext length; tag of 16 bytes. The explicit part is the sequence number, so it never repeats under a key.
/// </summary>
public sealed class TlcpGcmProtection : RecordProtection
{
    private const int ExplicitLength = 8;
    private const int TagLength = 16;
    private const int NonceLength = 12;
    private const int AdditionalLength = 13;

    private readonly Sm4Gcm _gcm;
    private readonly byte[] _fixedIv;

    /// <summary>Sets the keys of one direction; both are copied.</summary>
    /// <param name="key">16 bytes.</param>
    /// <param name="fixedIv">4 bytes.</param>
    public TlcpGcmProtection(ReadOnlySpan<byte> key, ReadOnlySpan<byte> fixedIv)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fixedIv.Length, NonceLength - ExplicitLength, nameof(fixedIv));
        _gcm = new Sm4Gcm(key, TagLength);
        _fixedIv = fixedIv.ToArray();
    }

    /// <inheritdoc/>
    public override ushort RecordVersion => ProtocolVersions.Tlcp;

    /// <inheritdoc/>
    public override int MaxFragmentLength => ExplicitLength + RecordHeader.MaxPlaintext + TagLength;

    /// <inheritdoc/>
    public override int PlaintextOffset => RecordHeader.Size + ExplicitLength;

    /// <inheritdoc/>
    public override int GetSealedLength(int plaintextLength) => RecordHeader.Size + ExplicitLength + plaintextLength + TagLength;

    /// <inheritdoc/>
    protected override void SealCore(RecordType type, ReadOnlySpan<byte> plaintext, Span<byte> record)
    {
        Span<byte> nonce = stackalloc byte[NonceLength];
        Span<byte> additional = stackalloc byte[AdditionalLength];
        _fixedIv.CopyTo(nonce);
        BinaryPrimitives.WriteUInt64BigEndian(nonce[(NonceLength - ExplicitLength)..], SequenceNumber);
        WriteAdditional(additional, type, plaintext.Length);
        Span<byte> fragment = record[RecordHeader.Size..];
        _gcm.Encrypt(nonce, plaintext, fragment.Slice(ExplicitLength, plaintext.Length), fragment[^TagLength..], additional);
        nonce[(NonceLength - ExplicitLength)..].CopyTo(fragment);
        new RecordHeader(type, RecordVersion, fragment.Length).Write(record);
    }

    /// <inheritdoc/>
    protected override SmTlsError OpenCore(RecordHeader header, Span<byte> fragment, out RecordType type, out int offset, out int length)
    {
        type = header.Type;
        offset = ExplicitLength;
        length = fragment.Length - ExplicitLength - TagLength;
        if (length < 0)
        {
            return SmTlsError.BadRecordMac;
        }
        Span<byte> nonce = stackalloc byte[NonceLength];
        Span<byte> additional = stackalloc byte[AdditionalLength];
        _fixedIv.CopyTo(nonce);
        fragment[..ExplicitLength].CopyTo(nonce[(NonceLength - ExplicitLength)..]);
        WriteAdditional(additional, type, length);
        Span<byte> text = fragment.Slice(offset, length);
        try
        {
            _gcm.Decrypt(nonce, text, fragment[^TagLength..], text, additional);
            return SmTlsError.None;
        }
        catch (AuthenticationTagMismatchException)
        {
            return SmTlsError.BadRecordMac;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gcm.Dispose();
            CryptographicOperations.ZeroMemory(_fixedIv);
        }
    }

    private void WriteAdditional(Span<byte> additional, RecordType type, int length)
    {
        BinaryPrimitives.WriteUInt64BigEndian(additional, SequenceNumber);
        new RecordHeader(type, RecordVersion, length).Write(additional[8..]);
    }
}
