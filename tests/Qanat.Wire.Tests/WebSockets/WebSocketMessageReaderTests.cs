using CsCheck;
using Qanat.Wire.WebSockets;

namespace Qanat.Wire.Tests.WebSockets;

public sealed class WebSocketMessageReaderTests
{
    private const int Max = 1000;

    private static byte[] Frame(WebSocketOpcode opcode, byte[] payload, bool isFinal = true, uint? key = null)
    {
        WebSocketFrameHeader header = new(isFinal, opcode, key is not null, key ?? 0, payload.Length);
        byte[] frame = new byte[header.Length + payload.Length];
        int at = header.Write(frame);
        WebSocketMask.Copy(payload, frame.AsSpan(at), key ?? 0);
        return frame;
    }

    [Fact]
    public void Messages_survive_any_fragmentation_and_any_cut_of_the_stream_with_control_frames_between() =>
        Gen.Select(Gen.Byte.Array[0, Max].List[1, 5], Gen.Int[1, 300], Gen.Int[1, 70], Gen.UInt).Sample((sent, fragment, chunk, key) =>
        {
            List<byte> wire = [];
            foreach (byte[] message in sent)
            {
                for (int at = 0; at == 0 || at < message.Length; at += fragment)
                {
                    bool isFinal = at + fragment >= message.Length;
                    wire.AddRange(Frame(at == 0 ? WebSocketOpcode.Binary : WebSocketOpcode.Continuation, message[at..Math.Min(at + fragment, message.Length)], isFinal, key));
                    wire.AddRange(Frame(WebSocketOpcode.Ping, [1, 2], key: key + 1));
                }
            }
            using WebSocketMessageReader reader = new(WebSocketRole.Server, Max);
            List<byte[]> received = [];
            byte[] buffer = new byte[wire.Count];
            int start = 0;
            int end = 0;
            while (end < wire.Count)
            {
                int take = Math.Min(chunk, wire.Count - end);
                wire.CopyTo(end, buffer, end, take);
                end += take;
                while (true)
                {
                    WebSocketReadResult result = reader.TryRead(buffer.AsSpan(start, end - start), out int consumed, out Span<byte> payload);
                    start += consumed;
                    Assert.NotEqual(WebSocketReadResult.Malformed, result);
                    if (result == WebSocketReadResult.Message)
                    {
                        received.Add(payload.ToArray());
                    }
                    else if (result == WebSocketReadResult.NeedMoreData)
                    {
                        break;
                    }
                }
            }
            Assert.Equal(sent, received);
        });

    [Fact]
    public void A_message_in_fragments_is_bounded_as_one()
    {
        using WebSocketMessageReader reader = new(WebSocketRole.Client, Max);
        Assert.Equal(WebSocketReadResult.Fragment, reader.TryRead(Frame(WebSocketOpcode.Binary, new byte[600], isFinal: false), out _, out _));
        // The verdict needs the header only: the payload is not waited for.
        byte[] header = Frame(WebSocketOpcode.Continuation, new byte[401], isFinal: true)[..4];
        Assert.Equal(WebSocketReadResult.Malformed, reader.TryRead(header, out _, out _));
        Assert.Equal(WebSocketCloseCode.MessageTooBig, reader.CloseCode);
    }

    [Fact]
    public void Frames_out_of_order_are_refused()
    {
        using WebSocketMessageReader fresh = new(WebSocketRole.Client, Max);
        Assert.Equal(WebSocketReadResult.Malformed, fresh.TryRead(Frame(WebSocketOpcode.Continuation, [1]), out _, out _));
        Assert.Equal(WebSocketCloseCode.ProtocolError, fresh.CloseCode);
        using WebSocketMessageReader inside = new(WebSocketRole.Client, Max);
        Assert.Equal(WebSocketReadResult.Fragment, inside.TryRead(Frame(WebSocketOpcode.Binary, [1], isFinal: false), out _, out _));
        Assert.Equal(WebSocketReadResult.Malformed, inside.TryRead(Frame(WebSocketOpcode.Binary, [1]), out _, out _));
        Assert.Equal(WebSocketCloseCode.ProtocolError, inside.CloseCode);
    }

    [Fact]
    public void Text_is_refused_with_1003_and_a_bad_close_with_1002()
    {
        using WebSocketMessageReader reader = new(WebSocketRole.Client, Max);
        Assert.Equal(WebSocketReadResult.Malformed, reader.TryRead(Frame(WebSocketOpcode.Text, [65]), out _, out _));
        Assert.Equal(WebSocketCloseCode.UnsupportedData, reader.CloseCode);
        Assert.Equal(WebSocketReadResult.Malformed, reader.TryRead(Frame(WebSocketOpcode.Close, [3]), out _, out _));
        Assert.Equal(WebSocketCloseCode.ProtocolError, reader.CloseCode);
        Assert.Equal(WebSocketReadResult.Close, reader.TryRead(Frame(WebSocketOpcode.Close, [0x03, 0xE9]), out _, out _));
        Assert.Equal(WebSocketCloseCode.GoingAway, reader.CloseCode);
    }

    [Fact]
    public void One_byte_fragments_take_no_memory_beyond_the_bound()
    {
        using WebSocketMessageReader reader = new(WebSocketRole.Client, Max);
        byte[] first = Frame(WebSocketOpcode.Binary, [1], isFinal: false);
        byte[] empty = Frame(WebSocketOpcode.Continuation, [], isFinal: false);
        reader.TryRead(first, out _, out _);
        Assert.Equal(0, Allocations.Of(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                reader.TryRead(empty, out _, out _);
            }
        }));
    }

    [Fact]
    public void Any_bytes_never_throw() =>
        Gen.Byte.Array[0, 300].Sample(bytes =>
        {
            using WebSocketMessageReader reader = new(WebSocketRole.Server, Max);
            int start = 0;
            while (start < bytes.Length)
            {
                WebSocketReadResult result = reader.TryRead(bytes.AsSpan(start), out int consumed, out _);
                start += consumed;
                if (consumed == 0)
                {
                    Assert.True(result is WebSocketReadResult.NeedMoreData or WebSocketReadResult.Malformed);
                    break;
                }
            }
        });
}
