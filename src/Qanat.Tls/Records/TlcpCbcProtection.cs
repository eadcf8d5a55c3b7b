using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Records;

/// <summary>
/// SM4-CBC records of TLCP with HMAC-SM3 (GB/T 38636 section 6.3.3.4.3, as RFC 5246 section 6.2.3.2): MAC, then padding to whole blocks, then encryption under an explicit random
/// IV. Opening takes a time that depends on the record's length alone: padding and MAC are both checked over all that they could be, whatever they are, and there is one error.
/// Sealing many records at once runs their MACs and their encryption in lanes.
/// </summary>
public sealed class TlcpCbcProtection : RecordProtection
{
    /// <summary>Length of the MAC key in bytes.</summary>
    public const int MacKeyLength = 32;

    private const int BlockLength = 16;
    private const int MacLength = HmacSm3.HashSizeInBytes;
    private const int MacHeaderLength = 13;

    /// <summary>Longest padding, the byte with its length included (RFC 5246 section 6.2.3.2).</summary>
    private const int MaxPadding = 256;

    private readonly HmacSm3 _mac;
    private readonly Sm4 _cipher;

    // Random bytes ahead of need: each is used for one IV, and a call for many costs little more than one for few.
    private readonly byte[] _ivs = new byte[16 * BlockLength];
    private int _ivsUsed;

    /// <summary>Sets the keys of one direction; both are copied.</summary>
    /// <param name="macKey">32 bytes.</param>
    /// <param name="key">16 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A key has another length.</exception>
    public TlcpCbcProtection(ReadOnlySpan<byte> macKey, ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(macKey.Length, MacKeyLength, nameof(macKey));
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, BlockLength, nameof(key));
        _mac = new HmacSm3(macKey);
        _cipher = new Sm4(key);
        _ivsUsed = _ivs.Length;
    }

    /// <inheritdoc/>
    public override ushort RecordVersion => ProtocolVersions.Tlcp;

    /// <inheritdoc/>
    public override int MaxFragmentLength => RecordHeader.MaxTlcpCiphertext;

    /// <inheritdoc/>
    public override int PlaintextOffset => RecordHeader.Size + BlockLength;

    /// <inheritdoc/>
    public override int GetSealedLength(int plaintextLength) => PlaintextOffset + PaddedLength(plaintextLength);

    /// <inheritdoc/>
    public override int SealAll(RecordType type, ReadOnlySpan<byte> plaintext, int fragmentLength, Span<byte> destination)
    {
        int total = GetSealedLength(plaintext.Length, fragmentLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, total, nameof(destination));
        ThrowIfExhausted(((ulong)plaintext.Length / (ulong)fragmentLength) + 1);
        while (!plaintext.IsEmpty)
        {
            int records = Math.Min(Sm3Lanes.MaxLaneCount, (int)(((uint)plaintext.Length + (uint)fragmentLength - 1) / (uint)fragmentLength));
            int take = (int)Math.Min((long)records * fragmentLength, plaintext.Length);
            int length = GetSealedLength(take, fragmentLength);
            SealLanes(type, plaintext[..take], fragmentLength, destination[..length], records);
            Advance(records);
            plaintext = plaintext[take..];
            destination = destination[length..];
        }
        return total;
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    protected override void SealCore(RecordType type, ReadOnlySpan<byte> plaintext, Span<byte> record)
    {
        Span<byte> header = stackalloc byte[MacHeaderLength];
        WriteMacHeader(header, SequenceNumber, type, plaintext.Length);
        Span<byte> text = Frame(type, plaintext, record, out ReadOnlySpan<byte> iv);
        _mac.AppendData(header);
        _mac.AppendData(plaintext);
        _mac.GetHashAndReset(text[plaintext.Length..]);
        _cipher.EncryptCbc(text, iv, text);
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    protected override SmTlsError OpenCore(RecordHeader header, Span<byte> fragment, out RecordType type, out int offset, out int length)
    {
        type = header.Type;
        offset = BlockLength;
        length = 0;
        // Lengths are public. The shortest record has an IV, the MAC and one byte of padding.
        if (fragment.Length % BlockLength != 0 || fragment.Length < BlockLength + MacLength + BlockLength)
        {
            return SmTlsError.BadRecordMac;
        }
        Span<byte> text = fragment[BlockLength..];
        _cipher.DecryptCbc(text, fragment[..BlockLength], text);

        int maxLength = text.Length - MacLength - 1;
        int minLength = Math.Max(0, maxLength - (MaxPadding - 1));
        int good = CheckPadding(text, out int secretLength);
        Span<byte> macHeader = stackalloc byte[MacHeaderLength];
        WriteMacHeader(macHeader, SequenceNumber, type, secretLength);
        Span<byte> mac = stackalloc byte[MacLength];
        HmacSm3SecretLength.Compute(_mac.Pads, macHeader, text[..maxLength], minLength, secretLength, mac);
        good &= CheckMac(text, mac, minLength, secretLength);
        CryptographicOperations.ZeroMemory(mac);
        if (good == 0)
        {
            CryptographicOperations.ZeroMemory(text);
            return SmTlsError.BadRecordMac;
        }
        length = secretLength;
        return SmTlsError.None;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _mac.Dispose();
            _cipher.Dispose();
            CryptographicOperations.ZeroMemory(_ivs);
        }
    }

    private static int PaddedLength(int plaintextLength) => (plaintextLength + MacLength + BlockLength) & -BlockLength;

    /// <summary>Checks the padding over all bytes that could belong to it.</summary>
    /// <param name="text">The decrypted fragment: plaintext, MAC, padding.</param>
    /// <param name="length">Length of the plaintext; as if the padding were one byte when it is wrong. Secret.</param>
    /// <returns>-1 when right, 0 when wrong.</returns>
    private static int CheckPadding(ReadOnlySpan<byte> text, out int length)
    {
        int padding = text[^1];
        int maxLength = text.Length - MacLength - 1;
        int good = ~ConstantTime.MaskIfNegative(maxLength - padding);
        int range = Math.Min(MaxPadding, text.Length - MacLength);
        for (int i = 0; i < range; i++)
        {
            int inside = ~ConstantTime.MaskIfNegative(padding - i);
            good &= ConstantTime.MaskIfEqual((text[^(i + 1)] ^ padding) & inside, 0);
        }
        length = maxLength - (padding & good);
        return good;
    }

    /// <summary>Compares the MAC with the 32 bytes at a secret place, reading all bytes where it could be.</summary>
    /// <returns>-1 when equal, 0 when not.</returns>
    [SkipLocalsInit]
    private static int CheckMac(ReadOnlySpan<byte> text, ReadOnlySpan<byte> mac, int minLength, int secretLength)
    {
        // The MAC is turned so that its byte at text[minLength + i] stands at i modulo 32: by each power of two, or not.
        Span<byte> turned = stackalloc byte[MacLength];
        Span<byte> next = stackalloc byte[MacLength];
        mac.CopyTo(turned);
        int shift = secretLength - minLength;
        for (int step = 1; step < MacLength; step <<= 1)
        {
            int keep = ConstantTime.MaskIfEqual(shift & step, 0);
            for (int i = 0; i < MacLength; i++)
            {
                next[i] = (byte)((turned[i] & keep) | (turned[(i - step) & (MacLength - 1)] & ~keep));
            }
            next.CopyTo(turned);
        }
        int difference = 0;
        for (int i = minLength; i < text.Length; i++)
        {
            int inside = ~ConstantTime.MaskIfNegative(i - secretLength) & ConstantTime.MaskIfNegative(i - secretLength - MacLength);
            difference |= (text[i] ^ turned[(i - minLength) & (MacLength - 1)]) & inside;
        }
        CryptographicOperations.ZeroMemory(turned);
        CryptographicOperations.ZeroMemory(next);
        return ConstantTime.MaskIfEqual(difference, 0);
    }

    /// <summary>Seals up to sixteen records at once.</summary>
    [SkipLocalsInit]
    private unsafe void SealLanes(RecordType type, ReadOnlySpan<byte> plaintext, int fragmentLength, Span<byte> destination, int records)
    {
        Sm3LaneJob* jobs = stackalloc Sm3LaneJob[records];
        Span<byte> header = stackalloc byte[MacHeaderLength];
        Lanes lanes = default;
        ref readonly HmacSm3Pads pads = ref _mac.Pads;
        fixed (byte* text = plaintext)
        {
            for (int i = 0, from = 0, to = 0; i < records; i++, from += fragmentLength)
            {
                int length = Math.Min(fragmentLength, plaintext.Length - from);
                int sealedLength = GetSealedLength(length);
                Frame(type, plaintext.Slice(from, length), destination.Slice(to, sealedLength), out _);
                WriteMacHeader(header, SequenceNumber + (ulong)i, type, length);
                Sm3LaneJob.Prepare(jobs + i, pads.Inner, Sm3.BlockSizeInBytes, header, text + from, length);
                lanes[i] = new Sm4CbcLane(_cipher, to + RecordHeader.Size, to + PlaintextOffset, sealedLength - PlaintextOffset);
                to += sealedLength;
            }
            Sm3Lanes.Run(jobs, records);
        }
        for (int i = 0; i < records; i++)
        {
            Sm3LaneJob.PrepareOuter(jobs + i, pads);
        }
        Sm3Lanes.Run(jobs, records);
        for (int i = 0; i < records; i++)
        {
            int length = Math.Min(fragmentLength, plaintext.Length - (i * fragmentLength));
            jobs[i].Chaining.Write(destination.Slice(lanes[i].Offset + length, MacLength));
        }
        Sm3LaneJob.Clear(jobs, records);
        Sm4.EncryptCbcLanes(destination, lanes[..records]);
    }

    private void WriteMacHeader(Span<byte> header, ulong sequenceNumber, RecordType type, int length)
    {
        BinaryPrimitives.WriteUInt64BigEndian(header, sequenceNumber);
        new RecordHeader(type, RecordVersion, length).Write(header[sizeof(ulong)..]);
    }

    /// <summary>Writes header, IV, plaintext and padding; what is left to do is the MAC and the encryption of the returned part.</summary>
    private Span<byte> Frame(RecordType type, ReadOnlySpan<byte> plaintext, Span<byte> record, out ReadOnlySpan<byte> iv)
    {
        new RecordHeader(type, RecordVersion, record.Length - RecordHeader.Size).Write(record);
        Span<byte> text = record[PlaintextOffset..];
        plaintext.CopyTo(text);
        int padding = text.Length - plaintext.Length - MacLength;
        text[^padding..].Fill((byte)(padding - 1));
        Span<byte> place = record.Slice(RecordHeader.Size, BlockLength);
        NextIv(place);
        iv = place;
        return text;
    }

    private void NextIv(Span<byte> iv)
    {
        if (_ivsUsed == _ivs.Length)
        {
            RandomNumberGenerator.Fill(_ivs);
            _ivsUsed = 0;
        }
        Span<byte> next = _ivs.AsSpan(_ivsUsed, BlockLength);
        next.CopyTo(iv);
        next.Clear();
        _ivsUsed += BlockLength;
    }

    [InlineArray(Sm3Lanes.MaxLaneCount)]
    private struct Lanes
    {
        private Sm4CbcLane _lane0;
    }
}
