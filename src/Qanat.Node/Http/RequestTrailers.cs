using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Qanat.Node.Http;

/// <summary>
/// The trailer fields of a chunked request (RFC 9110 section 6.5, RFC 9112 section 7.1.2) on their way through an HTTP/1.1 client that cannot send any.
/// The client writes the body and then, alone, the last chunk; the stream under it asks <see cref="Rewrite"/> about each write, and gets the last chunk with
/// the trailer section in it. What belongs to a request is found by the execution context, which flows from <see cref="FlushingHandler"/> into the client's writes.
/// </summary>
internal sealed class RequestTrailers
{
    private static readonly HttpRequestOptionsKey<RequestTrailers> s_key = new("Qanat.RequestTrailers");
    private static readonly AsyncLocal<RequestTrailers?> s_current = new();
    private static readonly SearchValues<char> s_token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>RFC 9110 section 6.5.1: framing, routing, request modifiers, authentication and what says how to read the content must not come late.</summary>
    private static readonly FrozenSet<string> s_notInTrailers = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Age", "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Location", "Content-Range", "Content-Type", "Cookie", "Date",
        "Expect", "Expires", "Host", "HTTP2-Settings", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Location",
        "Max-Forwards", "Origin", "Pragma", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Range", "Retry-After", "Set-Cookie", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "Vary", "Via", "Warning", "WWW-Authenticate");

    private readonly Predicate<string>? _isReserved;
    private IHttpRequestTrailersFeature? _source;
    private byte[]? _lastChunk;

    private RequestTrailers(IHttpRequestTrailersFeature source, Predicate<string>? isReserved) => (_source, _isReserved) = (source, isReserved);

    /// <summary>Sees to it that the trailers of a request are sent when its body has been. Does nothing where there can be none.</summary>
    /// <param name="context">The request received.</param>
    /// <param name="request">The request to be sent.</param>
    /// <param name="isReserved">Names that a peer may not set.</param>
    public static void Attach(HttpContext context, HttpRequestMessage request, Predicate<string>? isReserved = null)
    {
        if (request.Version.Major == 1 && request.Content is { Headers.ContentLength: null } && context.Features.Get<IHttpRequestTrailersFeature>() is { } source)
        {
            request.Options.Set(s_key, new RequestTrailers(source, isReserved));
        }
    }

    /// <summary>What <see cref="Attach"/> left at a request.</summary>
    public static RequestTrailers? Of(HttpRequestMessage request) => request.Options.TryGetValue(s_key, out RequestTrailers? trailers) ? trailers : null;

    /// <summary>From here on, in this flow of execution, <see cref="Rewrite"/> means this request. To be called in an async method: it ends with that.</summary>
    public void Enter() => s_current.Value = this;

    /// <summary>The body has been read to its end: the trailers are known. True when there are some to send; what was written must then be flushed.</summary>
    public bool Complete()
    {
        IHttpRequestTrailersFeature? source = _source;
        // The execution context may be kept by others; the request must not be.
        _source = null;
        if (source is not { Available: true, Trailers: { Count: > 0 } fields })
        {
            return false;
        }
        var section = new StringBuilder("0\r\n");
        foreach ((string name, StringValues values) in fields)
        {
            foreach (string? value in values)
            {
                if (MayPass(name, value ?? ""))
                {
                    section.Append(name).Append(": ").Append(value).Append("\r\n");
                }
            }
        }
        _lastChunk = Encoding.UTF8.GetBytes(section.Append("\r\n").ToString());
        return true;
    }

    /// <summary>What goes out in the place of a write: the last chunk of a request with trailers becomes one that has them.</summary>
    public static ReadOnlyMemory<byte> Rewrite(ReadOnlyMemory<byte> written)
    {
        ReadOnlySpan<byte> lastChunk = "0\r\n\r\n"u8;
        return written.Length == lastChunk.Length && s_current.Value?._lastChunk is { } rewritten && written.Span.SequenceEqual(lastChunk) ? rewritten : written;
    }

    private bool MayPass(string name, string value) => name.Length > 0 && !name.AsSpan().ContainsAnyExcept(s_token) && !s_notInTrailers.Contains(name)
        && !value.Any(c => char.IsControl(c) && c != '\t') && _isReserved?.Invoke(name) != true;
}
