using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Qanat.Node.Http;

/// <summary>What RFC 9110 asks of an intermediary beyond the fixed list of hop-by-hop headers that YARP removes.</summary>
internal static class ForwardedHeaders
{
    /// <summary>Removes the headers that Connection nominates (RFC 9110 section 7.6.1).</summary>
    public static void RemoveNominated(StringValues connection, HttpRequestHeaders headers, HttpContentHeaders? content)
    {
        if (IsPlain(connection))
        {
            return;
        }
        foreach (string name in Names(connection))
        {
            // A client must not be able to take the framing or the target away.
            if (!name.Equals(HeaderNames.Host, StringComparison.OrdinalIgnoreCase) && !name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
            {
                headers.Remove(name);
            }
            else if (!name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase) && name[0] is 'c' or 'C')
            {
                content?.Remove(name);
            }
        }
    }

    /// <summary>The same for responses.</summary>
    public static void RemoveNominated(HttpHeadersNonValidated source, IHeaderDictionary headers)
    {
        if (!source.TryGetValues(HeaderNames.Connection, out HeaderStringValues connection))
        {
            return;
        }
        foreach (string value in connection)
        {
            foreach (string name in Names(value))
            {
                if (!name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase))
                {
                    headers.Remove(name);
                }
            }
        }
    }

    /// <summary>True when Via already names this node: the message goes round in circles (RFC 9110 section 7.6.3).</summary>
    public static bool Contains(StringValues via, string pseudonym)
    {
        foreach (string? line in via)
        {
            if (line is not null && line.Contains(pseudonym, StringComparison.Ordinal))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>True when the target is pure visible ASCII without a fragment; anything else could be read differently by the next server.</summary>
    public static bool IsSafeTarget(ReadOnlySpan<char> target) => target.IndexOfAnyExceptInRange('!', '~') < 0 && target.IndexOf('#') < 0;

    private static bool IsPlain(StringValues connection) => connection.Count == 0
        || (connection.Count == 1 && (connection[0] is null or "" || connection[0]!.Equals("close", StringComparison.OrdinalIgnoreCase)
            || connection[0]!.Equals("keep-alive", StringComparison.OrdinalIgnoreCase) || connection[0]!.Equals("upgrade", StringComparison.OrdinalIgnoreCase)));

    private static IEnumerable<string> Names(StringValues connection) =>
        connection.SelectMany(v => (v ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
