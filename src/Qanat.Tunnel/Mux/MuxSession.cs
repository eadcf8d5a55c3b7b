using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Mux;

/// <summary>
/// Many connections over one secured duplex stream (docs/protocol/mux.md). One read loop, one write loop; reading never waits on writing, and
/// no application code runs on either. Thread-safe.
/// </summary>
public sealed partial class MuxSession : IAsyncDisposable
{
    private static long s_sessions;

    private readonly Lock _gate = new();
    private readonly Stream _stream;
    private readonly MuxCore _core;
    private readonly MuxOptions _options;
    private readonly IStreamAcceptor? _acceptor;
    private readonly ILogger _logger;
    private readonly MuxMetrics? _metrics;
    private readonly TimeProvider _time;
    private readonly bool _isClient;
    private readonly long _number = Interlocked.Increment(ref s_sessions);
    private readonly long _startedAt;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _openTimer, _lingerTimer;
    private List<MuxConnection> _waitingOpens = [], _dueOpens = [];
    private Task _readLoop = Task.CompletedTask, _writeLoop = Task.CompletedTask;
    private volatile ServiceName? _lastName;
    private long _named;
    private bool _closing, _ended, _lingerTimerRuns;
    private int _disposed;

    /// <summary>Creates the multiplexer over an authenticated stream that it then owns; <see cref="Start"/> starts it.</summary>
    /// <param name="secured">Duplex stream, in production an authenticated <see cref="SslStream"/>. Must allow a read and a write at one time.</param>
    /// <param name="isClient">This end is the TLS client.</param>
    /// <param name="options">Settings.</param>
    /// <param name="peerMid">The mid that the peer's certificate proves.</param>
    /// <param name="peerName">The peer's name for display.</param>
    /// <param name="acceptor">Decides on and serves what the peer opens; null refuses all (<see cref="MuxResetReason.UnknownService"/>).</param>
    /// <param name="logger">Log, or null.</param>
    /// <param name="metrics">Meters, or null.</param>
    /// <param name="time">Clock, or null for the system's.</param>
    public MuxSession(
        Stream secured, bool isClient, MuxOptions options, Mid peerMid, string peerName, IStreamAcceptor? acceptor,
        ILogger? logger = null, MuxMetrics? metrics = null, TimeProvider? time = null)
        : this(secured, isClient, options, peerMid, peerName, acceptor, logger, metrics, time, alreadyOpened: 0)
    {
    }

    /// <summary>As if each side had opened <paramref name="alreadyOpened"/> connections before.</summary>
    internal MuxSession(
        Stream secured, bool isClient, MuxOptions options, Mid peerMid, string peerName, IStreamAcceptor? acceptor,
        ILogger? logger, MuxMetrics? metrics, TimeProvider? time, uint alreadyOpened)
    {
        ArgumentNullException.ThrowIfNull(secured);
        ArgumentNullException.ThrowIfNull(options);
        _stream = secured;
        _isClient = isClient;
        _options = options;
        PeerMid = peerMid;
        PeerName = peerName;
        PeerEndPoint = new PeerAddress(peerName);
        _acceptor = acceptor;
        _logger = logger ?? NullLogger.Instance;
        _metrics = metrics;
        _time = time ?? TimeProvider.System;
        _startedAt = _time.GetTimestamp();
        _core = new MuxCore(isClient, options.Limits, alreadyOpened);
        _openTimer = _time.CreateTimer(static s => ((MuxSession)s!).SendWaitingOpens(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _lingerTimer = _time.CreateTimer(static s => ((MuxSession)s!).EndLingering(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The peer's mid.</summary>
    public Mid PeerMid { get; }

    /// <summary>The peer's name for display.</summary>
    public string PeerName { get; }

    /// <summary>Completes when the tunnel has ended; never faults. <see cref="Error"/> says why.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Why the tunnel ended; null while it lives and after an orderly end.</summary>
    public TunnelException? Error { get; private set; }

    /// <summary>Connections can be opened: the tunnel lives, neither side drains, limits are kept.</summary>
    public bool CanOpen
    {
        get
        {
            lock (_gate)
            {
                return !_ended && !_closing && _core.CanOpen;
            }
        }
    }

    /// <summary>Connections open now, both ways.</summary>
    public int ConnectionCount
    {
        get
        {
            lock (_gate)
            {
                return _core.OutboundCount + _core.InboundCount;
            }
        }
    }

    /// <summary>Connections opened by this side so far.</summary>
    public long OpenedCount { get; private set; }

    /// <summary>Connections accepted from the peer so far.</summary>
    public long AcceptedCount { get; private set; }

    /// <summary>Bytes of frames read so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Bytes of frames written so far.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Bytes received and not yet read by applications.</summary>
    public long UnreadBytes
    {
        get
        {
            lock (_gate)
            {
                return _core.UnreadBytes;
            }
        }
    }

    internal EndPoint PeerEndPoint { get; }

    /// <summary>Starts reading and writing. Call once.</summary>
    public void Start()
    {
        _logger.MuxStarted(PeerName, _isClient ? "client" : "server");
        _readLoop = Task.Run(ReadLoopAsync);
        _writeLoop = Task.Run(WriteLoopAsync);
        _ = FinishAsync();
    }

    /// <summary>
    /// Opens a connection to a service of the peer, without a round trip: the OPEN travels with the first bytes written, or alone when the
    /// opener reads first, or after <see cref="MuxOptions.OpenDelay"/>. A refusal shows as a <see cref="TunnelException"/> when reading.
    /// </summary>
    /// <param name="service">Service name, 1 to 63 bytes of UTF-8.</param>
    /// <exception cref="TunnelException">The tunnel has ended or drains (<see cref="TunnelError.ShuttingDown"/>: use a new tunnel),
    /// too many connections are open, or the name is none.</exception>
    public ConnectionContext Open(string service)
    {
        ArgumentNullException.ThrowIfNull(service);
        byte[] name = EncodeName(service);
        MuxConnection connection = new(this, service, isLocal: true);
        lock (_gate)
        {
            ThrowIfCannotOpen();
            connection.Channel = _core.Open(name, connection)!;
            OpenedCount++;
            _waitingOpens.Add(connection);
            if (_waitingOpens.Count == 1)
            {
                _openTimer.Change(_options.OpenDelay, Timeout.InfiniteTimeSpan);
            }
        }
        _metrics?.Opened(isLocal: true);
        return connection;
    }

    /// <summary>
    /// Drains: takes and opens no new connections, lets those open carry on, then ends the tunnel. Cancelling leaves it draining.
    /// </summary>
    public Task GoAwayAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            _core.GoAway();
        }
        WakeWriter();
        return Completion.WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Ends the tunnel: connections in use are reset with <see cref="MuxResetReason.ShuttingDown"/>, what disposed ones have written is delivered
    /// (for at most <see cref="MuxOptions.CloseTimeout"/>), the stream is closed.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Close();
        }
        await Completion.ConfigureAwait(false);
    }

    internal string NextConnectionName() => $"{_number:x}:{Interlocked.Increment(ref _named):x}";

    private long Now() => _time.GetElapsedTime(_startedAt).Ticks;

    private byte[] EncodeName(string service)
    {
        // Most opens name the service of the one before.
        if (_lastName is { } last && last.Service == service)
        {
            return last.Utf8;
        }
        if (!MuxOpen.TryEncodeName(service, out byte[]? name))
        {
            throw new TunnelException(TunnelError.InvalidAddress, $"The service name must be 1 to {MuxOpen.MaxNameLength} bytes of UTF-8.");
        }
        _lastName = new ServiceName(service, name);
        return name;
    }

    private void ThrowIfCannotOpen()
    {
        if (_ended)
        {
            throw Error is { } error
                ? new TunnelException(error.Error, error.Message, error)
                : new TunnelException(TunnelError.ShuttingDown, $"The tunnel to {PeerName} has ended.");
        }
        if (_closing || _core.IsDraining)
        {
            throw new TunnelException(TunnelError.ShuttingDown, $"The tunnel to {PeerName} takes no new connections; open a new tunnel.");
        }
        if (!_core.CanOpen)
        {
            throw new TunnelException(TunnelError.TooManyConnections, $"{_core.OutboundCount} connections to {PeerName} are open on this tunnel.");
        }
    }

    private sealed record ServiceName(string Service, byte[] Utf8);

    private sealed class PeerAddress(string name) : EndPoint
    {
        public override System.Net.Sockets.AddressFamily AddressFamily => System.Net.Sockets.AddressFamily.Unspecified;

        public override string ToString() => $"qanat://{name}";
    }
}
