using CsCheck;

namespace Qanat.Wire.Tests;

public sealed class FrameHeaderTests
{
    private static readonly Gen<FrameHeader> s_headers =
        Gen.Select(
            Gen.OneOf(FrameType.Open, FrameType.Data, FrameType.Ack, FrameType.Resume, FrameType.Ping, FrameType.Ticket),
            Gen.Byte, Gen.Byte, Gen.Byte.Array[16], Gen.Byte.Array[16], Gen.ULong, Gen.ULong)
        .Select((type, reason, flags, source, destination, session, offset) =>
            new FrameHeader(type, (FrameReason)reason, flags, Mid.Read(source), Mid.Read(destination), session, offset));

    [Fact]
    public void Header_round_trips() =>
        s_headers.Select(Gen.Byte.Array[0, 100]).Sample((header, payload) =>
        {
            byte[] frame = new byte[FrameHeader.Length + payload.Length];
            header.Write(frame);
            payload.CopyTo(frame, FrameHeader.Length);
            Assert.Equal(ParseStatus.Complete, FrameHeader.TryRead(frame, out FrameHeader read, out ReadOnlySpan<byte> rest));
            Assert.Equal(header, read);
            Assert.True(rest.SequenceEqual(payload));
        });

    [Fact]
    public void Any_bytes_never_throw() =>
        Gen.Byte.Array[0, 200].Sample(bytes => { FrameHeader.TryRead(bytes, out _, out _); MuxFrameHeader.TryRead(bytes, out _); });

    [Fact]
    public void Too_long_frames_are_malformed()
    {
        byte[] frame = new byte[FrameHeader.MaxFrame + 1];
        new FrameHeader(FrameType.Data, 0, 0, default, default, 1, 0).Write(frame);
        Assert.Equal(ParseStatus.Malformed, FrameHeader.TryRead(frame, out _, out _));
        Assert.Equal(ParseStatus.Complete, FrameHeader.TryRead(frame.AsSpan(0, FrameHeader.MaxFrame), out _, out _));
    }

    [Fact]
    public void Mux_payload_over_the_bound_is_malformed()
    {
        byte[] header = new byte[MuxFrameHeader.Length];
        new MuxFrameHeader(MuxFrameType.Data, 1, MuxFrameHeader.MaxPayload).Write(header);
        Assert.Equal(ParseStatus.Complete, MuxFrameHeader.TryRead(header, out _));
        new MuxFrameHeader(MuxFrameType.Data, 1, MuxFrameHeader.MaxPayload + 1).Write(header);
        Assert.Equal(ParseStatus.Malformed, MuxFrameHeader.TryRead(header, out _));
    }
}
