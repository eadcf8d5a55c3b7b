using System.Collections.Frozen;
using Qanat.Wire;

namespace Qanat.Tunnel.Access;

/// <summary>What an allow list says about a mid.</summary>
public enum AccessDecision
{
    /// <summary>Not on the list.</summary>
    Denied,
    /// <summary>On the list.</summary>
    Allowed,
    /// <summary>No mid on the list matches, and what some name on it means is not known yet.</summary>
    Undecided,
}

/// <summary>
/// Who may use something: mids, participant names, or <c>*</c> for everyone. An empty list allows nobody. Names mean what <see cref="PeerPins"/> says.
/// Immutable and thread-safe.
/// </summary>
public sealed class AllowList
{
    private const int MaxNameLength = 127;
    private readonly bool _everyone;
    private readonly FrozenSet<Mid> _mids;
    private readonly string[] _names;
    private readonly PeerPins _pins;

    /// <param name="entries">Mids, names (in any case) and <c>*</c>.</param>
    /// <param name="pins">What names mean.</param>
    /// <exception cref="ArgumentException">An entry fails <see cref="IsEntry"/>.</exception>
    public AllowList(IEnumerable<string> entries, PeerPins pins)
    {
        ArgumentNullException.ThrowIfNull(entries);
        _pins = pins;
        var mids = new List<Mid>();
        var names = new List<string>();
        foreach (string entry in entries)
        {
            if (entry == "*")
            {
                _everyone = true;
            }
            else if (Mid.TryParse(entry.AsSpan(), out Mid mid))
            {
                mids.Add(mid);
            }
            else
            {
                names.Add(IsName(entry) ? entry.ToLowerInvariant() : throw new ArgumentException($"'{entry}' is neither a participant name, a mid nor '*'.", nameof(entries)));
            }
        }
        _mids = mids.ToFrozenSet();
        _names = [.. names];
    }

    /// <summary>Names on the list, in lower case.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>True for <c>*</c>, a mid, or a participant name: at most 127 characters of a-z, 0-9, '-' and '_', in parts joined by dots.</summary>
    public static bool IsEntry(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text == "*" || Mid.TryParse(text.AsSpan(), out _) || IsName(text);
    }

    /// <summary>Decides by the proven mid and what is known now; asks nobody.</summary>
    public AccessDecision Check(Mid peer)
    {
        if (_everyone || _mids.Contains(peer))
        {
            return AccessDecision.Allowed;
        }
        AccessDecision result = AccessDecision.Denied;
        foreach (string name in _names)
        {
            if (!_pins.TryGet(name, out Mid pinned))
            {
                result = AccessDecision.Undecided;
            }
            else if (pinned == peer)
            {
                return AccessDecision.Allowed;
            }
        }
        return result;
    }

    /// <summary>Like <see cref="Check"/>, but first asks for names that are not resolved yet. What cannot be resolved admits nobody.</summary>
    public async ValueTask<bool> AllowsAsync(Mid peer)
    {
        AccessDecision decision = Check(peer);
        if (decision == AccessDecision.Undecided)
        {
            await Task.WhenAll(_names.Select(_pins.ResolveAsync)).ConfigureAwait(false);
            decision = Check(peer);
        }
        return decision == AccessDecision.Allowed;
    }

    private static bool IsName(string text) => text.Length <= MaxNameLength
        && text.Split('.').All(part => part.Length > 0 && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));
}
