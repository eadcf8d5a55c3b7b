using System.Text;

namespace Qanat.Wire.WebSockets;

/// <summary>The CONNECT exchange with an HTTP forward proxy (RFC 9110 section 9.3.6).</summary>
public static class HttpConnect
{
    /// <summary>The request for a tunnel to <paramref name="authority"/> (<c>host:port</c>), with Basic credentials (RFC 7617) when given.</summary>
    public static byte[] WriteRequest(string authority, string? user = null, string? password = null)
    {
        if (authority.Length is 0 or > 512 || authority.Any(c => c is <= ' ' or >= '\x7F'))
        {
            throw new ArgumentException("An authority is host:port in printable ASCII.", nameof(authority));
        }
        string credentials = user is null
            ? ""
            : $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}\r\n";
        return Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credentials}\r\n");
    }

    /// <summary>Judges the proxy's answer: any 2xx opens the tunnel, which starts after <paramref name="consumed"/> bytes.</summary>
    public static ParseStatus TryReadResponse(ReadOnlySpan<byte> source, out int consumed, out int status)
    {
        status = 0;
        ParseStatus parse = HttpHead.TryRead(source, out HttpHead? head, out consumed);
        if (parse != ParseStatus.Complete)
        {
            return parse;
        }
        status = head!.ReadStatusCode();
        return status is >= 200 and <= 299 ? ParseStatus.Complete : ParseStatus.Malformed;
    }
}
