using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Qanat.Node.Http;

/// <summary>The request target as it was on the wire (RFC 9112 section 3.2), taken apart without decoding anything.</summary>
internal static class RequestTarget
{
    private const string HttpScheme = "http://";

    /// <summary>False when the target is malformed or names another scheme; <paramref name="fault"/> then says why.</summary>
    /// <param name="context">The request.</param>
    /// <param name="authority">From the absolute form, else from Host or <c>:authority</c>.</param>
    /// <param name="pathAndQuery">Verbatim, starting with a slash.</param>
    /// <param name="fault">A line for a person.</param>
    public static bool TryRead(HttpContext context, out ReadOnlySpan<char> authority, out string pathAndQuery, out string? fault)
    {
        string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        fault = null;
        pathAndQuery = target;
        if (!ForwardedHeaders.IsSafeTarget(target))
        {
            authority = default;
            fault = "The request target holds characters that must be percent-encoded.";
            return false;
        }
        if (target.StartsWith('/'))
        {
            authority = context.Request.Host.Value ?? "";
            return true;
        }
        if (!target.StartsWith(HttpScheme, StringComparison.OrdinalIgnoreCase))
        {
            authority = default;
            fault = target.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
                ? "An https:// request goes through CONNECT, not in the absolute form."
                : "The request target must be http://SERVICE.PARTICIPANT.qanat/PATH or /PATH.";
            return false;
        }
        ReadOnlySpan<char> rest = target.AsSpan(HttpScheme.Length);
        int end = rest.IndexOfAny('/', '?');
        authority = end < 0 ? rest : rest[..end];
        pathAndQuery = end < 0 ? "/" : rest[end] == '/' ? rest[end..].ToString() : string.Concat("/", rest[end..]);
        return true;
    }
}
