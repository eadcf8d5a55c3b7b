using System.Text;
using CsCheck;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Messages;

public sealed class ClientHelloRecordsTests
{
    private static readonly byte[] s_message = MessageSamples.Write(w =>
    {
        using (w.Handshake(HandshakeType.ClientHello))
        {
            MessageSamples.WriteTls13ClientHello(w);
        }
    });

    [Fact]
    [Trait("Kind", "Property")]
    public void Hello_is_found_in_any_fragmentation_and_never_before_its_last_byte() =>
        Gen.Int[1, 400].Sample(step =>
        {
            byte[] stream = Cut(s_message, step);
            byte[] scratch = new byte[ClientHelloRecords.DefaultMaxLength];
            int calls = 0;
            for (int received = 0; ; calls++)
            {
                TlsReadStatus status = ClientHelloRecords.TryRead(stream.AsSpan(0, received), scratch, out ClientHello hello, out int needed, out _);
                if (status == TlsReadStatus.Complete)
                {
                    Assert.Equal("bank.example", Encoding.ASCII.GetString(hello.ServerName));
                    Assert.Equal(stream.Length, received);
                    break;
                }
                Assert.Equal(TlsReadStatus.NeedMoreData, status);
                Assert.InRange(needed, received + 1, stream.Length);
                Assert.Equal(TlsReadStatus.NeedMoreData, ClientHelloRecords.TryRead(stream.AsSpan(0, needed - 1), scratch, out _, out int again, out _));
                Assert.True(again >= needed);
                received = needed;
            }
            Assert.InRange(calls, 1, (2 * (s_message.Length / step)) + 6);
        });

    [Fact]
    public void Whole_hello_is_read_in_place()
    {
        byte[] stream = [.. Cut(s_message, 16384), 1, 2, 3];
        byte[] scratch = new byte[s_message.Length];
        Assert.Equal(TlsReadStatus.Complete, ClientHelloRecords.TryRead(stream, scratch, out ClientHello hello, out _, out _));
        Assert.True(((ReadOnlySpan<byte>)stream).Overlaps(hello.ServerName));
        Assert.All(scratch, b => Assert.Equal(0, b));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(16384)]
    public void Too_long_a_hello_is_refused_in_any_fragmentation(int step)
    {
        Assert.Equal(TlsReadStatus.Malformed, ClientHelloRecords.TryRead(Cut(s_message, step), new byte[s_message.Length - 1], out _, out _, out SmTlsError error));
        Assert.Equal(SmTlsError.MessageTooLarge, error);
        Assert.Equal(TlsReadStatus.Complete, ClientHelloRecords.TryRead(Cut(s_message, step), new byte[s_message.Length], out _, out _, out _));
    }

    [Theory]
    [InlineData(new byte[] { 21 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { (byte)'G' }, SmTlsError.InvalidRecordType)]
    [InlineData(new byte[] { 22, 2 }, SmTlsError.InvalidRecordVersion)]
    [InlineData(new byte[] { 22, 1, 2 }, SmTlsError.InvalidRecordVersion)]
    [InlineData(new byte[] { 22, 3, 1, 0x40, 1 }, SmTlsError.RecordOverflow)]
    [InlineData(new byte[] { 22, 3, 1, 0, 0 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 22, 3, 1, 0, 5, 2 }, SmTlsError.UnexpectedMessage)]
    [InlineData(new byte[] { 22, 3, 1, 0, 5, 1, 1, 0, 0 }, SmTlsError.MessageTooLarge)]
    [InlineData(new byte[] { 0x80 }, SmTlsError.InvalidRecordType)]
    public void What_is_no_hello_is_refused_as_soon_as_it_shows(byte[] received, SmTlsError expected)
    {
        byte[] scratch = new byte[ClientHelloRecords.DefaultMaxLength];
        Assert.Equal(TlsReadStatus.Malformed, ClientHelloRecords.TryRead(received, scratch, out _, out _, out SmTlsError error));
        Assert.Equal(expected, error);
        Assert.Equal(TlsReadStatus.NeedMoreData, ClientHelloRecords.TryRead(received.AsSpan(0, received.Length - 1), scratch, out _, out _, out _));
    }

    [Fact]
    public void Hello_of_every_recorded_connection_is_read_from_its_first_bytes()
    {
        byte[] scratch = new byte[ClientHelloRecords.DefaultMaxLength];
        int tlcp = 0, tls13 = 0;
        foreach (string cell in Vectors.Cells)
        {
            Assert.Equal(TlsReadStatus.Complete, ClientHelloRecords.TryRead(Vectors.Read(cell, "c2s.bin"), scratch, out ClientHello hello, out _, out _));
            Assert.NotEqual(hello.OffersTlcp, hello.OffersTls13);
            (tlcp, tls13) = hello.OffersTlcp ? (tlcp + 1, tls13) : (tlcp, tls13 + 1);
        }
        Assert.Equal((50, 22), (tlcp, tls13));
    }

    [Fact]
    [Trait("Kind", "Bench")]
    public void Reading_a_cut_hello_allocates_nothing()
    {
        byte[] stream = Cut(s_message, 7);
        byte[] scratch = new byte[ClientHelloRecords.DefaultMaxLength];
        Assert.Equal(0, Allocations.Of(() => ClientHelloRecords.TryRead(stream, scratch, out _, out _, out _)));
    }

    private static byte[] Cut(byte[] message, int step)
    {
        List<byte> stream = [];
        byte[] header = new byte[RecordHeader.Size];
        foreach (byte[] part in message.Chunk(step))
        {
            new RecordHeader(RecordType.Handshake, ProtocolVersions.Tls10, part.Length).Write(header);
            stream.AddRange(header);
            stream.AddRange(part);
        }
        return [.. stream];
    }
}
