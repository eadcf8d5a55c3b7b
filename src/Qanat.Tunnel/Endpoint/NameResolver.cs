using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Qanat.Wire;
using Qanat.Wire.Control;

namespace Qanat.Tunnel;

/// <summary>
/// Asks the own hub for the mid of a participant name, and remembers answers for a while. What a name means at first is pinned: a hub that later
/// gives the name to another mid is not believed, since layer 2 proves a mid and nothing else. Safe from any thread.
/// </summary>
internal sealed class NameResolver(HubRequests requests, TunnelOptions options, TimeProvider time, ILogger logger)
{
    private const int MaxEntries = 10_000;
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Mid> _pins = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Mid, string> _names = new();
    private readonly ConcurrentDictionary<string, Lazy<Task<Mid>>> _questions = new(StringComparer.Ordinal);

    /// <summary>Called once for each name that was pinned by an answer of the hub.</summary>
    public Action<string, Mid>? Pinned { get; set; }

    /// <summary>Questions under way.</summary>
    public int QuestionCount => _questions.Count;

    /// <summary>Says from outside what a name means, whatever a hub says or said.</summary>
    public void Pin(string participant, Mid mid)
    {
        _pins[participant] = mid;
        _entries.TryRemove(participant, out _);
    }

    /// <summary>The mid of a participant name or of a mid in text form.</summary>
    /// <exception cref="TunnelException">UnknownParticipant, PeerMidMismatch when the name is pinned to another mid, or HubUnreachable when no hub answers.</exception>
    public async ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken)
    {
        if (Mid.TryParse(participant, out Mid literal))
        {
            return literal;
        }
        if (_entries.TryGetValue(participant, out Entry? known) && time.GetElapsedTime(known.At) < known.Ttl)
        {
            return known.Mid.IsNone ? throw Unknown(participant) : known.Mid;
        }
        // A burst of connections to one participant is one question; a hub bounds how many it takes from a member.
        Lazy<Task<Mid>> question = _questions.GetOrAdd(participant, name => new Lazy<Task<Mid>>(() => AskOnceAsync(name)));
        return await question.Value.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    // The question itself ends its entry: its callers may all have given up before, and nobody may be given an answer that was there before he asked.
    private async Task<Mid> AskOnceAsync(string participant)
    {
        try
        {
            return await LookUpAsync(participant).ConfigureAwait(false);
        }
        finally
        {
            _questions.TryRemove(participant, out _);
        }
    }

    private async Task<Mid> LookUpAsync(string participant)
    {
        ResolveAnswer answer = await AskAsync(new ResolveQuery(participant, Mid.None), CancellationToken.None).ConfigureAwait(false);
        bool found = !answer.Member.IsNone && answer.Status is FrameReason.None or FrameReason.PeerOffline;
        if (!found && answer.Status is not FrameReason.UnknownMember)
        {
            throw new TunnelException(TunnelException.FromFrameReason(answer.Status), $"The hub cannot tell who '{participant}' is: {answer.Status}.");
        }
        if (found)
        {
            CheckPin(participant, answer.Member);
        }
        if (_entries.Count >= MaxEntries)
        {
            _entries.Clear();
            _names.Clear();
        }
        _entries[participant] = new Entry(found ? answer.Member : Mid.None, time.GetTimestamp(), found ? options.ResolveTtl : options.ResolveNegativeTtl);
        if (!found)
        {
            throw Unknown(participant);
        }
        // The full name of what was asked for, and nothing else that a hub may want shown.
        _names[answer.Member] = answer.Name.StartsWith(participant + ".", StringComparison.Ordinal) && IsName(answer.Name) ? answer.Name : participant;
        return answer.Member;
    }

    /// <summary>Where a participant is now; always asked anew.</summary>
    /// <exception cref="TunnelException">As <see cref="ResolveAsync"/>.</exception>
    public async ValueTask<ResolveAnswer> LocateAsync(string participant, CancellationToken cancellationToken)
    {
        ResolveQuery query = Mid.TryParse(participant, out Mid literal) ? new ResolveQuery(null, literal) : new ResolveQuery(participant, Mid.None);
        ResolveAnswer answer = await AskAsync(query, cancellationToken).ConfigureAwait(false);
        return !answer.Member.IsNone && answer.Status is FrameReason.None or FrameReason.PeerOffline
            ? answer
            : throw (answer.Status is FrameReason.UnknownMember
                ? Unknown(participant)
                : new TunnelException(TunnelException.FromFrameReason(answer.Status), $"The hub cannot tell where '{participant}' is: {answer.Status}."));
    }

    /// <summary>The name last seen for a mid, otherwise the mid as text. For display.</summary>
    public string NameOf(Mid mid) => _names.TryGetValue(mid, out string? name) ? name : mid.ToString();

    /// <summary>What was believed about a member may be wrong now: ask again.</summary>
    public void Forget(Mid mid)
    {
        foreach (KeyValuePair<string, Entry> entry in _entries)
        {
            if (entry.Value.Mid == mid)
            {
                _entries.TryRemove(entry);
            }
        }
    }

    private void CheckPin(string participant, Mid mid)
    {
        if (_pins.TryGetValue(participant, out Mid pinned))
        {
            if (pinned != mid)
            {
                logger.NameMoved(participant, pinned, mid);
                throw new TunnelException(TunnelError.PeerMidMismatch,
                    $"'{participant}' is known here as {pinned}, but the hub now says {mid}. If its owner confirms the change, remove the old pin; otherwise the hub lies.");
            }
        }
        else if (_pins.Count < MaxEntries && _pins.TryAdd(participant, mid))
        {
            Pinned?.Invoke(participant, mid);
        }
    }

    private static bool IsName(string text) => text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private async Task<ResolveAnswer> AskAsync(ResolveQuery query, CancellationToken cancellationToken)
    {
        byte[] payload = query.Encode();
        byte[] bytes = await requests.AskAsync(FrameType.Resolve, null, payload, options.ResolveTimeout, cancellationToken).ConfigureAwait(false);
        return ResolveAnswer.TryDecode(bytes, out ResolveAnswer answer)
            ? answer
            : throw new TunnelException(TunnelError.ProtocolError, "The hub's answer to a name question is not well-formed.");
    }

    private static TunnelException Unknown(string participant) =>
        new(TunnelError.UnknownParticipant, $"No participant '{participant}' is known in the network.");

    private sealed record Entry(Mid Mid, long At, TimeSpan Ttl);
}
