using System.Globalization;
using System.Net;

namespace Qanat.Tls.Certificates;

/// <summary>Host names in certificates (RFC 6125, RFC 9525): the subjectAltName only, a wildcard only as the whole left-most label.</summary>
public static class SmHostName
{
    private const int MaxChars = 253;
    private static readonly IdnMapping s_idn = new() { UseStd3AsciiRules = true };

    /// <summary>True when the certificate is for <paramref name="host"/>: a DNS name (any case, with or without a final dot, in Unicode or A-labels) or an IP address.</summary>
    public static bool Matches(SmCertificate certificate, string host)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        ArgumentException.ThrowIfNullOrEmpty(host);
        if (ParseAddress(host) is { } address)
        {
            byte[] wanted = address.GetAddressBytes();
            return certificate.IPAddresses.Any(a => a.GetAddressBytes().AsSpan().SequenceEqual(wanted));
        }
        return Normalize(host) is { } name && !name.StartsWith('*') && certificate.DnsNames.Any(pattern => MatchesPattern(pattern, name));
    }

    /// <summary>True for a host name, possibly with a left-most wildcard label, or an IP address: what a certificate can be for.</summary>
    public static bool IsValid(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return ParseAddress(host) is not null || Normalize(host) is not null;
    }

    /// <summary>An IP address in its usual form, IPv6 also in brackets; null for anything else, also for <c>1</c>, which .NET takes for 0.0.0.1.</summary>
    internal static IPAddress? ParseAddress(string host) =>
        IPAddress.TryParse(host.AsSpan().Trim("[]"), out IPAddress? address) && (address.GetAddressBytes().Length == 16 || address.ToString() == host) ? address : null;

    /// <summary>Lower case A-labels without the final dot, or null when it is no host name. A left-most <c>*</c> label is let through.</summary>
    internal static string? Normalize(string name)
    {
        if (name.EndsWith('.'))
        {
            name = name[..^1];
        }
        if (!System.Text.Ascii.IsValid(name))
        {
            try
            {
                name = s_idn.GetAscii(name);
            }
            catch (ArgumentException)
            {
                return null;
            }
        }
        if (name.Length is 0 or > MaxChars)
        {
            return null;
        }
        string[] labels = name.ToLowerInvariant().Split('.');
        for (int i = 0; i < labels.Length; i++)
        {
            bool isWildcard = i == 0 && labels.Length > 1 && labels[i] == "*";
            if (!isWildcard && (labels[i].Length is 0 or > 63 || !labels[i].All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
            {
                return null;
            }
        }
        return string.Join('.', labels);
    }

    // *.example.com is for a.example.com, not for example.com, not for a.b.example.com; *.com is for nobody.
    private static bool MatchesPattern(string pattern, string name)
    {
        if (!pattern.StartsWith("*.", StringComparison.Ordinal))
        {
            return pattern == name;
        }
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && pattern.AsSpan(1).SequenceEqual(name.AsSpan(dot)) && pattern.AsSpan(2).Contains('.');
    }
}
