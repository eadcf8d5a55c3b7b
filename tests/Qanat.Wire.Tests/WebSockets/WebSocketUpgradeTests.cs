using System.Text;
using CsCheck;
using Qanat.Wire.WebSockets;

namespace Qanat.Wire.Tests.WebSockets;

public sealed class WebSocketUpgradeTests
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    private static readonly string s_request = Encoding.ASCII.GetString(WebSocketUpgrade.WriteRequest("hub.example:8080", "/", Key));

    [Fact]
    public void Accept_of_the_published_key() =>
        // RFC 6455 section 1.3.
        Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WebSocketUpgrade.AcceptFor(Key));

    [Fact]
    public void Request_and_response_round_trip_and_every_prefix_asks_for_more()
    {
        byte[] request = Encoding.ASCII.GetBytes(s_request);
        for (int i = 0; i < request.Length; i++)
        {
            Assert.Equal(ParseStatus.NeedMoreData, WebSocketUpgrade.TryReadRequest(request.AsSpan(0, i), "/", out int none, out _, out _));
            Assert.Equal(0, none);
        }
        Assert.Equal(ParseStatus.Complete, WebSocketUpgrade.TryReadRequest([.. request, 1, 2], "/", out int consumed, out int status, out string key));
        Assert.Equal((request.Length, 101, Key), (consumed, status, key));
        byte[] response = WebSocketUpgrade.WriteAccepted(key);
        for (int i = 0; i < response.Length; i++)
        {
            Assert.Equal(ParseStatus.NeedMoreData, WebSocketUpgrade.TryReadResponse(response.AsSpan(0, i), Key, out _, out _));
        }
        Assert.Equal(ParseStatus.Complete, WebSocketUpgrade.TryReadResponse(response, Key, out consumed, out status));
        Assert.Equal((response.Length, 101), (consumed, status));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1", "POST / HTTP/1.1", 405)]
    [InlineData("GET / HTTP/1.1", "GET /other HTTP/1.1", 404)]
    [InlineData("GET / HTTP/1.1", "GET / HTTP/1.0", 505)]
    [InlineData("GET / HTTP/1.1", "GET  / HTTP/1.1", 400)]
    [InlineData("GET / HTTP/1.1", "GET / FTP/1.1", 400)]
    [InlineData("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", 426)]
    [InlineData("Sec-WebSocket-Version: 13", "X: 13", 426)]
    [InlineData("Upgrade: websocket", "Upgrade: h2c", 426)]
    [InlineData("Connection: Upgrade", "Connection: close", 400)]
    [InlineData(Key, "dGhlIHNhbXBsZSBub25jZQ", 400)]
    [InlineData(Key, "dGhlIHNhbXBsZSBub25j", 400)]
    [InlineData("qanat.v1", "chat", 400)]
    [InlineData("Host: hub.example:8080\r\n", "", 400)]
    [InlineData("Host: hub.example:8080\r\n", "Host: a\r\nHost: b\r\n", 400)]
    [InlineData("Host:", "Content-Length: 5\r\nHost:", 400)]
    [InlineData("Host:", "Transfer-Encoding: chunked\r\nHost:", 400)]
    [InlineData("Host:", "Host :", 400)]
    [InlineData("Host:", " folded\r\nHost:", 400)]
    [InlineData("Host:", "Ho\0st:", 400)]
    [InlineData("hub.example", "hub\rexample", 400)]
    [InlineData("hub.example", "hub\nexample", 400)]
    public void Wrong_requests_are_refused_with_the_right_status(string right, string wrong, int expected)
    {
        Assert.Contains(right, s_request, StringComparison.Ordinal);
        byte[] request = Encoding.Latin1.GetBytes(s_request.Replace(right, wrong, StringComparison.Ordinal));
        Assert.Equal(ParseStatus.Malformed, WebSocketUpgrade.TryReadRequest(request, "/", out _, out int status, out _));
        Assert.Equal(expected, status);
        Assert.StartsWith($"HTTP/1.1 {expected} ", Encoding.ASCII.GetString(WebSocketUpgrade.WriteRefused(status)), StringComparison.Ordinal);
    }

    [Fact]
    public void Version_refusal_names_13() =>
        Assert.Contains("Sec-WebSocket-Version: 13\r\n", Encoding.ASCII.GetString(WebSocketUpgrade.WriteRefused(426)), StringComparison.Ordinal);

    [Fact]
    public void Head_over_the_bound_is_refused()
    {
        byte[] request = Encoding.ASCII.GetBytes(s_request.Replace("\r\n\r\n", "\r\nX: " + new string('x', HttpHead.MaxBytes), StringComparison.Ordinal));
        Assert.Equal(ParseStatus.Malformed, WebSocketUpgrade.TryReadRequest(request.AsSpan(0, HttpHead.MaxBytes), "/", out _, out int status, out _));
        Assert.Equal(431, status);
    }

    [Theory]
    [InlineData("101 Switching", "200 OK", 200)]
    [InlineData("Upgrade: websocket", "Upgrade: h2c", 101)]
    [InlineData("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=", 101)]
    [InlineData("qanat.v1", "chat", 101)]
    [InlineData("Connection: Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate", 101)]
    public void Wrong_responses_are_refused(string right, string wrong, int expectedStatus)
    {
        string response = Encoding.ASCII.GetString(WebSocketUpgrade.WriteAccepted(Key));
        Assert.Contains(right, response, StringComparison.Ordinal);
        byte[] bytes = Encoding.ASCII.GetBytes(response.Replace(right, wrong, StringComparison.Ordinal));
        Assert.Equal(ParseStatus.Malformed, WebSocketUpgrade.TryReadResponse(bytes, Key, out _, out int status));
        Assert.Equal(expectedStatus, status);
    }

    [Fact]
    public void Connect_exchange_with_a_proxy()
    {
        Assert.Equal(
            "CONNECT hub:80 HTTP/1.1\r\nHost: hub:80\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
            Encoding.ASCII.GetString(HttpConnect.WriteRequest("hub:80", "Aladdin", "open sesame")));
        Assert.Equal(ParseStatus.Complete, HttpConnect.TryReadResponse("HTTP/1.1 200 OK\r\nX: y\r\n\r\nrest"u8, out int consumed, out int status));
        Assert.Equal((25, 200), (consumed, status));
        Assert.Equal(ParseStatus.Malformed, HttpConnect.TryReadResponse("HTTP/1.1 407 No\r\n\r\n"u8, out _, out status));
        Assert.Equal(407, status);
        Assert.Throws<ArgumentException>(() => HttpConnect.WriteRequest("hub:80\r\nX: y"));
    }

    [Fact]
    public void Any_bytes_never_throw() =>
        Gen.OneOf(Gen.Byte.Array[0, 400], Gen.String[0, 200].Select(s => Encoding.UTF8.GetBytes("GET / HTTP/1.1\r\n" + s + "\r\n\r\n"))).Sample(bytes =>
        {
            WebSocketUpgrade.TryReadRequest(bytes, "/", out _, out _, out _);
            WebSocketUpgrade.TryReadResponse(bytes, Key, out _, out _);
            HttpConnect.TryReadResponse(bytes, out _, out _);
        });
}
