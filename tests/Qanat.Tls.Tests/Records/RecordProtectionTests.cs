using CsCheck;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Records;

/// <summary>What holds for every AEAD record protection.</summary>
public sealed class RecordProtectionTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 16).Select(i => (byte)i)];
    private static readonly byte[] s_secret = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    public static TheoryData<string> Kinds => ["tlcp-gcm", "tls13-gcm", "tls13-ccm"];

    internal static RecordProtection Create(string kind) => kind switch
    {
        "tlcp-gcm" => new TlcpGcmProtection(s_key, [9, 8, 7, 6]),
        "tls13-gcm" => new Tls13RecordProtection(SmCipherSuite.TlsSm4GcmSm3, s_secret),
        _ => new Tls13RecordProtection(SmCipherSuite.TlsSm4CcmSm3, s_secret),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    [Trait("Kind", "Property")]
    public void Sealed_records_open_in_order(string kind)
    {
        using RecordProtection seal = Create(kind);
        using RecordProtection open = Create(kind);
        Gen.Select(Gen.Byte.Array[1, 3000], Gen.OneOf(RecordType.Handshake, RecordType.Alert, RecordType.ApplicationData)).Sample((plaintext, type) =>
        {
            byte[] record = new byte[seal.GetSealedLength(plaintext.Length)];
            Assert.Equal(record.Length, seal.Seal(type, plaintext, record));
            Assert.Equal(SmTlsError.None, Open(open, record, out RecordType read, out byte[] opened));
            Assert.Equal(type, read);
            Assert.Equal(plaintext, opened);
            Assert.Equal(seal.SequenceNumber, open.SequenceNumber);
        }, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Sealing_in_place_gives_the_same_record(string kind)
    {
        byte[] plaintext = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
        using RecordProtection apart = Create(kind);
        using RecordProtection inPlace = Create(kind);
        byte[] expected = new byte[apart.GetSealedLength(plaintext.Length)];
        apart.Seal(RecordType.ApplicationData, plaintext, expected);
        byte[] record = new byte[expected.Length];
        Span<byte> place = record.AsSpan(inPlace.PlaintextOffset, plaintext.Length);
        plaintext.CopyTo(place);
        inPlace.Seal(RecordType.ApplicationData, place, record);
        Assert.Equal(expected, record);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    [Trait("Kind", "Property")]
    public void Every_changed_bit_of_the_fragment_is_refused(string kind)
    {
        using RecordProtection seal = Create(kind);
        using RecordProtection open = Create(kind);
        byte[] record = new byte[seal.GetSealedLength(10)];
        seal.Seal(RecordType.ApplicationData, new byte[10], record);
        for (int bit = 8 * RecordHeader.Size; bit < 8 * record.Length; bit++)
        {
            byte[] changed = [.. record];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(SmTlsError.BadRecordMac, Open(open, changed, out _, out _));
        }
        Assert.Equal(SmTlsError.None, Open(open, record, out _, out _));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_shorter_fragment_and_other_type_is_refused(string kind)
    {
        using RecordProtection seal = Create(kind);
        using RecordProtection open = Create(kind);
        byte[] record = new byte[seal.GetSealedLength(10)];
        seal.Seal(RecordType.ApplicationData, new byte[10], record);
        for (int length = 0; length < record.Length - RecordHeader.Size; length++)
        {
            byte[] cut = record[..(RecordHeader.Size + length)];
            new RecordHeader(RecordType.ApplicationData, seal.RecordVersion, length).Write(cut);
            Assert.Equal(SmTlsError.BadRecordMac, Open(open, cut, out _, out _));
        }
        byte[] other = [.. record];
        other[0] = (byte)RecordType.Handshake;
        Assert.Equal(kind == "tlcp-gcm" ? SmTlsError.BadRecordMac : SmTlsError.UnexpectedMessage, Open(open, other, out _, out _));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Repeated_reordered_and_dropped_records_are_refused(string kind)
    {
        using RecordProtection seal = Create(kind);
        byte[] first = new byte[seal.GetSealedLength(4)], second = new byte[seal.GetSealedLength(4)];
        seal.Seal(RecordType.ApplicationData, "one!"u8, first);
        seal.Seal(RecordType.ApplicationData, "two!"u8, second);
        using RecordProtection reordered = Create(kind);
        Assert.Equal(SmTlsError.BadRecordMac, Open(reordered, [.. second], out _, out _));
        using RecordProtection repeated = Create(kind);
        Assert.Equal(SmTlsError.None, Open(repeated, [.. first], out _, out _));
        Assert.Equal(SmTlsError.BadRecordMac, Open(repeated, [.. first], out _, out _));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Bulk_sealing_is_the_same_as_record_by_record(string kind)
    {
        byte[] plaintext = [.. Enumerable.Range(0, 10_000).Select(i => (byte)i)];
        using RecordProtection bulk = Create(kind);
        using RecordProtection single = Create(kind);
        byte[] sealedAtOnce = new byte[bulk.GetSealedLength(plaintext.Length, 999)];
        Assert.Equal(sealedAtOnce.Length, bulk.SealAll(RecordType.ApplicationData, plaintext, 999, sealedAtOnce));
        List<byte> expected = [];
        foreach (byte[] part in plaintext.Chunk(999))
        {
            byte[] record = new byte[single.GetSealedLength(part.Length)];
            single.Seal(RecordType.ApplicationData, part, record);
            expected.AddRange(record);
        }
        Assert.Equal([.. expected], sealedAtOnce);
        Assert.Equal(11UL, bulk.SequenceNumber);
        Assert.Equal(0, bulk.SealAll(RecordType.ApplicationData, [], 999, []));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Longest_plaintext_fits_and_a_longer_one_is_refused(string kind)
    {
        using RecordProtection seal = Create(kind);
        using RecordProtection open = Create(kind);
        byte[] record = new byte[seal.GetSealedLength(RecordHeader.MaxPlaintext)];
        seal.Seal(RecordType.ApplicationData, new byte[RecordHeader.MaxPlaintext], record);
        Assert.Equal(SmTlsError.None, Open(open, record, out _, out byte[] plaintext));
        Assert.Equal(RecordHeader.MaxPlaintext, plaintext.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => seal.Seal(RecordType.ApplicationData, new byte[RecordHeader.MaxPlaintext + 1], new byte[20_000]));
        int tooLong = open.MaxFragmentLength + 1;
        Assert.Equal(SmTlsError.RecordOverflow, open.Open(new RecordHeader(RecordType.ApplicationData, seal.RecordVersion, tooLong), new byte[tooLong], out _, out _));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Sequence_number_never_wraps(string kind)
    {
        using RecordProtection seal = Create(kind);
        seal.SkipTo(ulong.MaxValue - 1);
        byte[] record = new byte[seal.GetSealedLength(1)];
        seal.Seal(RecordType.ApplicationData, [1], record);
        Assert.True(seal.IsKeyLimitNear);
        Assert.Equal(SmTlsError.KeyLimitReached, Assert.Throws<SmTlsException>(() => seal.Seal(RecordType.ApplicationData, [1], record)).Error);
        Assert.Equal(SmTlsError.KeyLimitReached, Assert.Throws<SmTlsException>(() => seal.SealAll(RecordType.ApplicationData, [1], 1, record)).Error);
        using RecordProtection open = Create(kind);
        open.SkipTo(ulong.MaxValue - 1);
        Assert.Equal(SmTlsError.None, Open(open, [.. record], out _, out _));
        Assert.Equal(SmTlsError.KeyLimitReached, Open(open, [.. record], out _, out _));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    [Trait("Kind", "Bench")]
    public void Sealing_and_opening_allocate_nothing(string kind)
    {
        using RecordProtection seal = Create(kind);
        using RecordProtection open = Create(kind);
        byte[] plaintext = new byte[1400];
        byte[] record = new byte[seal.GetSealedLength(plaintext.Length)];
        Assert.Equal(0, Allocations.Of(() =>
        {
            seal.Seal(RecordType.ApplicationData, plaintext, record);
            RecordHeader.TryRead(record, open.MaxFragmentLength, out RecordHeader header, out _);
            open.Open(header, record.AsSpan(RecordHeader.Size), out _, out _);
        }));
    }

    internal static SmTlsError Open(RecordProtection protection, byte[] record, out RecordType type, out byte[] plaintext)
    {
        Assert.Equal(TlsReadStatus.Complete, RecordHeader.TryRead(record, RecordHeader.MaxTlcpCiphertext, out RecordHeader header, out _));
        Assert.Equal(record.Length, RecordHeader.Size + header.Length);
        SmTlsError error = protection.Open(header, record.AsSpan(RecordHeader.Size), out type, out Span<byte> opened);
        plaintext = opened.ToArray();
        return error;
    }
}
