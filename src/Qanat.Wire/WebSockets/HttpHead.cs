using System.Buffers;
using System.Text;

namespace Qanat.Wire.WebSockets;

/// <summary>
/// The start line and header fields of one HTTP/1.1 message, read strictly (RFC 9112): CRLF line ends only, no folding, no space before the colon,
/// names are tokens, values hold no control character, at most <see cref="MaxBytes"/> bytes and <see cref="MaxFields"/> fields.
/// </summary>
public sealed class HttpHead
{
    /// <summary>Longest head, the empty line included.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <summary>Most header fields.</summary>
    public const int MaxFields = 100;

    private static readonly SearchValues<byte> s_token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private readonly List<(string Name, string Value)> _fields = [];

    private HttpHead(string startLine) => StartLine = startLine;

    /// <summary>Request line or status line, without CRLF.</summary>
    public string StartLine { get; }

    /// <summary>True when <paramref name="bytes"/> is one or more token characters (RFC 9110 section 5.6.2).</summary>
    public static bool IsToken(ReadOnlySpan<byte> bytes) => !bytes.IsEmpty && !bytes.ContainsAnyExcept(s_token);

    /// <summary>Parses a head from the front of <paramref name="source"/>; <paramref name="consumed"/> counts the empty line too.</summary>
    public static ParseStatus TryRead(ReadOnlySpan<byte> source, out HttpHead? head, out int consumed)
    {
        head = null;
        consumed = 0;
        int end = source[..Math.Min(source.Length, MaxBytes)].IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return source.Length >= MaxBytes || !IsPlausible(source) ? ParseStatus.Malformed : ParseStatus.NeedMoreData;
        }
        ReadOnlySpan<byte> block = source[..(end + 2)];
        int lineEnd = block.IndexOf("\r\n"u8);
        ReadOnlySpan<byte> start = block[..lineEnd];
        if (start.IsEmpty || !IsText(start))
        {
            return ParseStatus.Malformed;
        }
        HttpHead parsed = new(Encoding.ASCII.GetString(start));
        for (block = block[(lineEnd + 2)..]; !block.IsEmpty; block = block[(lineEnd + 2)..])
        {
            lineEnd = block.IndexOf("\r\n"u8);
            ReadOnlySpan<byte> line = block[..lineEnd];
            int colon = line.IndexOf((byte)':');
            if (colon < 1 || !IsToken(line[..colon]) || parsed._fields.Count == MaxFields)
            {
                return ParseStatus.Malformed;
            }
            ReadOnlySpan<byte> value = line[(colon + 1)..].Trim(" \t"u8);
            if (!IsText(value))
            {
                return ParseStatus.Malformed;
            }
            parsed._fields.Add((Encoding.ASCII.GetString(line[..colon]), Encoding.Latin1.GetString(value)));
        }
        head = parsed;
        consumed = end + 4;
        return ParseStatus.Complete;
    }

    /// <summary>How many fields have this name (case does not matter).</summary>
    public int Count(string name) => _fields.Count(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The value of the one field of this name; null when absent or given more than once.</summary>
    public string? OnlyValue(string name) => Count(name) == 1 ? _fields.First(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value : null;

    /// <summary>The members of a comma-separated list field, over all its lines.</summary>
    public IEnumerable<string> List(string name) =>
        _fields.Where(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .SelectMany(f => f.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    /// <summary>True when a list field holds <paramref name="member"/>, whatever its case.</summary>
    public bool ListHolds(string name, string member) => List(name).Contains(member, StringComparer.OrdinalIgnoreCase);

    /// <summary>Status code of a status line (<c>HTTP/1.1 101 ...</c>); 0 when it is not one.</summary>
    public int ReadStatusCode()
    {
        ReadOnlySpan<char> line = StartLine;
        bool isStatusLine = line.Length >= 12 && (line.StartsWith("HTTP/1.1 ") || line.StartsWith("HTTP/1.0 ")) && (line.Length == 12 || line[12] == ' ');
        return isStatusLine && int.TryParse(line.Slice(9, 3), System.Globalization.NumberStyles.None, null, out int code) && code >= 100 ? code : 0;
    }

    // Cheap early refusal: something that is not HTTP at all need not be waited for.
    private static bool IsPlausible(ReadOnlySpan<byte> source) => source.IsEmpty || s_token.Contains(source[0]);

    private static bool IsText(ReadOnlySpan<byte> value)
    {
        foreach (byte b in value)
        {
            if (b is < 0x20 and not (byte)'\t' or 0x7F)
            {
                return false;
            }
        }
        return true;
    }
}
