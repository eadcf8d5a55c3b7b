using System.Buffers.Binary;
using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Records;

/// <summary>
/// Records of TLS 1.3 under SM4-GCM or SM4-CCM with a tag of 16 bytes (RFC 8446 section 5.2, RFC 8998 section 2): the content type moves inside, behind the plaintext and in front of
/// optional zero padding; nonce = IV xor sequence number; additional data = the record header.
/// </summary>
public sealed class Tls13RecordProtection : RecordProtection
{
    private const int TagLength = 16;

    private readonly Sm4Gcm? _gcm;
    private readonly Sm4Ccm? _ccm;
    private readonly byte[] _iv = GC.AllocateArray<byte>(Tls13KeyDerivation.IvLength, pinned: true);
    private int _paddingMultiple = 1;

    /// <summary>Derives key and IV of one direction from its traffic secret.</summary>
    /// <param name="suite"><see cref="SmCipherSuite.TlsSm4GcmSm3"/> or <see cref="SmCipherSuite.TlsSm4CcmSm3"/>.</param>
    /// <param name="trafficSecret">32 bytes; not kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">The suite is not one of TLS 1.3.</exception>
    public Tls13RecordProtection(SmCipherSuite suite, ReadOnlySpan<byte> trafficSecret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual((int)suite.Protocol(), (int)SmProtocol.Tls13, nameof(suite));
        Span<byte> key = stackalloc byte[Tls13KeyDerivation.KeyLength];
        Tls13KeyDerivation.DeriveRecordKeys(trafficSecret, key, _iv);
        if (suite.Mode() == SmCipherMode.Gcm)
        {
            _gcm = new Sm4Gcm(key, TagLength);
        }
        else
        {
            _ccm = new Sm4Ccm(key);
        }
        CryptographicOperations.ZeroMemory(key);
    }

    /// <inheritdoc/>
    public override ushort RecordVersion => ProtocolVersions.Tls12;

    /// <inheritdoc/>
    public override int MaxFragmentLength => RecordHeader.MaxTls13Ciphertext;

    /// <inheritdoc/>
    public override int PlaintextOffset => RecordHeader.Size;

    /// <summary>2^24 records with GCM (RFC 8446 section 5.5); 2^23 with CCM, as RFC 9147 section 4.5.3 has it.</summary>
    protected override ulong KeyLimit => _ccm is null ? 1UL << 24 : 1UL << 23;

    /// <summary>Pads plaintext and content type to a multiple of so many bytes, within the longest plaintext (RFC 8446 section 5.4); 1, the default, pads nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 1 to 16,384.</exception>
    public int PaddingMultiple
    {
        get => _paddingMultiple;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, RecordHeader.MaxPlaintext);
            _paddingMultiple = value;
        }
    }

    /// <inheritdoc/>
    public override int GetSealedLength(int plaintextLength) => RecordHeader.Size + InnerLength(plaintextLength) + TagLength;

    /// <inheritdoc/>
    protected override void SealCore(RecordType type, ReadOnlySpan<byte> plaintext, Span<byte> record)
    {
        new RecordHeader(RecordType.ApplicationData, RecordVersion, record.Length - RecordHeader.Size).Write(record);
        Span<byte> inner = record[RecordHeader.Size..^TagLength];
        if (!plaintext.Overlaps(inner, out int shift) || shift != 0)
        {
            plaintext.CopyTo(inner);
        }
        inner[plaintext.Length] = (byte)type;
        inner[(plaintext.Length + 1)..].Clear();
        Span<byte> nonce = stackalloc byte[Tls13KeyDerivation.IvLength];
        WriteNonce(nonce);
        if (_gcm is not null)
        {
            _gcm.Encrypt(nonce, inner, inner, record[^TagLength..], record[..RecordHeader.Size]);
        }
        else
        {
            _ccm!.Encrypt(nonce, inner, inner, record[^TagLength..], record[..RecordHeader.Size]);
        }
    }

    /// <inheritdoc/>
    protected override SmTlsError OpenCore(RecordHeader header, Span<byte> fragment, out RecordType type, out int offset, out int length)
    {
        type = RecordType.Invalid;
        offset = 0;
        length = 0;
        if (header.Type != RecordType.ApplicationData)
        {
            return SmTlsError.UnexpectedMessage;
        }
        if (fragment.Length < TagLength)
        {
            return SmTlsError.BadRecordMac;
        }
        Span<byte> inner = fragment[..^TagLength];
        Span<byte> nonce = stackalloc byte[Tls13KeyDerivation.IvLength];
        Span<byte> additional = stackalloc byte[RecordHeader.Size];
        WriteNonce(nonce);
        header.Write(additional);
        try
        {
            if (_gcm is not null)
            {
                _gcm.Decrypt(nonce, inner, fragment[^TagLength..], inner, additional);
            }
            else
            {
                _ccm!.Decrypt(nonce, inner, fragment[^TagLength..], inner, additional);
            }
        }
        catch (AuthenticationTagMismatchException)
        {
            return SmTlsError.BadRecordMac;
        }
        // RFC 8446 section 5.2: TLSInnerPlaintext is at most 2^14 + 1 bytes, padding included.
        if (inner.Length > RecordHeader.MaxPlaintext + 1)
        {
            return SmTlsError.RecordOverflow;
        }
        length = ((ReadOnlySpan<byte>)inner).LastIndexOfAnyExcept((byte)0);
        if (length < 0)
        {
            return SmTlsError.UnexpectedMessage;
        }
        type = (RecordType)inner[length];
        return type switch
        {
            RecordType.ApplicationData => SmTlsError.None,
            RecordType.Handshake or RecordType.Alert when length > 0 => SmTlsError.None,
            _ => SmTlsError.UnexpectedMessage,
        };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gcm?.Dispose();
            _ccm?.Dispose();
            CryptographicOperations.ZeroMemory(_iv);
        }
    }

    private int InnerLength(int plaintextLength)
    {
        int inner = plaintextLength + 1;
        int padded = (inner + _paddingMultiple - 1) / _paddingMultiple * _paddingMultiple;
        return Math.Max(inner, Math.Min(padded, RecordHeader.MaxPlaintext));
    }

    private void WriteNonce(Span<byte> nonce)
    {
        _iv.CopyTo(nonce);
        Span<byte> low = nonce[(Tls13KeyDerivation.IvLength - sizeof(ulong))..];
        BinaryPrimitives.WriteUInt64BigEndian(low, BinaryPrimitives.ReadUInt64BigEndian(low) ^ SequenceNumber);
    }
}
