using CsCheck;
using Qanat.Wire.WebSockets;

namespace Qanat.Wire.Tests.WebSockets;

public sealed class WebSocketFrameHeaderTests
{
    private const int Max = 65588;

    [Fact]
    public void Header_round_trips_and_every_prefix_asks_for_more() =>
        Gen.Select(Gen.Bool, Gen.OneOf(WebSocketOpcode.Binary, WebSocketOpcode.Continuation, WebSocketOpcode.Text), Gen.Bool, Gen.UInt,
            Gen.OneOf(Gen.Int[0, 130], Gen.Int[65530, 65540], Gen.Int[0, Max])).Sample((final, opcode, masked, key, length) =>
        {
            WebSocketFrameHeader header = new(final, opcode, masked, masked ? key : 0, length);
            byte[] bytes = new byte[WebSocketFrameHeader.MaxLength];
            int written = header.Write(bytes);
            Assert.Equal(header.Length, written);
            WebSocketRole reader = masked ? WebSocketRole.Server : WebSocketRole.Client;
            for (int prefix = 0; prefix < written; prefix++)
            {
                Assert.Equal(ParseStatus.NeedMoreData, WebSocketFrameHeader.TryRead(bytes.AsSpan(0, prefix), reader, Max, out _, out _));
            }
            Assert.Equal(ParseStatus.Complete, WebSocketFrameHeader.TryRead(bytes, reader, Max, out WebSocketFrameHeader read, out WebSocketCloseCode error));
            Assert.Equal(header, read);
            Assert.Equal(WebSocketCloseCode.None, error);
            // The other end would have to refuse it: a server unmasked frames, a client masked ones.
            WebSocketRole other = masked ? WebSocketRole.Client : WebSocketRole.Server;
            Assert.Equal(ParseStatus.Malformed, WebSocketFrameHeader.TryRead(bytes, other, Max, out _, out error));
            Assert.Equal(WebSocketCloseCode.ProtocolError, error);
        });

    [Theory]
    [InlineData("c200", WebSocketCloseCode.ProtocolError)] // RSV1, as compression would set
    [InlineData("a200", WebSocketCloseCode.ProtocolError)] // RSV2
    [InlineData("9200", WebSocketCloseCode.ProtocolError)] // RSV3
    [InlineData("8300", WebSocketCloseCode.ProtocolError)] // reserved data opcode
    [InlineData("8b00", WebSocketCloseCode.ProtocolError)] // reserved control opcode
    [InlineData("0900", WebSocketCloseCode.ProtocolError)] // fragmented ping
    [InlineData("897e007e", WebSocketCloseCode.ProtocolError)] // ping of 126 bytes
    [InlineData("827e007d", WebSocketCloseCode.ProtocolError)] // 125 in two bytes
    [InlineData("827f000000000000ffff", WebSocketCloseCode.ProtocolError)] // 65535 in eight bytes
    [InlineData("827f8000000000000000", WebSocketCloseCode.ProtocolError)] // top bit set: 2^63
    [InlineData("827fffffffffffffffff", WebSocketCloseCode.ProtocolError)]
    [InlineData("827f7fffffffffffffff", WebSocketCloseCode.MessageTooBig)] // 2^63 - 1
    [InlineData("827f0000000080000000", WebSocketCloseCode.MessageTooBig)] // 2^31
    [InlineData("827f0000000100000000", WebSocketCloseCode.MessageTooBig)] // 2^32: low half is zero
    [InlineData("827f0000000000010035", WebSocketCloseCode.MessageTooBig)] // longest frame and one byte
    [InlineData("8280", WebSocketCloseCode.ProtocolError)] // masked, to a client
    public void Bad_headers_are_refused_with_the_right_code(string hex, WebSocketCloseCode expected)
    {
        Assert.Equal(ParseStatus.Malformed, WebSocketFrameHeader.TryRead(Convert.FromHexString(hex), WebSocketRole.Client, Max, out _, out WebSocketCloseCode error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public void Any_bytes_never_throw() =>
        Gen.Select(Gen.Byte.Array[0, 20], Gen.Bool).Sample((bytes, server) =>
        {
            ParseStatus status = WebSocketFrameHeader.TryRead(bytes, server ? WebSocketRole.Server : WebSocketRole.Client, Max, out WebSocketFrameHeader header, out _);
            return status != ParseStatus.Complete || header.PayloadLength is >= 0 and <= Max;
        });

    [Theory]
    [InlineData("", true)]
    [InlineData("03", false)]
    [InlineData("03e8", true)] // 1000
    [InlineData("03e7", false)] // 999
    [InlineData("03ec", false)] // 1004
    [InlineData("03ed", false)] // 1005, never on the wire
    [InlineData("03ee", false)] // 1006, never on the wire
    [InlineData("03f7", false)] // 1015, never on the wire
    [InlineData("03f8", false)]
    [InlineData("0bb8", true)] // 3000
    [InlineData("0fa1", true)] // 4001
    [InlineData("1388", false)] // 5000
    public void Close_codes_are_validated(string hex, bool valid) =>
        Assert.Equal(valid, WebSocketClose.TryReadCode(Convert.FromHexString(hex), out _));
}
