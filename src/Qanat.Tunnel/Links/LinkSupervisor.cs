using Microsoft.Extensions.Logging;

namespace Qanat.Tunnel.Links;

/// <summary>
/// Keeps a node's link up: redials a lost hub at once, leaves a dead one for the next of the list within a second, and moves off a draining one
/// before the old link goes (make before break). Members are safe to call from any thread.
/// </summary>
public sealed class LinkSupervisor : IAsyncDisposable
{
    private readonly ILinkConnector _connector;
    private readonly LinkSupervisorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly HubList _hubs;
    private readonly DialFailures _failures;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _linkUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _drain = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SupervisedLink? _current;
    private Task _running = Task.CompletedTask;

    /// <summary>Creates a supervisor that does nothing until <see cref="Start"/>.</summary>
    /// <param name="connector">Makes links.</param>
    /// <param name="configured">Hubs in order of preference.</param>
    /// <param name="learned">Hubs that were learned in an earlier run.</param>
    /// <param name="options">Timing.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Log.</param>
    /// <param name="pinned">Keys that hubs configured without a mid have proven in an earlier run (<see cref="HubPinned"/>).</param>
    public LinkSupervisor(
        ILinkConnector connector, IReadOnlyList<HubAddress> configured, IReadOnlyList<HubAddress> learned, LinkSupervisorOptions options, TimeProvider time, ILogger logger,
        IReadOnlyList<HubAddress>? pinned = null)
    {
        (_connector, _options, _time, _logger) = (connector, options, time, logger);
        _hubs = new HubList(configured, learned, pinned);
        _failures = new DialFailures(time);
    }

    /// <summary>Plugs a new link in (<see cref="Sessions.SessionTable.Attach"/>); the link is not started yet. Set before <see cref="Start"/>.</summary>
    public required Action<HubLink> Attach { get; init; }

    /// <summary>Called with the learned hubs whenever they change, to keep them for the next start.</summary>
    public Action<IReadOnlyList<HubAddress>>? HubsLearned { get; init; }

    /// <summary>Called when a hub configured without a mid was met for the first time; its key is expected from then on, and should be after a restart.</summary>
    public Action<HubAddress>? HubPinned { get; init; }

    /// <summary>The link in use; null while there is none.</summary>
    public SupervisedLink? Current
    {
        get
        {
            lock (_gate)
            {
                return _current;
            }
        }
    }

    /// <summary>The last failed attempt, for status pages; null after a success.</summary>
    public string? LastError { get; private set; }

    /// <summary>Why the last attempt failed.</summary>
    public TunnelError LastErrorKind { get; private set; }

    /// <summary>Links made so far.</summary>
    public long LinkCount { get; private set; }

    /// <summary>All hubs known now.</summary>
    public IReadOnlyList<HubAddress> Hubs => _hubs.All;

    /// <summary>Begins to dial. Call once.</summary>
    public void Start() => _running = Task.Run(() => RunAsync(_stop.Token));

    /// <summary>Replaces the configured hubs; a link to a hub that is no longer known stays until it ends.</summary>
    public void Configure(IReadOnlyList<HubAddress> configured) => _hubs.Configure(configured);

    /// <summary>Completes when a link is up.</summary>
    public Task WaitForLinkAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return _linkUp.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Takes the hub table that the current hub pushed.</summary>
    public void LearnHubs(IReadOnlyList<byte[]> records)
    {
        if (_hubs.Learn(records) is { } learned)
        {
            _logger.HubsLearned(learned.Count);
            HubsLearned?.Invoke(learned);
        }
    }

    /// <summary>The hub at the other end of <paramref name="link"/> is going away: find another one now.</summary>
    public void Drain(Link link)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_current?.Link, link))
            {
                _drain.TrySetResult();
            }
        }
    }

    /// <summary>Stops dialing and closes the link in order.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        SupervisedLink? link = Current;
        if (link is not null)
        {
            await link.Link.CloseAsync(LinkCloseCause.Local).ConfigureAwait(false);
            await link.Link.DisposeAsync().ConfigureAwait(false);
        }
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        Journey journey = new();
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await FindAndStayAsync(journey, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever failed here or in a callback: without this loop the node would stay off for ever and not say why.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _logger.SupervisorFailed(e);
                await Task.Delay(_options.MaxBackOff, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Finds a link and stays with it until it ends or its hub drains.</summary>
    private async Task FindAndStayAsync(Journey journey, CancellationToken cancellationToken)
    {
        HubSearch search = new(_connector, _options, _time, OnFailed, cancellationToken);
        (HubAddress hub, HubLink link) = await search.FindAsync(() => _hubs.All, journey.Last, journey.Avoid).ConfigureAwait(false);
        SupervisedLink? old = Install(hub, link);
        if (old is not null)
        {
            _ = CloseOldAsync(old.Link);
        }
        _failures.Forget();
        journey.Last = hub;
        long linkedAt = _time.GetTimestamp();
        Task drain = _drain.Task;
        await Task.WhenAny(link.Link.Completion, drain).WaitAsync(cancellationToken).ConfigureAwait(false);
        journey.Avoid = null;
        if (!link.Link.Completion.IsCompleted)
        {
            _logger.HubDrains(hub.Address);
            journey.Avoid = hub;
            return;
        }
        LinkClosed closed = await link.Link.Completion.ConfigureAwait(false);
        _logger.LinkLost(hub.Address, closed.Cause, closed.Detail);
        journey.Avoid = closed.Cause == LinkCloseCause.Draining ? hub : null;
        // Once may be an attempt of our own that was given up and came late. Again at once: another process runs with this
        // identity, and fighting for the link would break both. A link that was lost in another way in between was nobody's to take.
        bool isOld = _time.GetElapsedTime(linkedAt) > _options.ReplacedMemory;
        journey.Replaced = closed.Cause != LinkCloseCause.Replaced ? 0 : isOld ? 1 : journey.Replaced + 1;
        if (journey.Replaced > 1)
        {
            await Task.Delay(_options.ReplacedPause, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private SupervisedLink? Install(HubAddress hub, HubLink link)
    {
        // Before anybody hears of the link: who does may rely on the pin.
        if (_hubs.TryPin(hub, link.Link.PeerMid))
        {
            _logger.HubPinned(hub.Address, link.Link.PeerMid);
            HubPinned?.Invoke(hub with { Mid = link.Link.PeerMid });
        }
        SupervisedLink? old;
        lock (_gate)
        {
            old = _current;
            _current = new SupervisedLink(hub, link.Link, link.HubName, link.ParticipantName, _time.GetUtcNow());
            _drain = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            LinkCount++;
            LastError = null;
            LastErrorKind = TunnelError.None;
        }
        try
        {
            Attach(link);
        }
        catch
        {
            lock (_gate)
            {
                _current = null;
            }
            _ = CloseAtOnceAsync(link.Link);
            if (old is not null)
            {
                _ = CloseOldAsync(old.Link);
            }
            throw;
        }
        _linkUp.TrySetResult();
        _ = ForgetWhenClosedAsync(link.Link);
        _logger.LinkedTo(hub.Address, link.Link.PeerMid, link.ParticipantName ?? "");
        LearnHubs(link.HubTable);
        return old;
    }

    private async Task ForgetWhenClosedAsync(Link link)
    {
        await link.Completion.ConfigureAwait(false);
        lock (_gate)
        {
            if (ReferenceEquals(_current?.Link, link))
            {
                _current = null;
                _linkUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    private async Task CloseOldAsync(Link old)
    {
        await Task.Delay(_options.Overlap, _time).ConfigureAwait(false);
        await CloseAtOnceAsync(old).ConfigureAwait(false);
    }

    private static async Task CloseAtOnceAsync(Link old)
    {
        await old.CloseAsync(LinkCloseCause.Local).ConfigureAwait(false);
        await old.DisposeAsync().ConfigureAwait(false);
    }

    private void OnFailed(HubAddress hub, Exception exception)
    {
        LastError = exception.Message;
        LastErrorKind = (exception as TunnelException)?.Error ?? TunnelError.HubUnreachable;
        if (_failures.MayTell(hub.Address, LastErrorKind))
        {
            _logger.HubUnusable(hub.Address, TunnelException.ToCode(LastErrorKind), exception.Message);
        }
        else
        {
            _logger.DialFailed(hub.Address, LastErrorKind, exception.Message);
        }
    }

    /// <summary>What one link leaves to the search for the next.</summary>
    private sealed class Journey
    {
        public HubAddress? Last { get; set; }
        public HubAddress? Avoid { get; set; }
        public int Replaced { get; set; }
    }
}

/// <summary>A link in use.</summary>
/// <param name="Hub">The hub, as it was dialed.</param>
/// <param name="Link">The link.</param>
/// <param name="HubName">The hub's name, as it says.</param>
/// <param name="ParticipantName">This member's name in the directory.</param>
/// <param name="Since">When it came up.</param>
public sealed record SupervisedLink(HubAddress Hub, Link Link, string? HubName, string? ParticipantName, DateTimeOffset Since);
