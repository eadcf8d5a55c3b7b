using Microsoft.Extensions.Logging;
using Qanat.Hub.Membership;
using Qanat.Hub.Routing;
using Qanat.Wire;
using Qanat.Wire.Control;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Mesh;

/// <summary>
/// Finds members: here first, then at all trusted hubs at once within a deadline. Whatever another hub says is checked: where a member is, by the member's own
/// signature; who bears a name, by the hub that the name belongs to (or its ticket). Thread-safe.
/// </summary>
internal sealed class Resolver
{
    /// <summary>How long "not found" is believed: short, since members come back.</summary>
    public static readonly TimeSpan NegativeLifetime = TimeSpan.FromMilliseconds(300);

    private static readonly TimeSpan s_positiveLifetime = TimeSpan.FromMinutes(5);
    private readonly ExpiringCache<string, (Mid Mid, string FullName)> _names;
    private readonly ExpiringCache<string, ResolveAnswer> _negative;
    private readonly LocalNames _local;
    private readonly Router _router;
    private readonly HubTable _table;
    private readonly MeshLinks _links;
    private readonly HubQueries _queries;
    private readonly MemberDirectory _directory;
    private readonly Action<MemberPort, Mid> _onMoved;
    private readonly TimeSpan _deadline;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    public Resolver(
        LocalNames local, Router router, HubTable table, MeshLinks links, HubQueries queries, MemberDirectory directory, Action<MemberPort, Mid> onMoved,
        TimeSpan deadline, TimeProvider time, ILogger logger)
    {
        (_local, _router, _table, _links, _queries, _directory, _onMoved) = (local, router, table, links, queries, directory, onMoved);
        (_deadline, _time, _logger) = (deadline, time, logger);
        _names = new(65536, time);
        _negative = new(65536, time);
    }

    /// <summary>The answer, if no other hub need be asked. Null otherwise.</summary>
    public ResolveAnswer? TryAnswerNow(ResolveQuery query)
    {
        if (query.Name is not null && !ParticipantName.TrySplit(query.Name, out _, out _))
        {
            return new ResolveAnswer { Status = FrameReason.UnknownMember };
        }
        string? name = query.Name?.ToLowerInvariant();
        ResolveAnswer? here = _local.Answer(query);
        if (here is { Online: true } or { Status: FrameReason.UnknownMember })
        {
            return here;
        }
        Mid member = here?.Member ?? query.Member;
        string? known = null;
        if (here is null && name is not null && _names.TryGet(name, out (Mid Mid, string FullName) cached))
        {
            (member, known) = cached;
        }
        if (!member.IsNone && _router.TryGetRoute(member, out RemoteRoute? route) && (_router.TryGetHub(route.Hub, out _) || !_links.InBackoff(route.Hub)))
        {
            ResolveAnswer answer = LocalNames.Of(route.Attachment);
            return answer with { Name = here?.Name ?? known ?? answer.Name };
        }
        return _negative.TryGet(KeyOf(query), out ResolveAnswer? negative) ? negative : null;
    }

    /// <summary>Finds the answer, asking other hubs if need be.</summary>
    public async Task<ResolveAnswer> ResolveAsync(ResolveQuery query, CancellationToken cancellationToken)
    {
        if (TryAnswerNow(query) is { } now)
        {
            return now;
        }
        ResolveAnswer? here = _local.Answer(query);
        // An own member without a link may have moved: it is looked for by mid.
        ResolveAnswer answer = here is not null
            ? await ByMidAsync(here.Member, cancellationToken) is { Online: true } elsewhere ? elsewhere with { Name = here.Name } : here
            : query.Name is null
                ? await ByMidAsync(query.Member, cancellationToken)
                : await ByNameAsync(query.Name.ToLowerInvariant(), cancellationToken);
        if (!answer.Online)
        {
            _negative.Set(KeyOf(query), answer, NegativeLifetime);
        }
        return answer;
    }

    /// <summary>A member has left the hub it was known at: what was believed of it is asked for again.</summary>
    public void Forget(Mid member) => _negative.Remove(KeyOf(new ResolveQuery(null, member)));

    /// <summary>
    /// Checks and takes over what a hub showed of a member linked to it.
    /// </summary>
    /// <returns>False when it does not hold, or is older than what is known.</returns>
    public bool TakeAttachment(HubPort port, MemberAnnouncement shown)
    {
        if (shown.Hub != port.Mid || (_directory.TryGet(shown.Member, out Participant? own) && !own.Active))
        {
            _logger.FalseAnnouncement(port.Mid, shown.Member);
            return false;
        }
        bool verified = _router.TryGetRoute(shown.Member, out RemoteRoute? known) && known.Hub == shown.Hub
            && known.Attachment.TimeUnixMilliseconds == (long)shown.Time && known.Attachment.Signature.AsSpan().SequenceEqual(shown.Signature);
        if (!verified && !shown.Verify())
        {
            _logger.FalseAnnouncement(port.Mid, shown.Member);
            return false;
        }
        Attachment attachment = verified
            ? known!.Attachment
            : new Attachment(shown.Member, shown.Hub, shown.Name, shown.SubjectPublicKeyInfo, (long)shown.Time, shown.Signature);
        if (!_router.TrySetRoute(attachment, port, out MemberPort? moved))
        {
            return false;
        }
        Forget(shown.Member);
        if (moved is not null)
        {
            _onMoved(moved, shown.Hub);
        }
        return true;
    }

    private async Task<ResolveAnswer> ByMidAsync(Mid member, CancellationToken cancellationToken)
    {
        (List<(KnownHub Hub, ResolveAnswer Answer)> answers, bool someSilent) = await AskAsync(
            _table.Hubs, new ResolveQuery(null, member), (_, answer) => answer.Online && answer.Member == member, cancellationToken);
        if (answers.FirstOrDefault(a => a.Answer.Online && a.Answer.Member == member).Answer is { } online)
        {
            return online;
        }
        ResolveAnswer? offline = answers.FirstOrDefault(a => a.Answer.Status == FrameReason.PeerOffline && a.Answer.Member == member).Answer;
        return new ResolveAnswer
        {
            Status = offline is not null ? FrameReason.PeerOffline : someSilent ? FrameReason.HubUnreachable : FrameReason.UnknownMember,
            Member = member,
            Name = offline?.Name ?? "",
        };
    }

    private async Task<ResolveAnswer> ByNameAsync(string name, CancellationToken cancellationToken)
    {
        ParticipantName.TrySplit(name, out _, out string? hubName);
        (List<(KnownHub Hub, ResolveAnswer Answer)> answers, bool someSilent) = await AskAsync(
            _table.Hubs, new ResolveQuery(name, Mid.None), (hub, answer) => hubName is not null && Speaks(hub, hubName, name, answer) && answer.Online, cancellationToken);
        List<(KnownHub Hub, ResolveAnswer Answer)> valid = [.. answers.Where(a => Speaks(a.Hub, hubName, name, a.Answer) && !a.Answer.Member.IsNone)];
        if (hubName is null && valid.Select(a => a.Answer.Member).Distinct().Count() > 1)
        {
            _logger.AmbiguousName(name);
            return new ResolveAnswer { Status = FrameReason.UnknownMember };
        }
        ResolveAnswer? best = valid.Select(a => a.Answer).OrderByDescending(a => a.Online).FirstOrDefault();
        if (best is null)
        {
            bool authorityAnswered = hubName is not null && answers.Any(a => a.Hub.Name == hubName);
            return new ResolveAnswer { Status = someSilent && !authorityAnswered ? FrameReason.HubUnreachable : FrameReason.UnknownMember };
        }
        _names.Set(name, (best.Member, best.Name), s_positiveLifetime);
        if (!best.Online && await ByMidAsync(best.Member, cancellationToken) is { Online: true } elsewhere)
        {
            return elsewhere with { Name = best.Name };
        }
        return best;
    }

    // May this hub say who bears the name? Yes for names of its own; for others only with a ticket of the hub they belong to.
    private bool Speaks(KnownHub hub, string? hubName, string name, ResolveAnswer answer)
    {
        string full = hubName is null ? $"{name}.{hub.Name}" : name;
        if (answer.Name != full || answer.Status is not (FrameReason.None or FrameReason.PeerOffline))
        {
            return false;
        }
        return hubName is null || hub.Name == hubName
            || (answer.Ticket is not null && _table.TryGet(hubName, out KnownHub? home) && home.Record is not null
                && MembershipTicket.TryVerify(answer.Ticket, home.Record.SubjectPublicKeyInfo, out MembershipTicket ticket)
                && ticket.Member == answer.Member && $"{ticket.Name}.{home.Name}" == full
                && ticket.Expires > (ulong)_time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    // Asks hubs in parallel until one answer satisfies, all have answered, or the deadline has passed. Attachments are checked on arrival.
    private async Task<(List<(KnownHub Hub, ResolveAnswer Answer)> Answers, bool SomeSilent)> AskAsync(
        IReadOnlyCollection<KnownHub> hubs, ResolveQuery query, Func<KnownHub, ResolveAnswer, bool> satisfies, CancellationToken cancellationToken)
    {
        byte[] payload = query.Encode();
        using CancellationTokenSource deadline = new(_deadline, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        List<(KnownHub, ResolveAnswer)> answers = [];
        bool someSilent = false;
        List<Task<(KnownHub Hub, ResolveAnswer? Answer)>> asking = [.. hubs.Select(hub => AskOneAsync(hub, payload, either.Token))];
        while (asking.Count > 0)
        {
            Task<(KnownHub Hub, ResolveAnswer? Answer)> done = await Task.WhenAny(asking);
            asking.Remove(done);
            (KnownHub hub, ResolveAnswer? answer) = await done;
            if (answer is null)
            {
                someSilent = true;
                continue;
            }
            answers.Add((hub, answer));
            if (satisfies(hub, answer))
            {
                break;
            }
        }
        await either.CancelAsync();
        await Task.WhenAll(asking);
        return (answers, someSilent);
    }

    private async Task<(KnownHub Hub, ResolveAnswer? Answer)> AskOneAsync(KnownHub hub, byte[] query, CancellationToken cancellationToken)
    {
        try
        {
            if (await _links.ConnectAsync(hub.Mid, cancellationToken) is not { } port
                || await _queries.AskAsync(port, query, cancellationToken) is not { } answer)
            {
                return (hub, null);
            }
            if (answer.Online)
            {
                bool holds = answer is { SubjectPublicKeyInfo: not null, AttachmentSignature: not null } && TakeAttachment(port,
                    new MemberAnnouncement(answer.Member, answer.Hub, answer.SubjectPublicKeyInfo, answer.AttachmentTime, answer.AttachmentSignature, answer.Name));
                return (hub, holds ? answer : new ResolveAnswer { Status = FrameReason.UnknownMember });
            }
            return (hub, answer);
        }
        catch (OperationCanceledException)
        {
            return (hub, null);
        }
    }

    private static string KeyOf(ResolveQuery query) => query.Name?.ToLowerInvariant() ?? query.Member.ToString();
}
