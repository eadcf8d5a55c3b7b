namespace Qanat.Tunnel.Links;

/// <summary>
/// One search for a link: attempts to several hubs, each hub at most one at a time, with jittered back-off per hub. The first success wins;
/// a hub that swallows packets holds nobody up.
/// </summary>
internal sealed class HubSearch(
    ILinkConnector connector, LinkSupervisorOptions options, TimeProvider time, Action<HubAddress, Exception> failed, CancellationToken cancellationToken)
{
    private readonly long _start = time.GetTimestamp();
    private readonly List<Candidate> _candidates = [];

    /// <summary>Searches until a hub welcomes this node.</summary>
    /// <param name="hubs">Gives the hubs known now, in order of preference.</param>
    /// <param name="last">The hub just lost: tried alone for a while. Null at the first start.</param>
    /// <param name="avoid">A hub that drains: only tried when no other is known or can be reached for long.</param>
    public async Task<(HubAddress Hub, HubLink Link)> FindAsync(Func<IReadOnlyList<HubAddress>> hubs, HubAddress? last, HubAddress? avoid)
    {
        using CancellationTokenSource attempts = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                bool isLoyal = Refresh(hubs(), last, avoid);
                TimeSpan wait = StartDue(isLoyal, attempts.Token);
                List<Task> pending = [.. _candidates.Where(c => c.Attempt is not null).Select(c => (Task)c.Attempt!)];
                using CancellationTokenSource pause = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                pending.Add(Task.Delay(wait, time, pause.Token));
                await Task.WhenAny(pending).ConfigureAwait(false);
                await pause.CancelAsync().ConfigureAwait(false);
                if (Harvest() is { } found)
                {
                    return found;
                }
            }
        }
        finally
        {
            await attempts.CancelAsync().ConfigureAwait(false);
            foreach (Candidate candidate in _candidates)
            {
                if (candidate.Attempt is { } late)
                {
                    _ = CloseLateAsync(late);
                }
            }
        }
    }

    private TimeSpan Elapsed => time.GetElapsedTime(_start);

    /// <summary>Takes over the list as it is now: a hub that a reload took out of it, the last one too, is not dialled again. True while the last one is in it.</summary>
    private bool Refresh(IReadOnlyList<HubAddress> hubs, HubAddress? last, HubAddress? avoid)
    {
        bool isLoyal = last is not null && hubs.Any(hub => HubList.IsSame(hub, last));
        IEnumerable<HubAddress> ordered = isLoyal ? hubs.OrderBy(hub => HubList.IsSame(hub, last!) ? 0 : 1) : hubs;
        foreach (HubAddress hub in ordered)
        {
            if (_candidates.Find(candidate => HubList.IsSame(candidate.Hub, hub)) is { } known)
            {
                known.Hub = hub;
            }
            else
            {
                _candidates.Add(new Candidate { Hub = hub });
            }
        }
        _candidates.RemoveAll(candidate => candidate.Attempt is null && !hubs.Any(hub => HubList.IsSame(hub, candidate.Hub)));
        foreach (Candidate candidate in _candidates)
        {
            candidate.IsAvoided = avoid is not null && HubList.IsSame(candidate.Hub, avoid);
        }
        return isLoyal;
    }

    /// <summary>Starts what is due; returns how long nothing else will be.</summary>
    private TimeSpan StartDue(bool isLoyal, CancellationToken token)
    {
        TimeSpan now = Elapsed;
        TimeSpan next = TimeSpan.FromSeconds(1);
        bool earlierFailed = true;
        List<(Candidate Candidate, TimeSpan Due)> idle = [];
        for (int i = 0; i < _candidates.Count; i++)
        {
            Candidate candidate = _candidates[i];
            // The first may go at once. The others wait for their turn, or at the first start until all before them failed once.
            TimeSpan turn = i == 0 ? TimeSpan.Zero
                : candidate.IsAvoided ? options.EagerFor
                : isLoyal && !_candidates[0].IsAvoided ? options.Loyalty
                : earlierFailed ? TimeSpan.Zero : options.Stagger * i;
            if (i == 0 && candidate.IsAvoided && _candidates.Count > 1)
            {
                turn = options.EagerFor;
            }
            earlierFailed &= candidate.Failures > 0 || candidate.IsAvoided;
            if (candidate.Attempt is null)
            {
                idle.Add((candidate, turn > candidate.NotBefore ? turn : candidate.NotBefore));
            }
        }
        // Of two addresses of one hub the one that has failed less goes first.
        foreach ((Candidate candidate, TimeSpan turn) in idle.OrderBy(one => one.Candidate.Failures))
        {
            TimeSpan held = HeldUntil(candidate);
            TimeSpan due = held > turn ? held : turn;
            if (due <= now)
            {
                candidate.StartedAt = now;
                candidate.Attempt = AttemptAsync(candidate.Hub, token);
            }
            else if (due - now < next)
            {
                next = due - now;
            }
        }
        return next;
    }

    /// <summary>
    /// Two addresses of one hub are not dialled side by side: both would be welcome, and the link that comes second takes the place of the first at the hub,
    /// which is then the one in use here.
    /// </summary>
    private TimeSpan HeldUntil(Candidate candidate) => _candidates
        .Where(other => other != candidate && other.Attempt is not null && other.Hub.Mid is { } mid && candidate.Hub.Mid == mid)
        .Select(other => other.StartedAt + options.Loyalty)
        .DefaultIfEmpty(TimeSpan.Zero).Max();

    private (HubAddress, HubLink)? Harvest()
    {
        (HubAddress, HubLink)? found = null;
        foreach (Candidate candidate in _candidates)
        {
            if (found is not null || candidate.Attempt is not { IsCompleted: true } attempt)
            {
                continue;
            }
            candidate.Attempt = null;
            if (attempt.IsCompletedSuccessfully)
            {
                found = (candidate.Hub, attempt.Result);
                continue;
            }
            candidate.Failures++;
            candidate.NotBefore = Elapsed + BackOff(candidate.Failures);
            if (!cancellationToken.IsCancellationRequested)
            {
                failed(candidate.Hub, attempt.Exception?.InnerException ?? new TimeoutException());
            }
        }
        return found;
    }

    private TimeSpan BackOff(int failures)
    {
        if (failures <= 1)
        {
            return TimeSpan.Zero;
        }
        TimeSpan limit = Elapsed < options.EagerFor ? options.EagerBackOff : options.MaxBackOff;
        double pause = Math.Min(options.FirstBackOff.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 2, 20)), limit.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(pause * (0.5 + (Random.Shared.NextDouble() * 0.5)));
    }

    private async Task<HubLink> AttemptAsync(HubAddress hub, CancellationToken token)
    {
        using CancellationTokenSource timeout = new(options.AttemptTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(token, timeout.Token);
        try
        {
            return await connector.ConnectAsync(hub, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !token.IsCancellationRequested)
        {
            throw new TunnelException(TunnelError.HubUnreachable, $"The hub {hub} did not answer in {options.AttemptTimeout.TotalSeconds} s.", e);
        }
    }

    private static async Task CloseLateAsync(Task<HubLink> attempt)
    {
        try
        {
            HubLink late = await attempt.ConfigureAwait(false);
            await late.Link.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The attempt lost the race and failed: nothing is left of it.
        }
    }

    private sealed class Candidate
    {
        public required HubAddress Hub { get; set; }
        public Task<HubLink>? Attempt { get; set; }
        public TimeSpan StartedAt { get; set; }
        public int Failures { get; set; }
        public TimeSpan NotBefore { get; set; }
        public bool IsAvoided { get; set; }
    }
}
