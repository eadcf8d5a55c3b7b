using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Hub.Mesh;

/// <summary>
/// Links to other hubs: dialled when wanted, shared by all who want them, kept while used. Of two links made at the same time both ends keep the one
/// that the hub with the lower mid dialled. A failed dial is not repeated before a jittered back-off has passed. Thread-safe.
/// </summary>
internal sealed class MeshLinks : IAsyncDisposable
{
    /// <summary>Links of one pair younger than this were dialled at the same time.</summary>
    private static readonly TimeSpan s_simultaneous = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_dialTimeout = TimeSpan.FromSeconds(5);
    private const int FirstBackoffMilliseconds = 50;
    private const int LongestBackoffMilliseconds = 1000;
    private readonly ConcurrentDictionary<Mid, Dialling> _dialling = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _register = new();
    private readonly Router _router;
    private readonly HubTable _table;
    private readonly IHubDialer _dialer;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Action<HubPort> _onUp;

    /// <param name="router">Where live links are entered.</param>
    /// <param name="table">Who is trusted and where it is.</param>
    /// <param name="dialer">Makes links.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Log.</param>
    /// <param name="onUp">Called once for each new link, after it was entered and started.</param>
    public MeshLinks(Router router, HubTable table, IHubDialer dialer, TimeProvider time, ILogger logger, Action<HubPort> onUp) =>
        (_router, _table, _dialer, _time, _logger, _onUp) = (router, table, dialer, time, logger, onUp);

    /// <summary>True while a dial would not even be tried: the last one failed just now.</summary>
    public bool InBackoff(Mid hub) => _dialling.TryGetValue(hub, out Dialling? d) && d.InBackoff(_time);

    /// <summary>The live link to a hub, dialled if there is none. Null when it cannot be reached now.</summary>
    public ValueTask<HubPort?> ConnectAsync(Mid hub, CancellationToken cancellationToken)
    {
        if (_router.TryGetHub(hub, out HubPort? live))
        {
            return ValueTask.FromResult<HubPort?>(live);
        }
        if (_stop.IsCancellationRequested || !_table.TryGet(hub, out KnownHub? known))
        {
            return ValueTask.FromResult<HubPort?>(null);
        }
        Dialling dialling = _dialling.GetOrAdd(hub, _ => new Dialling());
        return new ValueTask<HubPort?>(dialling.RunAsync(_time, () => DialAsync(known)).WaitAsync(cancellationToken));
    }

    /// <summary>
    /// Enters an authenticated link, dialled or accepted, and starts it. False when the pair has a better one: the link has been closed then.
    /// </summary>
    public bool Register(Link link, bool initiatedHere)
    {
        HubPort port = new(link, _router, initiatedHere);
        HubPort? loser;
        lock (_register)
        {
            if (_stop.IsCancellationRequested || !_table.TryGet(link.PeerMid, out _))
            {
                loser = port;
            }
            else if (_router.TryGetHub(link.PeerMid, out HubPort? live) && live.Age < s_simultaneous && live.InitiatedHere != initiatedHere
                && !live.Link.Completion.IsCompleted && live.InitiatedHere == _router.LocalMid < link.PeerMid)
            {
                loser = port;
            }
            else
            {
                loser = _router.AttachHub(port);
            }
        }
        if (loser is not null)
        {
            _ = CloseAsync(loser, LinkCloseCause.Replaced);
        }
        if (ReferenceEquals(loser, port))
        {
            return false;
        }
        if (_dialling.TryGetValue(link.PeerMid, out Dialling? dialling))
        {
            dialling.Succeeded();
        }
        link.Start(port, null);
        _logger.HubLinked(link.PeerMid, initiatedHere ? "dialled" : "accepted");
        _ = WatchAsync(port);
        _onUp(port);
        return true;
    }

    /// <summary>Closes links that nobody has used for a while.</summary>
    public void CloseIdle(TimeSpan idle)
    {
        foreach (HubPort port in _router.Hubs)
        {
            if (port.Idle >= idle)
            {
                _ = CloseAsync(port, LinkCloseCause.Local);
            }
        }
    }

    /// <summary>Closes the link to a hub that is trusted no longer.</summary>
    public void Close(Mid hub, LinkCloseCause cause)
    {
        if (_router.TryGetHub(hub, out HubPort? port))
        {
            _ = CloseAsync(port, cause);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_router.Hubs.Select(p => CloseAsync(p, LinkCloseCause.Local)));
    }

    private async Task<HubPort?> DialAsync(KnownHub hub)
    {
        foreach (string address in hub.Addresses)
        {
            using CancellationTokenSource timeout = new(s_dialTimeout, _time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token);
            try
            {
                Link link = await _dialer.DialAsync(hub, address, either.Token);
                if (Register(link, initiatedHere: true) || _router.TryGetHub(hub.Mid, out _))
                {
                    break;
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Whatever an address that another hub advertises does to the dialer: it is that hub's own trouble, never the caller's.
                if (_stop.IsCancellationRequested)
                {
                    return null;
                }
                _logger.HubDialFailed(hub.Mid, address, e is OperationCanceledException ? "no answer in time" : e.Message);
            }
        }
        // The peer may have dialled here meanwhile.
        return _router.TryGetHub(hub.Mid, out HubPort? port) ? port : null;
    }

    private async Task WatchAsync(HubPort port)
    {
        LinkClosed closed = await port.Link.Completion;
        _router.DetachHub(port);
        _logger.HubUnlinked(port.Mid, closed.Cause, closed.Detail);
        await port.Link.DisposeAsync();
    }

    private static async Task CloseAsync(HubPort port, LinkCloseCause cause)
    {
        await port.Link.CloseAsync(cause);
        await port.Link.DisposeAsync();
    }

    // One hub's dial: at most one runs, all who want the link wait for it.
    private sealed class Dialling
    {
        private readonly Lock _lock = new();
        private Task<HubPort?>? _running;
        private int _failures;
        private long _notBefore;

        public bool InBackoff(TimeProvider time)
        {
            lock (_lock)
            {
                return _running is null && _failures > 0 && time.GetTimestamp() < _notBefore;
            }
        }

        public Task<HubPort?> RunAsync(TimeProvider time, Func<Task<HubPort?>> dial)
        {
            lock (_lock)
            {
                if (_running is not null)
                {
                    return _running;
                }
                if (_failures > 0 && time.GetTimestamp() < _notBefore)
                {
                    return Task.FromResult<HubPort?>(null);
                }
                Task<HubPort?> run = Task.Run(() => RunOnceAsync(time, dial));
                return _running = run;
            }
        }

        public void Succeeded()
        {
            lock (_lock)
            {
                _failures = 0;
            }
        }

        private async Task<HubPort?> RunOnceAsync(TimeProvider time, Func<Task<HubPort?>> dial)
        {
            HubPort? port = null;
            try
            {
                port = await dial();
            }
            finally
            {
                lock (_lock)
                {
                    _running = null;
                    _failures = port is null ? Math.Min(_failures + 1, 16) : 0;
                    int bound = Math.Min(LongestBackoffMilliseconds, FirstBackoffMilliseconds << Math.Min(_failures, 8));
#pragma warning disable CA5394 // Jitter, no secret.
                    double milliseconds = bound * (0.5 + (Random.Shared.NextDouble() / 2));
#pragma warning restore CA5394
                    _notBefore = time.GetTimestamp() + (long)(milliseconds / 1000 * time.TimestampFrequency);
                }
            }
            return port;
        }
    }
}
