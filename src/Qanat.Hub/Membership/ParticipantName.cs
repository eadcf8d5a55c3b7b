using System.Diagnostics.CodeAnalysis;

namespace Qanat.Hub.Membership;

/// <summary>Names of participants and hubs: one DNS label each (RFC 1123 section 2.1), so that <c>service.participant.hub.qanat</c> is a host name.</summary>
internal static class ParticipantName
{
    /// <summary>Longest name.</summary>
    public const int MaxLength = 63;

    /// <summary>Makes a name lower-case if it is one.</summary>
    public static bool TryNormalize(string? text, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (text is null || text.Length is 0 or > MaxLength || text[0] == '-' || text[^1] == '-' || !text.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
        {
            return false;
        }
        name = text.ToLowerInvariant();
        return true;
    }

    /// <summary>Splits <c>participant</c> or <c>participant.hub</c>, both normalised.</summary>
    public static bool TrySplit(string? text, [NotNullWhen(true)] out string? participant, out string? hub)
    {
        hub = null;
        string[] parts = text?.Split('.', 3) ?? [];
        participant = null;
        return parts.Length is 1 or 2
            && TryNormalize(parts[0], out participant)
            && (parts.Length == 1 || TryNormalize(parts[1], out hub));
    }

    /// <summary>Untrusted text, cut and stripped for messages and logs.</summary>
    public static string ForDisplay(string? text) =>
        text is null ? "" : string.Concat(text.Take(MaxLength).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' ? c : '?'));
}
