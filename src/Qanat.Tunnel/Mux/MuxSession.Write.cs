using System.Net.Security;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Mux;

public sealed partial class MuxSession : IValueTaskSource
{
    private const int Record = MuxFrameHeader.Length + MuxFrameHeader.MaxPayload;
    private const int WriteBufferSize = 4 * Record;

    /// <summary>A frame is not started in less room than this at the end of a record; it then goes on into the next one.</summary>
    private const int LeastRoom = 512;

    private ManualResetValueTaskSourceCore<bool> _wake = new() { RunContinuationsAsynchronously = true };
    private bool _writerWaits;

    internal void Ready(MuxChannel channel)
    {
        bool wake;
        lock (_gate)
        {
            _core.Ready(channel);
            wake = TakeWake();
        }
        if (wake)
        {
            _wake.SetResult(true);
        }
    }

    internal void Consumed(MuxChannel channel, long bytes)
    {
        long now = Now();
        bool wake;
        lock (_gate)
        {
            _core.Consumed(channel, bytes, now);
            wake = TakeWake();
        }
        if (wake)
        {
            _wake.SetResult(true);
        }
    }

    internal void Reset(MuxConnection connection, MuxResetReason reason, Exception error)
    {
        bool inputIsComplete;
        lock (_gate)
        {
            if (connection.Channel.IsClosed)
            {
                return;
            }
            inputIsComplete = connection.Channel.FinReceived;
            _core.Reset(connection.Channel, reason);
        }
        CloseConnection(connection, error, inputIsComplete);
        WakeWriter();
    }

    internal void Linger(MuxConnection connection)
    {
        bool isClosed;
        lock (_gate)
        {
            if (connection.Channel.IsClosed || connection.LingerUntil != 0)
            {
                return;
            }
            connection.LingerUntil = Now() + _options.LingerTimeout.Ticks;
            _core.StopReceiving(connection.Channel);
            isClosed = connection.Channel.IsClosed;
            if (!isClosed && !_lingerTimerRuns && !_ended)
            {
                _lingerTimerRuns = true;
                _lingerTimer.Change(_options.LingerTimeout, Timeout.InfiniteTimeSpan);
            }
        }
        if (isClosed)
        {
            CloseConnection(connection, null, inputIsComplete: true);
        }
        WakeWriter();
    }

    void IValueTaskSource.GetResult(short token) => _wake.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wake.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wake.OnCompleted(continuation, state, token, flags);

    private async Task WriteLoopAsync()
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(WriteBufferSize + MuxCore.TailLength);
        bool unflushed = false;
        try
        {
            while (true)
            {
                int length = Fill(buffer);
                if (length > 0)
                {
                    await _stream.WriteAsync(buffer.AsMemory(0, length), _stop.Token).ConfigureAwait(false);
                    unflushed = true;
                    BytesWritten += length;
                    _metrics?.Written(length);
                    continue;
                }
                if (unflushed)
                {
                    unflushed = false;
                    await _stream.FlushAsync(_stop.Token).ConfigureAwait(false);
                }
                if (length < 0)
                {
                    break;
                }
                await new ValueTask(this, _wake.Version).ConfigureAwait(false);
            }
            if (_stream is SslStream tls && !_ended)
            {
                await tls.ShutdownAsync().ConfigureAwait(false);
            }
            End(null);
        }
#pragma warning disable CA1031 // Every failure of the stream ends the tunnel with its cause.
        catch (Exception e)
#pragma warning restore CA1031
        {
            End(ToTunnelException(e));
        }
    }

    /// <summary>
    /// Gathers frames of many connections. 0: nothing to write, and the writer is marked as waiting; -1: nothing will ever be.
    /// </summary>
    private int Fill(byte[] buffer)
    {
        int length = 0;
        _gate.Enter();
        try
        {
            while (true)
            {
                if (_core.HasControl)
                {
                    length += _core.WriteControl(buffer.AsSpan(length, WriteBufferSize - length));
                }
                int room = RoomInRecord(length);
                if (room < LeastRoom || _core.NextTurn(out int budget) is not { } channel)
                {
                    break;
                }
                length += Turn(channel, buffer.AsSpan(length), Math.Min(budget, room - channel.HeadLength));
            }
            if (length > 0)
            {
                return length;
            }
            if (_ended || (((_closing && _core.AnyChannel is null) || _core.IsDrained) && !_core.HasControl))
            {
                return -1;
            }
            _wake.Reset();
            _writerWaits = true;
            return 0;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>One turn: the lock is let go while payload is copied.</summary>
    private int Turn(MuxChannel channel, Span<byte> frame, int budget)
    {
        if (channel.Owner is not MuxConnection connection)
        {
            return _core.EndTurn(channel, frame, 0, more: false, ended: false);
        }
        int copied;
        bool more, ended;
        _gate.Exit();
        try
        {
            copied = connection.Sending.Take(frame.Slice(channel.HeadLength, budget), out more, out ended);
            if (copied < 0)
            {
                Reset(connection, MuxResetReason.Cancelled, new ConnectionAbortedException("The application ended its output with an error."));
                copied = 0;
            }
        }
        finally
        {
            _gate.Enter();
        }
        int written = _core.EndTurn(channel, frame, copied, more, ended);
        if (ended && channel.IsClosed)
        {
            _gate.Exit();
            try
            {
                CloseConnection(connection, null, inputIsComplete: true);
            }
            finally
            {
                _gate.Enter();
            }
        }
        return written;
    }

    /// <summary>Room for the next frame such that it ends with its TLS record; 0 when the buffer is full.</summary>
    private static int RoomInRecord(int length)
    {
        int room = Record - (length % Record);
        if (room < LeastRoom)
        {
            // Goes over the boundary: one frame at most, then frames are aligned again.
            room += Record - LeastRoom;
        }
        return Math.Min(room, WriteBufferSize - length);
    }

    private void CloseConnection(MuxConnection connection, Exception? error, bool inputIsComplete)
    {
        connection.Close(error, inputIsComplete);
        _metrics?.Closed(connection.IsLocal, connection.Channel.ResetReason);
    }

    /// <summary>Under the lock: whether the caller must wake the writer, after letting the lock go.</summary>
    private bool TakeWake()
    {
        if (!_writerWaits || !(_core.HasWork || _closing || _ended || _core.IsDrained))
        {
            return false;
        }
        _writerWaits = false;
        return true;
    }

    private void WakeWriter()
    {
        bool wake;
        lock (_gate)
        {
            wake = TakeWake();
        }
        if (wake)
        {
            _wake.SetResult(true);
        }
    }

    private void SendWaitingOpens()
    {
        lock (_gate)
        {
            (_dueOpens, _waitingOpens) = (_waitingOpens, _dueOpens);
            foreach (MuxConnection connection in _dueOpens)
            {
                if (connection.Channel.Id == 0)
                {
                    _core.Ready(connection.Channel);
                }
            }
            _dueOpens.Clear();
        }
        WakeWriter();
    }

    private void EndLingering()
    {
        List<MuxConnection> due = [];
        lock (_gate)
        {
            long now = Now();
            bool any = false;
            for (MuxChannel? channel = _core.AnyChannel; channel is not null; channel = MuxCore.After(channel))
            {
                if (channel.Owner is MuxConnection { LingerUntil: > 0 } connection)
                {
                    any = true;
                    if (connection.LingerUntil <= now)
                    {
                        due.Add(connection);
                    }
                }
            }
            _lingerTimerRuns = any && !_ended;
            if (_lingerTimerRuns)
            {
                _lingerTimer.Change(_options.LingerTimeout / 4, Timeout.InfiniteTimeSpan);
            }
        }
        foreach (MuxConnection connection in due)
        {
            Reset(connection, MuxResetReason.Cancelled, new ConnectionAbortedException("The peer did not take what was written within the linger time."));
        }
    }
}
