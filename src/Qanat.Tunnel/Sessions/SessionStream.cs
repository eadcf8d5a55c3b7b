using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel.Sessions;

/// <summary>
/// A session as a stream: what layer-2 TLS runs over. It outlives links and hubs. One reader and one writer at a time may run concurrently.
/// A read returns 0 only at the true end of the peer's stream; every other end is a <see cref="TunnelException"/>.
/// </summary>
public sealed class SessionStream : Stream
{
    private readonly SessionTable _table;
    private readonly SessionState _state;
    private readonly StreamOperation _read;
    private readonly StreamOperation _write;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Memory<byte> _readBuffer;
    private ReadOnlyMemory<byte> _writeBuffer;
    private TunnelException? _localFailure;
    private long _suspendedAt = -1;
    private bool _disposed;

    internal SessionStream(SessionTable table, SessionState state)
    {
        _table = table;
        _state = state;
        _read = new StreamOperation(this, static (stream, token) => ((SessionStream)stream!).CancelRead(token));
        _write = new StreamOperation(this, static (stream, token) => ((SessionStream)stream!).CancelWrite(token));
    }

    /// <summary>The mid the session was routed to or came from. Proven only by layer 2.</summary>
    public Mid PeerMid => _state.PeerMid;

    /// <summary>Tunnel id.</summary>
    public ulong SessionId => _state.Id;

    /// <summary>True at the side that opened the session.</summary>
    public bool IsInitiator => _state.IsInitiator;

    /// <summary>Completes when the session is over, for whatever reason; never faults.</summary>
    public Task Ended => _ended.Task;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    internal Lock Gate { get; } = new();

    /// <summary>Guarded by the table's ready lock.</summary>
    internal bool InControlQueue { get; set; }

    /// <summary>Guarded by the table's ready lock.</summary>
    internal bool InDataQueue { get; set; }

    internal (Mid Peer, ulong Id) Key => (_state.PeerMid, _state.Id);

    /// <summary>A view of the session for status pages.</summary>
    public SessionStatus GetStatus()
    {
        lock (Gate)
        {
            return new SessionStatus(
                PeerMid, SessionId, IsInitiator, _state.Phase, _state.IsSuspended, _state.RoundTrip, _state.CongestionBytes,
                _state.ReceiveWindowBytes, _state.ReplayBytes, _state.UnreadBytes, _state.Counters);
        }
    }

    /// <summary>Time of silence after which the peer is asked for a sign of life.</summary>
    public void SetProbeInterval(TimeSpan interval)
    {
        lock (Gate)
        {
            _state.ProbeInterval = interval;
            _table.WakeAt(_state.NextDeadline);
        }
    }

    /// <summary>Half-close: the peer reads to the end of what was written and then 0.</summary>
    public void CompleteWrites()
    {
        lock (Gate)
        {
            _state.CloseWrite();
            After(SessionEvents.None);
        }
    }

    /// <summary>Ends the session at once; the peer is told <paramref name="reason"/>, local reads and writes fail with it.</summary>
    public void Abort(FrameReason reason)
    {
        lock (Gate)
        {
            After(_state.Abort(reason, _table.Now));
        }
    }

    /// <summary>The exception that tells why the session ended; null while it lives or when both sides closed in order.</summary>
    public TunnelException? Failure
    {
        get
        {
            lock (Gate)
            {
                return _state.Phase == SessionPhase.Ended && _state.EndReason != FrameReason.Normal ? CreateFailure() : null;
            }
        }
    }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }
        short version;
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_state.CanRead)
            {
                if (_state.UnreadBytes > 0)
                {
                    int n = buffer.Length == 0 ? 0 : _state.Read(buffer.Span, _table.Now);
                    After(SessionEvents.None);
                    return new ValueTask<int>(n);
                }
                return _state.IsEndOfStream ? new ValueTask<int>(0) : ValueTask.FromException<int>(CreateFailure());
            }
            version = _read.Begin(cancellationToken);
            _readBuffer = buffer;
        }
        _read.Watch(cancellationToken);
        return new ValueTask<int>(_read, version);
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }
        short version;
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_state.Phase == SessionPhase.Ended || _state.IsWriteClosed)
            {
                return ValueTask.FromException(CreateFailure());
            }
            int n = _write.IsPending ? 0 : _state.Write(buffer.Span, _table.Now);
            if (n > 0)
            {
                After(SessionEvents.None);
            }
            if (n == buffer.Length)
            {
                return ValueTask.CompletedTask;
            }
            version = _write.Begin(cancellationToken);
            _writeBuffer = buffer[n..];
        }
        _write.Watch(cancellationToken);
        return new ValueTask(_write, version);
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <summary>Nothing to flush: bytes are on their way as soon as the link takes them.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Gives the session up: what was written is still delivered for a bounded time, what comes in is dropped.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (Gate)
            {
                if (!_disposed)
                {
                    _disposed = true;
                    FailPending(new ObjectDisposedException(nameof(SessionStream)));
                    After(_state.Abandon(_table.Now));
                }
            }
        }
        base.Dispose(disposing);
    }

    internal void OnFrame(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        lock (Gate)
        {
            Span<byte> direct = _read.IsPending ? _readBuffer.Span : default;
            SessionEvents events = _state.OnFrame(header, payload, _table.Now, direct, out int directBytes);
            if (directBytes > 0)
            {
                _readBuffer = default;
                _read.Complete(directBytes);
            }
            After(events);
        }
    }

    internal void OnLink(bool up)
    {
        lock (Gate)
        {
            if (up)
            {
                _state.OnLinkUp(_table.Now);
            }
            else
            {
                _state.OnLinkDown(_table.Now);
            }
            After(SessionEvents.None);
        }
    }

    /// <summary>Does what is due; returns the next deadline, or -1 when the table may forget the session.</summary>
    internal long OnTimer()
    {
        lock (Gate)
        {
            long now = _table.Now;
            if (_state.IsRemovable(now))
            {
                return -1;
            }
            if (_state.NextDeadline <= now)
            {
                After(_state.OnTimer(now));
            }
            return _state.NextDeadline;
        }
    }

    /// <summary>Puts frames on the wire: all control frames, or one DATA frame.</summary>
    /// <returns>Full when the writer has no room (nothing is lost), More when another frame is ready, otherwise Done.</returns>
    internal FillResult Fill(IFrameWriter writer, LinkPort port, bool controlOnly)
    {
        lock (Gate)
        {
            long now = _table.Now;
            bool sent = false;
            while (_table.IsCurrent(port) && !(sent && !controlOnly) && (!controlOnly || _state.HasControlFrame)
                && _state.TryGetNextFrame(now, out FrameHeader header, out int length))
            {
                if (!writer.TryReserve(header, length, out Span<byte> payload))
                {
                    return FillResult.Full;
                }
                _state.CommitFrame(now, payload);
                sent = header.Type == FrameType.Data || sent;
            }
            ContinueWrite();
            _table.WakeAt(_state.NextDeadline);
            return _state.HasFrame ? FillResult.More : FillResult.Done;
        }
    }

    private void After(SessionEvents events)
    {
        if (_read.IsPending && (events & SessionEvents.Readable) != 0 && _state.CanRead)
        {
            CompleteRead();
        }
        if ((events & (SessionEvents.Writable | SessionEvents.Ended)) != 0)
        {
            ContinueWrite();
        }
        Watch(events);
        if (_state.HasFrame)
        {
            _table.Schedule(this, _state.HasControlFrame);
        }
        _table.WakeAt(_state.NextDeadline);
    }

    private void Watch(SessionEvents events)
    {
        if (_state.IsSuspended)
        {
            _suspendedAt = _suspendedAt < 0 ? _table.Now : _suspendedAt;
        }
        else if (_suspendedAt >= 0)
        {
            _table.Metrics.Stalled(new TimeSpan(_table.Now - _suspendedAt));
            _suspendedAt = -1;
        }
        if ((events & SessionEvents.Ended) != 0)
        {
            _ended.TrySetResult();
            _table.OnEnded(this, _state);
        }
    }

    private void CompleteRead()
    {
        Memory<byte> buffer = _readBuffer;
        _readBuffer = default;
        if (_state.UnreadBytes > 0)
        {
            _read.Complete(buffer.Length == 0 ? 0 : _state.Read(buffer.Span, _table.Now));
        }
        else if (_state.IsEndOfStream)
        {
            _read.Complete(0);
        }
        else
        {
            _read.Fail(CreateFailure());
        }
    }

    /// <summary>Takes more of a waiting write. The writer is woken when half of the backlog is free, not for each frame.</summary>
    private void ContinueWrite()
    {
        if (!_write.IsPending)
        {
            return;
        }
        if (_state.Phase == SessionPhase.Ended)
        {
            _writeBuffer = default;
            _write.Fail(CreateFailure());
            return;
        }
        if (_state.WriteRoom >= _table.Settings.Backlog / 2)
        {
            _writeBuffer = _writeBuffer[_state.Write(_writeBuffer.Span, _table.Now)..];
            if (_writeBuffer.Length == 0)
            {
                _write.Complete(0);
            }
        }
    }

    private void CancelRead(CancellationToken cancellationToken)
    {
        lock (Gate)
        {
            if (_read.IsCancelledBy(cancellationToken))
            {
                _readBuffer = default;
                _read.Fail(new OperationCanceledException(cancellationToken));
            }
        }
    }

    private void CancelWrite(CancellationToken cancellationToken)
    {
        lock (Gate)
        {
            if (_write.IsCancelledBy(cancellationToken))
            {
                _writeBuffer = default;
                _write.Fail(new OperationCanceledException(cancellationToken));
            }
        }
    }

    private void FailPending(Exception exception)
    {
        if (_read.IsPending)
        {
            _readBuffer = default;
            _read.Fail(exception);
        }
        if (_write.IsPending)
        {
            _writeBuffer = default;
            _write.Fail(exception);
        }
    }

    private TunnelException CreateFailure() => _localFailure ??= SessionFailure.Create(_state);
}
