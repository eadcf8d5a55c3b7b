using System.Text;
using Qanat.Wire;
using Qanat.Wire.WebSockets;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>The HTTP heads around a WebSocket: upgrade request and answer, a forward proxy's answer.</summary>
internal static class HttpTargets
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    internal static FuzzTarget[] All { get; } =
    [
        new("upgrade-request", [WebSocketUpgrade.WriteRequest("hub.example:7000", "/link?x=1", Key), "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray()], Request),
        new("upgrade-response", [WebSocketUpgrade.WriteAccepted(Key), WebSocketUpgrade.WriteRefused(426), WebSocketUpgrade.WriteRefused(503)], Response),
        new("connect-response", ["HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), "HTTP/1.0 407 Denied\r\nProxy-Authenticate: Basic\r\n\r\n"u8.ToArray()], Connect),
    ];

    private static void Request(ReadOnlySpan<byte> input)
    {
        ParseStatus status = WebSocketUpgrade.TryReadRequest(input, "/link", out int consumed, out int code, out string key);
        Head(input, status, consumed);
        Require(status == ParseStatus.Complete == (code == 101), "101 only when complete");
        if (status == ParseStatus.Complete)
        {
            Require(key.Length == 24, "the key is 16 bytes in base64");
            byte[] answer = WebSocketUpgrade.WriteAccepted(key);
            Require(WebSocketUpgrade.TryReadResponse(answer, key, out _, out _) == ParseStatus.Complete, "the answer is accepted by the asker");
        }
        else if (status == ParseStatus.Malformed)
        {
            Require(WebSocketUpgrade.WriteRefused(code).Length > 0 && code is >= 400 and < 600, "a refusal can be written");
        }
    }

    private static void Response(ReadOnlySpan<byte> input)
    {
        ParseStatus status = WebSocketUpgrade.TryReadResponse(input, Key, out int consumed, out int code);
        Head(input, status, consumed);
        Require(status != ParseStatus.Complete || code == 101, "101 only");
    }

    private static void Connect(ReadOnlySpan<byte> input)
    {
        ParseStatus status = HttpConnect.TryReadResponse(input, out int consumed, out int code);
        Head(input, status, consumed);
        Require(status != ParseStatus.Complete || code is >= 200 and <= 299, "2xx only");
    }

    /// <summary>A head ends with the first empty line, wherever the bytes were cut on the way.</summary>
    private static void Head(ReadOnlySpan<byte> input, ParseStatus status, int consumed)
    {
        Require(consumed >= 0 && consumed <= Math.Min(input.Length, HttpHead.MaxBytes), "a head is bounded");
        if (status == ParseStatus.Complete)
        {
            Require(Encoding.Latin1.GetString(input).IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4 == consumed, "a head ends at the first empty line");
            Require(HttpHead.TryRead(input[..(consumed - 1)], out _, out int none) == ParseStatus.NeedMoreData && none == 0, "one byte less is not enough");
        }
    }
}
