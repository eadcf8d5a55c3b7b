using CsCheck;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Records;

public sealed class RecordHeaderTests
{
    [Fact]
    public void Header_round_trips() =>
        Gen.Select(Gen.OneOf(RecordType.ChangeCipherSpec, RecordType.Alert, RecordType.Handshake, RecordType.ApplicationData),
            Gen.OneOf(ProtocolVersions.Tlcp, ProtocolVersions.Tls10, ProtocolVersions.Tls12), Gen.Int[0, RecordHeader.MaxTlcpCiphertext]).Sample((type, version, length) =>
        {
            byte[] bytes = new byte[RecordHeader.Size];
            RecordHeader header = new(type, version, length);
            header.Write(bytes);
            Assert.Equal(TlsReadStatus.Complete, RecordHeader.TryRead(bytes, RecordHeader.MaxTlcpCiphertext, out RecordHeader read, out _));
            Assert.Equal(header, read);
            for (int i = 0; i < bytes.Length; i++)
            {
                Assert.Equal(TlsReadStatus.NeedMoreData, RecordHeader.TryRead(bytes.AsSpan(0, i), RecordHeader.MaxTlcpCiphertext, out _, out _));
            }
        });

    [Theory]
    [InlineData(new byte[] { 19 }, SmTlsError.InvalidRecordType)]
    [InlineData(new byte[] { 24, 3, 3, 0, 1 }, SmTlsError.InvalidRecordType)]
    [InlineData(new byte[] { 80, 1, 1, 0, 1 }, SmTlsError.InvalidRecordType)]
    [InlineData(new byte[] { 23, 4 }, SmTlsError.InvalidRecordVersion)]
    [InlineData(new byte[] { 23, 3, 3, 0x41, 1 }, SmTlsError.RecordOverflow)]
    public void Bad_headers_are_refused_as_soon_as_they_show(byte[] bytes, SmTlsError expected)
    {
        Assert.Equal(TlsReadStatus.Malformed, RecordHeader.TryRead(bytes, RecordHeader.MaxTls13Ciphertext, out _, out SmTlsError error));
        Assert.Equal(expected, error);
    }
}
