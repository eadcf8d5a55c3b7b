using Qanat.Gm;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Tests.Records;

/// <summary>The inner content type and padding of TLS 1.3 records.</summary>
public sealed class Tls13RecordTests
{
    private static readonly byte[] s_secret = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    [Theory]
    [InlineData(0, 64)]
    [InlineData(62, 64)]
    [InlineData(63, 64)]
    [InlineData(64, 128)]
    [InlineData(RecordHeader.MaxPlaintext - 10, RecordHeader.MaxPlaintext)]
    [InlineData(RecordHeader.MaxPlaintext, RecordHeader.MaxPlaintext + 1)]
    public void Padding_hides_the_length_and_is_taken_off(int length, int inner)
    {
        using Tls13RecordProtection seal = new(SmCipherSuite.TlsSm4GcmSm3, s_secret) { PaddingMultiple = 64 };
        using Tls13RecordProtection open = new(SmCipherSuite.TlsSm4GcmSm3, s_secret);
        byte[] record = new byte[seal.GetSealedLength(length)];
        byte[] plaintext = [.. Enumerable.Repeat((byte)0, length)];
        seal.Seal(RecordType.ApplicationData, plaintext, record);
        Assert.Equal(RecordHeader.Size + inner + 16, record.Length);
        Assert.Equal(SmTlsError.None, RecordProtectionTests.Open(open, record, out RecordType type, out byte[] opened));
        Assert.Equal(RecordType.ApplicationData, type);
        Assert.Equal(plaintext, opened);
    }

    [Theory]
    [InlineData(new byte[] { }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 0, 0, 0 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 1, 20 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 22, 0, 0 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 21 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 99 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 23, 0 }, SmTlsError.None)]
    [InlineData(new byte[] { 1, 22, 0 }, SmTlsError.None)]
    public void Inner_plaintext_without_a_proper_type_is_refused(byte[] inner, SmTlsError expected)
    {
        using Tls13RecordProtection open = new(SmCipherSuite.TlsSm4GcmSm3, s_secret);
        Assert.Equal(expected, RecordProtectionTests.Open(open, SealRaw(inner), out _, out _));
    }

    [Fact]
    public void Padding_beyond_the_longest_plaintext_is_refused()
    {
        byte[] inner = new byte[RecordHeader.MaxPlaintext + 2];
        inner[0] = (byte)RecordType.ApplicationData;
        using Tls13RecordProtection open = new(SmCipherSuite.TlsSm4GcmSm3, s_secret);
        Assert.Equal(SmTlsError.RecordOverflow, RecordProtectionTests.Open(open, SealRaw(inner), out _, out _));
    }

    [Fact]
    public void Suite_of_another_protocol_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Tls13RecordProtection(SmCipherSuite.EccSm4GcmSm3, s_secret));

    private static byte[] SealRaw(byte[] inner)
    {
        byte[] key = new byte[16], iv = new byte[12];
        Tls13KeyDerivation.DeriveRecordKeys(s_secret, key, iv);
        byte[] record = new byte[RecordHeader.Size + inner.Length + 16];
        new RecordHeader(RecordType.ApplicationData, ProtocolVersions.Tls12, inner.Length + 16).Write(record);
        using Sm4Gcm gcm = new(key, 16);
        gcm.Encrypt(iv, inner, record.AsSpan(RecordHeader.Size, inner.Length), record.AsSpan(^16..), record.AsSpan(0, RecordHeader.Size));
        return record;
    }
}
