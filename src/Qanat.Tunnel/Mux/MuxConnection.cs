using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Mux;

/// <summary>
/// One multiplexed connection. Completing Output sends FIN behind what was written; the peer's FIN completes Input; a reset by the peer makes
/// reading throw <see cref="TunnelException"/> unless FIN came before it. Disposing delivers what was written, then ends.
/// Carries its own features, so that an idle connection stays small.
/// </summary>
internal sealed partial class MuxConnection : ConnectionContext, IDuplexPipe, IThreadPoolWorkItem
{
    private readonly MuxSession _session;
    private readonly MuxInput _input;
    private readonly MuxOutput _output;
    private CancellationTokenSource? _closedSource;
    private IDictionary<object, object?>? _items;
    private FeatureCollection? _extraFeatures;
    private IDuplexPipe? _transport;
    private string? _id;
    private volatile bool _isClosed;
    private bool _openWaits;

    public MuxConnection(MuxSession session, string service, bool isLocal)
    {
        _session = session;
        Service = service;
        _openWaits = isLocal;
        IsLocal = isLocal;
        _input = new MuxInput(this);
        _output = new MuxOutput(OnOutputReady);
    }

    public string Service { get; }

    public bool IsLocal { get; }

    /// <summary>Set once, right after creation, before anyone else sees the connection.</summary>
    public MuxChannel Channel { get; set; } = null!;

    /// <summary>When a disposed connection is reset if it has not delivered by then; 0 while it is in use.</summary>
    public long LingerUntil { get; set; }

    /// <summary>In the read loop's list of connections with bytes to publish.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Why the connection failed; null when it did not.</summary>
    public Exception? Error { get; private set; }

    public MuxInput Received => _input;

    public MuxOutput Sending => _output;

    public override IDuplexPipe Transport
    {
        get => _transport ?? this;
        set => _transport = value;
    }

    PipeReader IDuplexPipe.Input => _input;

    PipeWriter IDuplexPipe.Output => _output.Writer;

    [AllowNull]
    public override string ConnectionId
    {
        get => _id ??= _session.NextConnectionName();
        set => _id = value;
    }

    public override IFeatureCollection Features => this;

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    public override EndPoint? LocalEndPoint { get => field ?? (IsLocal ? null : new QanatServiceEndPoint(Service)); set; }

    public override EndPoint? RemoteEndPoint { get => field ?? _session.PeerEndPoint; set; }

    public override CancellationToken ConnectionClosed
    {
        get => ClosedSource().Token;
        set => throw new NotSupportedException("The token belongs to the connection.");
    }

    /// <summary>Resets the connection; the peer's reader sees <see cref="TunnelError.Cancelled"/>.</summary>
    public override void Abort(ConnectionAbortedException abortReason) =>
        _session.Reset(this, MuxResetReason.Cancelled, abortReason);

    public override void Abort() => Abort(new ConnectionAbortedException("The connection was aborted by this side."));

    /// <summary>Resets with a reason that the peer sees.</summary>
    public void Reset(MuxResetReason reason) =>
        _session.Reset(this, reason == MuxResetReason.None ? MuxResetReason.Cancelled : reason,
            new ConnectionAbortedException($"The connection was reset by this side ({reason})."));

    /// <summary>Ends both directions: what was written is delivered (for at most the linger time), what was not read is dropped.</summary>
    public override ValueTask DisposeAsync()
    {
        _output.Writer.Complete();
        _input.Complete();
        _session.Linger(this);
        return base.DisposeAsync();
    }

    public void Execute() => _ = _session.ServeAsync(this);

    /// <summary>The opener reads: do not hold its OPEN back any longer.</summary>
    public void OnReading()
    {
        if (_openWaits)
        {
            _openWaits = false;
            _session.Ready(Channel);
        }
    }

    public void OnConsumed(long bytes) => _session.Consumed(Channel, bytes);

    /// <summary>The connection is over at this end.</summary>
    /// <param name="error">Why, when it was not in order.</param>
    /// <param name="inputIsComplete">The peer's FIN was received: what it sent is still delivered.</param>
    public void Close(Exception? error, bool inputIsComplete)
    {
        Error ??= error;
        if (!inputIsComplete)
        {
            _input.End(error);
        }
        _output.End();
        _isClosed = true;
        Interlocked.MemoryBarrier();
        if (_closedSource is { } source)
        {
            // Registrations are the application's code: not on the read or write loop.
            ThreadPool.UnsafeQueueUserWorkItem(static s => s.Cancel(), source, preferLocal: false);
        }
    }

    private void OnOutputReady()
    {
        _openWaits = false;
        _session.Ready(Channel);
    }

    private CancellationTokenSource ClosedSource()
    {
        if (_closedSource is null)
        {
            Interlocked.CompareExchange(ref _closedSource, new CancellationTokenSource(), null);
            Interlocked.MemoryBarrier();
            if (_isClosed)
            {
                _closedSource.Cancel();
            }
        }
        return _closedSource;
    }
}
