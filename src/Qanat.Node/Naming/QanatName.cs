using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Qanat.Tunnel;

namespace Qanat.Node.Naming;

/// <summary>What an authority (the <c>host[:port]</c> of a request) is.</summary>
public enum QanatNameStatus
{
    /// <summary>A Qanat name.</summary>
    Qanat,
    /// <summary>A well-formed host that is no Qanat name: refused, this proxy reaches nothing else.</summary>
    NotQanat,
    /// <summary>Not an authority (RFC 3986 section 3.2), or one with user information.</summary>
    Malformed,
}

/// <summary>
/// Names for HTTP and SOCKS5 clients: <c>SERVICE.PARTICIPANT.qanat</c>. The first label is the service, the rest before <c>.qanat</c> is the
/// participant (a name, a hub-qualified name such as <c>hospital-b.hub-west</c>, or a mid). With one label before <c>.qanat</c> that label is the
/// participant and the service is <c>default</c>. Case and one trailing dot do not matter; a port is accepted and has no meaning.
/// </summary>
public static class QanatName
{
    /// <summary>The service of a name that has none.</summary>
    public const string DefaultService = "default";

    private const string Suffix = ".qanat";
    private static readonly SearchValues<char> s_addressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.%");

    /// <summary>Parses an authority.</summary>
    /// <param name="authority"><c>host</c> or <c>host:port</c>, as in the Host header, <c>:authority</c> or the target of CONNECT.</param>
    /// <param name="endPoint">The address when the result is <see cref="QanatNameStatus.Qanat"/>.</param>
    public static QanatNameStatus Parse(ReadOnlySpan<char> authority, out QanatEndPoint? endPoint)
    {
        endPoint = null;
        if (!TrySplit(authority, out ReadOnlySpan<char> host))
        {
            return QanatNameStatus.Malformed;
        }
        if (host[^1] == '.')
        {
            host = host[..^1];
        }
        if (host.Length <= Suffix.Length || !host.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase))
        {
            return QanatNameStatus.NotQanat;
        }
        ReadOnlySpan<char> name = host[..^Suffix.Length];
        foreach (Range label in name.Split('.'))
        {
            if (!IsLabel(name[label]))
            {
                return QanatNameStatus.Malformed;
            }
        }
        int dot = name.IndexOf('.');
        string service = dot < 0 ? DefaultService : name[..dot].ToString();
        string participant = name[(dot + 1)..].ToString();
        if (participant.Length > 127)
        {
            return QanatNameStatus.Malformed;
        }
        endPoint = new QanatEndPoint(participant, service);
        return QanatNameStatus.Qanat;
    }

    /// <summary>The host name of an address, for request URIs inside the node.</summary>
    public static string ToHost([NotNull] QanatEndPoint endPoint) => $"{endPoint.Service}.{endPoint.Participant}{Suffix}";

    private static bool TrySplit(ReadOnlySpan<char> authority, out ReadOnlySpan<char> host)
    {
        host = authority;
        if (authority.IsEmpty || authority.Length > 300)
        {
            return false;
        }
        if (authority[0] == '[')
        {
            // An IPv6 literal is well-formed and never a Qanat name.
            int close = authority.IndexOf(']');
            host = close > 0 ? authority[..(close + 1)] : default;
            return close > 1 && authority[1..close].IndexOfAnyExcept(s_addressCharacters) < 0
                && (close == authority.Length - 1 || (authority[close + 1] == ':' && IsPort(authority[(close + 2)..])));
        }
        int colon = authority.IndexOf(':');
        if (colon >= 0)
        {
            if (!IsPort(authority[(colon + 1)..]))
            {
                return false;
            }
            host = authority[..colon];
        }
        if (host.IsEmpty)
        {
            return false;
        }
        foreach (char c in host)
        {
            if (!(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            {
                return false;
            }
        }
        return true;
    }

    private static bool IsPort(ReadOnlySpan<char> text) =>
        text.Length is >= 0 and <= 5 && text.IndexOfAnyExceptInRange('0', '9') < 0 && (text.IsEmpty || int.Parse(text, provider: null) <= 65535);

    private static bool IsLabel(ReadOnlySpan<char> label) => label.Length is > 0 and <= 63;
}
