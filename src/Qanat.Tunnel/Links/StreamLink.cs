using Microsoft.Extensions.Logging;
using Qanat.Wire;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

/// <summary>
/// A link over a byte stream: WebSocket or length-prefixed, on a socket or TLS. Three parts run it: a send loop, a receive loop, and a heartbeat timer.
/// Buffers are pooled and held only while there are bytes, so an idle link costs a few KiB.
/// </summary>
internal sealed partial class StreamLink : Link
{
    private readonly LinkTransport _transport;
    private readonly LinkFraming _framing;
    private readonly LinkOptions _options;
    private readonly TimeSpan _heartbeat;
    private readonly TimeProvider _time;
    private readonly LinkMetrics _metrics;
    private readonly ILogger _logger;
    private readonly SendQueue _queue;
    private readonly AsyncSignal _ready = new();
    private readonly TaskCompletionSource<LinkClosed> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _sendEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _lingerEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReadOnlyMemory<byte> _initial;
    private Closing? _closing;
    private ITimer? _heartbeatTimer;
    private ITimer? _lingerTimer;
    private int _started;
    private bool _wasStarted;

    /// <param name="transport">Owned by the link.</param>
    /// <param name="framing">How frames are bounded.</param>
    /// <param name="localMid">This end.</param>
    /// <param name="peerMid">The other end, proven.</param>
    /// <param name="peerRole">What it is.</param>
    /// <param name="heartbeat">Time between heartbeats.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="time">Clock.</param>
    /// <param name="metrics">Instruments.</param>
    /// <param name="logger">Log.</param>
    /// <param name="initial">Bytes received behind the handshake.</param>
    public StreamLink(
        LinkTransport transport, LinkFraming framing, Mid localMid, Mid peerMid, LinkRole peerRole, TimeSpan heartbeat,
        LinkOptions options, TimeProvider time, LinkMetrics metrics, ILogger logger, ReadOnlyMemory<byte> initial)
    {
        _transport = transport;
        _framing = framing;
        LocalMid = localMid;
        PeerMid = peerMid;
        PeerRole = peerRole;
        _heartbeat = heartbeat;
        _options = options;
        _time = time;
        _metrics = metrics;
        _logger = logger;
        _initial = initial;
        _queue = new SendQueue(framing, options.SendQueueBytes);
        _controlRate = new RateMeter(time, ControlBurst, ControlsPerSecond);
        _pingRate = new RateMeter(time, PingBurst, PingsPerSecond);
    }

    /// <summary>What ends the link, decided once.</summary>
    private sealed record Closing(LinkClosed Closed, WebSocketCloseCode Code, bool Flush);

    public override Mid LocalMid { get; }

    public override Mid PeerMid { get; }

    public override LinkRole PeerRole { get; }

    public override Task<LinkClosed> Completion => _completion.Task;

    public override TimeSpan RoundTrip => new(Interlocked.Read(ref _roundTripTicks));

    public override long QueuedBytes => _queue.Bytes;

    public override void Start(ILinkHandler handler, IFrameSource? source)
    {
        if (Interlocked.CompareExchange(ref _started, 1, 0) != 0)
        {
            if (_closing is null)
            {
                throw new InvalidOperationException("The link has been started.");
            }
            return;
        }
        _wasStarted = true;
        _metrics.Started();
        _logger.LinkUp(PeerMid, PeerRole);
        _lastReceived = _time.GetTimestamp();
        _heartbeatTimer = _time.CreateTimer(static link => ((StreamLink)link!).OnHeartbeat(), this, _heartbeat / 2, _heartbeat / 2);
        _ = RunAsync(handler, source);
    }

    public override bool TrySend(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_queue.TryAdd(header, payload))
        {
            return false;
        }
        if (SendBatch.Current is { } batch)
        {
            batch.Add(this);
        }
        else
        {
            _ready.Set();
        }
        return true;
    }

    public override void NotifyReady() => _ready.Set();

    /// <summary>Runs the send loop on this thread, unless it runs already.</summary>
    internal void SendNow() => _ready.SetInline();

    public override async ValueTask CloseAsync(LinkCloseCause cause)
    {
        RequestClose(cause, "Closed by this side.", CodeFor(cause), flush: cause is LinkCloseCause.Local or LinkCloseCause.Draining or LinkCloseCause.Replaced);
        await _sendEnded.Task.ConfigureAwait(false);
    }

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync(LinkCloseCause.Local).ConfigureAwait(false);
        await Completion.ConfigureAwait(false);
    }

    private void RequestClose(LinkCloseCause cause, string detail, WebSocketCloseCode code, bool flush)
    {
        Closing closing = new(new LinkClosed(cause, detail), code, flush);
        if (Interlocked.CompareExchange(ref _closing, closing, null) is not null)
        {
            return;
        }
        _queue.Close();
        _lingerTimer = _time.CreateTimer(static link => ((StreamLink)link!).OnLingerEnded(), this, _options.CloseTimeout, Timeout.InfiniteTimeSpan);
        _ready.Set();
        if (Interlocked.CompareExchange(ref _started, 1, 0) == 0)
        {
            _ = RunAsync(null, null);
        }
    }

    private void OnLingerEnded()
    {
        _transport.Dispose();
        _lingerEnded.TrySetResult();
        _ready.Set();
    }

    private async Task RunAsync(ILinkHandler? handler, IFrameSource? source)
    {
        // Started from the caller's thread; the loops must not run on it.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Task receiving = ReceiveLoopAsync(handler);
        await SendLoopAsync(source).ConfigureAwait(false);
        _sendEnded.TrySetResult();
        // A handler that holds the receive loop back must not hold the end of the link back.
        await Task.WhenAny(receiving, _lingerEnded.Task).ConfigureAwait(false);
        _transport.Dispose();
        _queue.Clear();
        if (_heartbeatTimer is not null)
        {
            await _heartbeatTimer.DisposeAsync().ConfigureAwait(false);
        }
        if (_lingerTimer is not null)
        {
            await _lingerTimer.DisposeAsync().ConfigureAwait(false);
        }
        LinkClosed closed = _closing!.Closed;
        _metrics.Closed(closed.Cause, _wasStarted);
        _logger.LinkEnded(PeerMid, closed.Cause, closed.Detail);
        _completion.TrySetResult(closed);
    }

    private static WebSocketCloseCode CodeFor(LinkCloseCause cause) => cause switch
    {
        LinkCloseCause.Draining => WebSocketCloseCode.GoingAway,
        LinkCloseCause.Replaced => WebSocketCloseCode.Replaced,
        LinkCloseCause.Denied => WebSocketCloseCode.Denied,
        LinkCloseCause.ProtocolError => WebSocketCloseCode.ProtocolError,
        _ => WebSocketCloseCode.Normal,
    };

    private static LinkCloseCause CauseFor(WebSocketCloseCode code) => code switch
    {
        WebSocketCloseCode.None or WebSocketCloseCode.Normal => LinkCloseCause.Remote,
        WebSocketCloseCode.GoingAway => LinkCloseCause.Draining,
        WebSocketCloseCode.Replaced => LinkCloseCause.Replaced,
        WebSocketCloseCode.Denied => LinkCloseCause.Denied,
        _ => LinkCloseCause.ProtocolError,
    };
}
