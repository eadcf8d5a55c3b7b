using CsCheck;
using Qanat.Tls.Messages;

namespace Qanat.Tls.Tests.Messages;

public sealed class HandshakeReaderTests
{
    [Fact]
    [Trait("Kind", "Property")]
    public void Messages_come_out_whole_however_they_are_cut() =>
        Gen.Select(Gen.Byte.Array[0, 600].Array[1, 8], Gen.Int[1, 700]).Sample((bodies, step) =>
        {
            byte[] stream = MessageSamples.Write(w =>
            {
                foreach (byte[] body in bodies)
                {
                    using (w.Handshake(HandshakeType.Certificate))
                    {
                        w.WriteBytes(body);
                    }
                }
            });
            using HandshakeReader reader = new(600);
            int read = 0;
            for (int at = 0; at < stream.Length; at += step)
            {
                Assert.Equal(SmTlsError.None, reader.Append(stream.AsSpan(at, Math.Min(step, stream.Length - at))));
                while (reader.TryRead(out HandshakeMessage message, out _) == TlsReadStatus.Complete)
                {
                    Assert.True(message.Body.SequenceEqual(bodies[read++]));
                }
                if (at % 3 == 0)
                {
                    reader.Trim();
                }
            }
            Assert.Equal(bodies.Length, read);
            Assert.True(reader.IsEmpty);
        });

    [Fact]
    public void Too_long_a_message_is_refused_by_its_header()
    {
        using HandshakeReader reader = new(1000);
        Assert.Equal(SmTlsError.None, reader.Append([11, 0, 3]));
        Assert.Equal(TlsReadStatus.NeedMoreData, reader.TryRead(out _, out _));
        reader.Append([0xE9]);
        Assert.Equal(TlsReadStatus.Malformed, reader.TryRead(out _, out SmTlsError error));
        Assert.Equal(SmTlsError.MessageTooLarge, error);
        Assert.Equal(4, reader.BufferedLength);
    }

    [Fact]
    public void Unread_messages_do_not_pile_up()
    {
        using HandshakeReader reader = new(1000);
        byte[] record = new byte[16384];
        Assert.Equal(SmTlsError.None, reader.Append(record));
        Assert.Equal(SmTlsError.MessageTooLarge, reader.Append(record));
    }

    [Fact]
    public void Empty_records_are_refused()
    {
        using HandshakeReader reader = new();
        Assert.Equal(SmTlsError.UnexpectedMessage, reader.Append([]));
    }
}
