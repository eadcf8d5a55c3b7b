using System.Security.Cryptography;
using System.Text;

namespace Qanat.Wire.WebSockets;

/// <summary>The HTTP/1.1 opening handshake of RFC 6455 section 4, both sides, as bytes.</summary>
public static class WebSocketUpgrade
{
    /// <summary>The WebSocket subprotocol of node links.</summary>
    public const string Subprotocol = "qanat.v1";

    private const string AcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /// <summary>A <c>Sec-WebSocket-Key</c> from 16 fresh random bytes.</summary>
    public static string CreateKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));

    /// <summary>The <c>Sec-WebSocket-Accept</c> of a key (RFC 6455 section 4.2.2).</summary>
    public static string AcceptFor(string key)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // RFC 6455 prescribes SHA-1 here; it proves that the server speaks WebSocket and protects nothing.
        SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptGuid), hash);
#pragma warning restore CA5350
        return Convert.ToBase64String(hash);
    }

    /// <summary>The client's request.</summary>
    /// <param name="host">Host header value: name or bracketed address, with the port when it is not the scheme's own.</param>
    /// <param name="target">Path and query, starting with '/'.</param>
    /// <param name="key">From <see cref="CreateKey"/>.</param>
    public static byte[] WriteRequest(string host, string target, string key) => Encoding.ASCII.GetBytes(
        $"GET {Checked(target)} HTTP/1.1\r\nHost: {Checked(host)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        $"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {Subprotocol}\r\n\r\n");

    /// <summary>Judges the server's answer (RFC 6455 section 4.1). <paramref name="status"/> is its HTTP status, also when it refuses.</summary>
    /// <returns>Complete only for a right 101; Malformed for any refusal or fault.</returns>
    public static ParseStatus TryReadResponse(ReadOnlySpan<byte> source, string key, out int consumed, out int status)
    {
        status = 0;
        ParseStatus parse = HttpHead.TryRead(source, out HttpHead? head, out consumed);
        if (parse != ParseStatus.Complete)
        {
            return parse;
        }
        status = head!.ReadStatusCode();
        bool isRight = status == 101
            && head.StartLine.StartsWith("HTTP/1.1", StringComparison.Ordinal)
            && string.Equals(head.OnlyValue("Upgrade"), "websocket", StringComparison.OrdinalIgnoreCase)
            && head.ListHolds("Connection", "Upgrade")
            && head.OnlyValue("Sec-WebSocket-Accept") == AcceptFor(key)
            && head.OnlyValue("Sec-WebSocket-Protocol") == Subprotocol
            && head.Count("Sec-WebSocket-Extensions") == 0;
        return isRight ? ParseStatus.Complete : ParseStatus.Malformed;
    }

    /// <summary>
    /// Judges a client's request (RFC 6455 section 4.2.1). <paramref name="status"/> is 101 when complete, otherwise the refusal to write:
    /// 400 not a right upgrade, 404 another path, 405 not GET, 426 another version or no upgrade, 431 head too long, 505 not HTTP/1.1.
    /// </summary>
    /// <param name="source">Received bytes.</param>
    /// <param name="path">The path served; queries are ignored.</param>
    /// <param name="consumed">Length of the head.</param>
    /// <param name="status">HTTP status of the answer.</param>
    /// <param name="key">The client's key when complete.</param>
    public static ParseStatus TryReadRequest(ReadOnlySpan<byte> source, string path, out int consumed, out int status, out string key)
    {
        key = "";
        status = source.Length >= HttpHead.MaxBytes ? 431 : 400;
        ParseStatus parse = HttpHead.TryRead(source, out HttpHead? head, out consumed);
        if (parse != ParseStatus.Complete)
        {
            return parse;
        }
        status = Judge(head!, path, out key);
        return status == 101 ? ParseStatus.Complete : ParseStatus.Malformed;
    }

    /// <summary>The server's 101 answer.</summary>
    public static byte[] WriteAccepted(string key) => Encoding.ASCII.GetBytes(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        $"Sec-WebSocket-Accept: {AcceptFor(key)}\r\nSec-WebSocket-Protocol: {Subprotocol}\r\n\r\n");

    /// <summary>The server's refusal; the connection closes after it.</summary>
    public static byte[] WriteRefused(int status)
    {
        string phrase = status switch
        {
            404 => "Not Found",
            405 => "Method Not Allowed",
            426 => "Upgrade Required",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            505 => "HTTP Version Not Supported",
            _ => "Bad Request",
        };
        string extra = status switch
        {
            405 => "Allow: GET\r\n",
            426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        };
        string connection = status == 426 ? "Upgrade, close" : "close";
        return Encoding.ASCII.GetBytes($"HTTP/1.1 {status} {phrase}\r\n{extra}Connection: {connection}\r\nContent-Length: 0\r\n\r\n");
    }

    private static int Judge(HttpHead head, string path, out string key)
    {
        key = "";
        string[] line = head.StartLine.Split(' ');
        if (line.Length != 3 || !HttpHead.IsToken(Encoding.ASCII.GetBytes(line[0])) || !line[2].StartsWith("HTTP/", StringComparison.Ordinal))
        {
            return 400;
        }
        if (line[2] != "HTTP/1.1")
        {
            return 505;
        }
        if (line[0] != "GET")
        {
            return 405;
        }
        if (string.IsNullOrEmpty(head.OnlyValue("Host")) || head.Count("Transfer-Encoding") > 0 || (head.Count("Content-Length") > 0 && head.OnlyValue("Content-Length") != "0"))
        {
            return 400;
        }
        if (line[1].Split('?')[0] != path)
        {
            return 404;
        }
        if (!head.ListHolds("Upgrade", "websocket") || head.OnlyValue("Sec-WebSocket-Version") != "13")
        {
            return 426;
        }
        key = head.OnlyValue("Sec-WebSocket-Key") ?? "";
        Span<byte> raw = stackalloc byte[18];
        bool isKey = key.Length == 24 && Convert.TryFromBase64String(key, raw, out int bytes) && bytes == 16;
        return isKey && head.ListHolds("Connection", "Upgrade") && head.List("Sec-WebSocket-Protocol").Contains(Subprotocol) ? 101 : 400;
    }

    private static string Checked(string text)
    {
        if (text.Length is 0 or > 2048 || text.Any(c => c is <= ' ' or >= '\x7F'))
        {
            throw new ArgumentException("A host or path of an HTTP request holds printable ASCII only.", nameof(text));
        }
        return text;
    }
}
