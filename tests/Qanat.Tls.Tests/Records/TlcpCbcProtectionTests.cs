using System.Buffers.Binary;
using CsCheck;
using Qanat.Gm;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Records;

public sealed class TlcpCbcProtectionTests
{
    private const RecordType Type = RecordType.ApplicationData;

    [Fact]
    public void Records_of_every_length_are_what_a_peer_reads()
    {
        using TlcpCbcProtection sealing = New();
        byte[] ivs = new byte[16];
        for (int length = 0; length <= 300; length++)
        {
            byte[] plaintext = Random(length), record = new byte[sealing.GetSealedLength(length)];
            Assert.Equal(record.Length, sealing.Seal(Type, plaintext, record));
            Assert.Equal([0x17, 0x01, 0x01, (byte)((record.Length - 5) >> 8), (byte)(record.Length - 5)], record[..5]);
            int padding = 15 - (length % 16);
            Assert.Equal(TlcpCbcPeer.Content((ulong)length, Type, plaintext, padding), TlcpCbcPeer.Decrypt(record.AsSpan(5)));
            Assert.NotEqual(ivs, record[5..21]);
            ivs = record[5..21];
        }
    }

    [Fact]
    public void A_peers_records_of_every_padding_length_are_opened()
    {
        foreach (int length in new[] { 0, 1, 15, 16, 17, 100, 255, 256, 257, 300, 1000 })
        {
            byte[] plaintext = Random(length);
            for (int padding = 15 - (length % 16); padding < 256; padding += 16)
            {
                using TlcpCbcProtection opening = New();
                Assert.Equal(SmTlsError.None, Open(opening, TlcpCbcPeer.Encrypt(TlcpCbcPeer.Content(0, Type, plaintext, padding)), out byte[] opened));
                Assert.Equal(plaintext, opened);
                Assert.Equal(1ul, opening.SequenceNumber);
            }
        }
    }

    [Fact]
    public void Forged_records_of_every_padding_length_give_one_error_and_zeros()
    {
        foreach (int length in new[] { 0, 1, 16, 100, 300 })
        {
            byte[] plaintext = Random(length);
            for (int padding = 15 - (length % 16); padding < 256; padding += 16)
            {
                byte[] right = TlcpCbcPeer.Content(0, Type, plaintext, padding);
                // Every byte of MAC and padding is wrong once, by one bit.
                for (int at = length; at < right.Length; at++)
                {
                    byte[] wrong = [.. right];
                    wrong[at] ^= (byte)(1 << (at % 8));
                    AssertRefused(wrong);
                }
            }
        }
    }

    [Fact]
    public void Padding_that_reaches_into_or_beyond_the_mac_is_refused()
    {
        foreach (int blocks in new[] { 3, 4, 7, 15, 16, 17, 20 })
        {
            for (int padding = 0; padding < 256; padding++)
            {
                byte[] content = new byte[16 * blocks];
                Array.Fill(content, (byte)padding);
                AssertRefused(content);
            }
        }
    }

    [Fact]
    public void Another_sequence_number_type_or_length_is_refused()
    {
        byte[] plaintext = Random(40);
        AssertRefused(TlcpCbcPeer.Content(1, Type, plaintext, 7));
        AssertRefused(TlcpCbcPeer.Content(0, RecordType.Handshake, plaintext, 7));
        AssertRefused([.. plaintext, .. TlcpCbcPeer.Mac(0, Type, plaintext.AsSpan(1)), .. Enumerable.Repeat((byte)7, 8)]);
    }

    [Fact]
    public void Fragments_that_cannot_be_records_are_refused()
    {
        using TlcpCbcProtection opening = New();
        for (int length = 0; length < 100; length++)
        {
            if (length % 16 != 0 || length < 64)
            {
                Assert.Equal(SmTlsError.BadRecordMac, Open(opening, new byte[length], out _));
            }
        }
        Assert.Equal(SmTlsError.RecordOverflow, Open(opening, new byte[RecordHeader.MaxTlcpCiphertext + 16], out _));
    }

    [Fact]
    public void Plaintext_in_its_place_is_sealed_without_a_copy()
    {
        using TlcpCbcProtection sealing = New(), opening = New();
        byte[] plaintext = Random(1000), record = new byte[sealing.GetSealedLength(1000)];
        plaintext.CopyTo(record, sealing.PlaintextOffset);
        sealing.Seal(Type, record.AsSpan(sealing.PlaintextOffset, 1000), record);
        Assert.Equal(SmTlsError.None, Open(opening, record[5..], out byte[] opened));
        Assert.Equal(plaintext, opened);
    }

    [Fact]
    [Trait("Kind", "Property")]
    public void Many_records_at_once_open_as_one_after_another() =>
        Gen.Select(Gen.Int[0, 60_000], Gen.Int[700, RecordHeader.MaxPlaintext], Gen.Int[0, 3]).Sample((length, fragmentLength, before) =>
        {
            using TlcpCbcProtection sealing = New(), opening = New();
            byte[] plaintext = Random(length), one = new byte[200];
            List<byte> opened = [];
            for (int i = 0; i < before; i++)
            {
                int sealedLength = sealing.Seal(Type, [(byte)i], one);
                Assert.Equal(SmTlsError.None, Open(opening, one[5..sealedLength], out _));
            }
            byte[] records = new byte[sealing.GetSealedLength(length, fragmentLength)];
            Assert.Equal(records.Length, sealing.SealAll(Type, plaintext, fragmentLength, records));
            for (int at = 0; at < records.Length;)
            {
                int fragment = BinaryPrimitives.ReadUInt16BigEndian(records.AsSpan(at + 3));
                Assert.Equal([0x17, 0x01, 0x01], records[at..(at + 3)]);
                Assert.Equal(SmTlsError.None, Open(opening, records[(at + 5)..(at + 5 + fragment)], out byte[] piece));
                opened.AddRange(piece);
                at += 5 + fragment;
            }
            Assert.Equal(plaintext, opened);
            Assert.Equal(sealing.SequenceNumber, opening.SequenceNumber);
            Assert.Equal((ulong)(before + ((length + fragmentLength - 1) / fragmentLength)), opening.SequenceNumber);
        }, iter: 100);

    public static TheoryData<string> CbcCells => [.. Vectors.Cells.Where(cell => cell.StartsWith("tlcp-", StringComparison.Ordinal) && cell.Contains("-cbc-", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(CbcCells))]
    [Trait("Kind", "Vector")]
    public void Recorded_connections_of_real_peers_are_opened(string cell)
    {
        byte[] c2s = Vectors.Read(cell, "c2s.bin"), s2c = Vectors.Read(cell, "s2c.bin");
        string keyLog = File.ReadAllText(Path.Combine(Vectors.Folder(cell), "keylog.txt"));
        byte[] master = Convert.FromHexString(keyLog.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)[2]);
        // Both hellos: record header 5, message header 4, version 2, random.
        byte[] client = c2s[11..43], server = s2c[11..43], keys = new byte[96];
        TlcpPrf.Derive(master, "key expansion"u8, server, client, keys);
        using TlcpCbcProtection fromClient = new(keys.AsSpan(0, 32), keys.AsSpan(64, 16)), fromServer = new(keys.AsSpan(32, 32), keys.AsSpan(80, 16));
        Assert.Equal(Vectors.Read(cell, "app_c2s.bin"), OpenAll(fromClient, c2s));
        Assert.Equal(Vectors.Read(cell, "app_s2c.bin"), OpenAll(fromServer, s2c));
    }

    [Fact]
    public void Sealing_and_opening_allocate_nothing()
    {
        using TlcpCbcProtection sealing = New(), opening = New();
        byte[] plaintext = Random(40_000), records = new byte[sealing.GetSealedLength(plaintext.Length, 16_384)], record = new byte[2000];
        bool opened = true;
        Assert.Equal(0, Allocations.Of(() =>
        {
            sealing.SealAll(Type, plaintext, 16_384, records);
            for (int at = 0; at < records.Length;)
            {
                int fragment = BinaryPrimitives.ReadUInt16BigEndian(records.AsSpan(at + 3));
                opened &= opening.Open(new RecordHeader(Type, 0x0101, fragment), records.AsSpan(at + 5, fragment), out _, out _) == SmTlsError.None;
                at += 5 + fragment;
            }
            int length = sealing.Seal(Type, plaintext.AsSpan(0, 1000), record);
            opened &= opening.Open(new RecordHeader(Type, 0x0101, length - 5), record.AsSpan(5, length - 5), out _, out _) == SmTlsError.None;
        }));
        Assert.True(opened);
    }

    [Fact]
    public void Wrong_key_lengths_are_named_and_dispose_ends_all()
    {
        Assert.Equal("macKey", Assert.Throws<ArgumentOutOfRangeException>(() => new TlcpCbcProtection(new byte[31], new byte[16])).ParamName);
        Assert.Equal("key", Assert.Throws<ArgumentOutOfRangeException>(() => new TlcpCbcProtection(new byte[32], new byte[17])).ParamName);
        TlcpCbcProtection protection = New();
        Assert.Equal("destination", Assert.Throws<ArgumentOutOfRangeException>(() => protection.SealAll(Type, new byte[10], 5, new byte[100])).ParamName);
        protection.Dispose();
        Assert.Throws<ObjectDisposedException>(() => protection.Seal(Type, new byte[10], new byte[100]));
        Assert.Throws<ObjectDisposedException>(() => protection.SealAll(Type, new byte[10], 5, new byte[200]));
        Assert.Throws<ObjectDisposedException>(() => Open(protection, new byte[64], out _));
    }

    private static TlcpCbcProtection New() => new(TlcpCbcPeer.MacKey, TlcpCbcPeer.Key);

    private static byte[] Random(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static SmTlsError Open(TlcpCbcProtection protection, byte[] fragment, out byte[] plaintext)
    {
        SmTlsError error = protection.Open(new RecordHeader(Type, 0x0101, fragment.Length), fragment, out _, out Span<byte> span);
        plaintext = span.ToArray();
        return error;
    }

    private static void AssertRefused(byte[] content)
    {
        using TlcpCbcProtection opening = New();
        byte[] fragment = TlcpCbcPeer.Encrypt(content);
        Assert.Equal(SmTlsError.BadRecordMac, Open(opening, fragment, out byte[] plaintext));
        Assert.Empty(plaintext);
        Assert.Equal(0ul, opening.SequenceNumber);
        Assert.Equal(new byte[content.Length], fragment[16..]);
    }

    /// <summary>Opens all records after ChangeCipherSpec; returns the application data.</summary>
    private static byte[] OpenAll(TlcpCbcProtection protection, byte[] stream)
    {
        List<byte> data = [];
        bool isProtected = false;
        for (int at = 0; at < stream.Length;)
        {
            Assert.Equal(TlsReadStatus.Complete, RecordHeader.TryRead(stream.AsSpan(at), RecordHeader.MaxTlcpCiphertext, out RecordHeader header, out _));
            Span<byte> fragment = stream.AsSpan(at + RecordHeader.Size, header.Length);
            at += RecordHeader.Size + header.Length;
            if (isProtected)
            {
                Assert.Equal(SmTlsError.None, protection.Open(header, fragment, out RecordType type, out Span<byte> plaintext));
                if (type == RecordType.ApplicationData)
                {
                    data.AddRange(plaintext);
                }
            }
            isProtected |= header.Type == RecordType.ChangeCipherSpec;
        }
        return [.. data];
    }
}
