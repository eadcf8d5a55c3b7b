using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel.Sessions;

/// <summary>
/// All sessions of a node over its one current link. Sends fairly: control frames first, then one DATA frame per session in turn.
/// Members are safe to call from any thread.
/// </summary>
public sealed class SessionTable : IDisposable
{
    private readonly Mid _local;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<(Mid Peer, ulong Id), SessionStream> _sessions = new();
    private readonly Lock _linkGate = new();
    private readonly Lock _readyGate = new();
    private readonly Queue<SessionStream> _control = new();
    private readonly Queue<SessionStream> _data = new();
    private readonly Lock _timerGate = new();
    private readonly ITimer _timer;
    private long _armedAt = long.MaxValue;
    private volatile LinkPort? _current;
    private volatile bool _disposed;
    private readonly Dictionary<Mid, int> _inboundCounts = [];
    private int _inbound;

    /// <summary>Creates an empty table without a link.</summary>
    public SessionTable(Mid local, SessionSettings settings, SessionMemory memory, TimeProvider time, SessionMetrics metrics, ILogger logger)
    {
        (_local, Settings, Memory, _time, Metrics, _logger) = (local, settings, memory, time, metrics, logger);
        _timer = time.CreateTimer(static table => ((SessionTable)table!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Decides on an OPEN by the claimed mid of the peer: <see cref="FrameReason.None"/> accepts. Runs on the link's receive loop. Without it every OPEN is refused.</summary>
    public Func<Mid, FrameReason>? Admit { get; set; }

    /// <summary>Takes an accepted session of a peer; runs on the thread pool and owns the stream.</summary>
    public Action<SessionStream>? Accepted { get; set; }

    /// <summary>Gets every frame that is not of a session (RESOLVED, PONG, HUBS, DRAIN, TICKET, ...). Runs on the link's receive loop.</summary>
    public LinkFrameHandler? Control { get; set; }

    /// <summary>The link in use; null while there is none.</summary>
    public Link? CurrentLink => _current?.Link;

    /// <summary>Sessions known, those that only linger included.</summary>
    public int Count => _sessions.Count;

    /// <summary>Sessions that peers opened and that have not ended.</summary>
    public int InboundCount => Volatile.Read(ref _inbound);

    /// <summary>Sessions that one peer opened and that have not ended.</summary>
    public int CountInboundOf(Mid peer)
    {
        lock (_inboundCounts)
        {
            return _inboundCounts.GetValueOrDefault(peer);
        }
    }

    /// <summary>The shared budget.</summary>
    public SessionMemory Memory { get; }

    internal SessionSettings Settings { get; }

    internal SessionMetrics Metrics { get; }

    internal long Now => _time.GetElapsedTime(0).Ticks;

    /// <summary>
    /// Starts a link (created, not started) and moves all sessions to it: each says RESUME on it. The link used before stays open; the caller closes it.
    /// </summary>
    public void Attach(Link link)
    {
        LinkPort port = new(this, link);
        lock (_linkGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _current = port;
            link.Start(port, port);
            foreach (SessionStream session in _sessions.Values)
            {
                session.OnLink(up: true);
            }
        }
        _logger.Attached(link.PeerMid, _sessions.Count);
        link.NotifyReady();
        _ = WatchAsync(port);
    }

    /// <summary>Opens a session to a peer. Returns at once; bytes may be written at once and go out when the peer accepts.</summary>
    public SessionStream Open(Mid peer)
    {
        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        SessionStream stream;
        lock (_linkGate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            stream = new SessionStream(this, SessionState.Open(
                _local, peer, BinaryPrimitives.ReadUInt64BigEndian(random), Settings, Memory,
                BinaryPrimitives.ReadUInt64BigEndian(random[8..]), _current is not null, Now));
            _sessions[stream.Key] = stream;
        }
        Begin(stream);
        return stream;
    }

    /// <summary>A view of all sessions.</summary>
    public IReadOnlyList<SessionStatus> GetStatus() => [.. _sessions.Values.Select(session => session.GetStatus())];

    /// <summary>Ends every session with <paramref name="reason"/>; the peers are told while the link is still up.</summary>
    public void AbortAll(FrameReason reason)
    {
        foreach (SessionStream session in _sessions.Values)
        {
            session.Abort(reason);
        }
    }

    /// <summary>Waits until all frames that are ready have been taken by the link, for a bounded time.</summary>
    public async Task FlushAsync(TimeSpan limit)
    {
        long start = _time.GetTimestamp();
        while (_current is not null && HasReady() && _time.GetElapsedTime(start) < limit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), _time).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_linkGate)
        {
            _disposed = true;
            _current = null;
        }
        AbortAll(FrameReason.ShuttingDown);
        _timer.Dispose();
    }

    internal bool IsCurrent(LinkPort port) => ReferenceEquals(_current, port);

    internal void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Destination != _local || header.Source == _local)
        {
            Metrics.Dropped(header.Source == _local ? FrameDrop.Reflected : FrameDrop.WrongDestination);
            return;
        }
        if (header.Type is > FrameType.Reset and not FrameType.Unreachable)
        {
            Control?.Invoke(link, header, payload);
        }
        else if (_sessions.TryGetValue((header.Source, header.SessionId), out SessionStream? session))
        {
            session.OnFrame(header, payload);
        }
        else if (header.Type == FrameType.Unreachable)
        {
            Control?.Invoke(link, header, payload);
        }
        else if (header.Type == FrameType.Open)
        {
            OnOpen(link, header, payload);
        }
        else
        {
            Metrics.Dropped(FrameDrop.UnknownSession);
            if (header.Type is FrameType.Data or FrameType.Resume or FrameType.Close or FrameType.Accept)
            {
                Answer(link, header, FrameType.Reset, FrameReason.UnknownSession);
            }
        }
    }

    internal bool Fill(IFrameWriter writer, LinkPort port)
    {
        while (IsCurrent(port))
        {
            SessionStream? session;
            bool control;
            lock (_readyGate)
            {
                control = _control.TryDequeue(out session);
                if (control)
                {
                    session!.InControlQueue = false;
                }
                else if (_data.TryDequeue(out session))
                {
                    session.InDataQueue = false;
                }
                else
                {
                    return false;
                }
            }
            FillResult result = session!.Fill(writer, port, control);
            if (result != FillResult.Done)
            {
                Enqueue(session, control && result == FillResult.Full);
                if (result == FillResult.Full)
                {
                    return true;
                }
            }
        }
        return false;
    }

    /// <summary>A session has a frame. Called under the session's lock.</summary>
    internal void Schedule(SessionStream session, bool control)
    {
        if (Enqueue(session, control))
        {
            _current?.Link.NotifyReady();
        }
    }

    /// <summary>The timer must run at <paramref name="deadline"/> or earlier.</summary>
    internal void WakeAt(long deadline)
    {
        if (deadline >= Volatile.Read(ref _armedAt))
        {
            return;
        }
        lock (_timerGate)
        {
            if (deadline < _armedAt && !_disposed)
            {
                Volatile.Write(ref _armedAt, deadline);
                // Whole milliseconds upward: a timer that fires early would only be armed again.
                long ticks = Math.Max(0, deadline - Now) + TimeSpan.TicksPerMillisecond - 1;
                _timer.Change(new TimeSpan(Math.Min(ticks, TimeSpan.TicksPerHour)), Timeout.InfiniteTimeSpan);
            }
        }
    }

    internal void OnEnded(SessionStream session, SessionState state)
    {
        if (!state.IsInitiator)
        {
            Interlocked.Decrement(ref _inbound);
            CountInbound(session.PeerMid, -1);
        }
        SessionCounters counters = state.Counters;
        Metrics.Ended(state.EndReason, counters, state.RoundTrip, state.ReceiveWindowBytes);
        _logger.Ended(session.SessionId, session.PeerMid, state.EndReason, counters.BytesSent, counters.BytesReceived, counters.Resumes);
    }

    private async Task WatchAsync(LinkPort port)
    {
        LinkClosed closed = await port.Link.Completion.ConfigureAwait(false);
        lock (_linkGate)
        {
            if (!IsCurrent(port))
            {
                return;
            }
            _current = null;
            foreach (SessionStream session in _sessions.Values)
            {
                session.OnLink(up: false);
            }
        }
        _logger.Detached(port.Link.PeerMid, closed.Cause, closed.Detail, _sessions.Count);
    }

    private bool HasReady()
    {
        lock (_readyGate)
        {
            return _control.Count > 0 || _data.Count > 0;
        }
    }

    private bool Enqueue(SessionStream session, bool control)
    {
        lock (_readyGate)
        {
            if (control ? session.InControlQueue : session.InDataQueue)
            {
                return false;
            }
            if (control)
            {
                session.InControlQueue = true;
                _control.Enqueue(session);
            }
            else
            {
                session.InDataQueue = true;
                _data.Enqueue(session);
            }
            return true;
        }
    }

    private void OnOpen(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        FrameReason refusal = !SessionParameters.TryRead(payload, out SessionParameters parameters) ? FrameReason.ProtocolError
            : parameters.MinVersion > SessionParameters.CurrentVersion ? FrameReason.UnsupportedVersion
            : _disposed || Accepted is null ? FrameReason.ShuttingDown
            : Admit?.Invoke(header.Source) ?? FrameReason.Denied;
        if (refusal != FrameReason.None)
        {
            _logger.Refused(header.SessionId, header.Source, refusal);
            Answer(link, header, FrameType.Reject, refusal);
            return;
        }
        Span<byte> seed = stackalloc byte[8];
        RandomNumberGenerator.Fill(seed);
        SessionStream stream;
        lock (_linkGate)
        {
            stream = new SessionStream(this, SessionState.Accept(
                _local, header.Source, header.SessionId, parameters, Settings, Memory,
                BinaryPrimitives.ReadUInt64BigEndian(seed), _current is not null, Now));
            if (!_sessions.TryAdd(stream.Key, stream))
            {
                // The same OPEN came in on the old and on the new link at once; the one that was first answers.
                return;
            }
        }
        Interlocked.Increment(ref _inbound);
        CountInbound(stream.PeerMid, 1);
        Begin(stream);
        ThreadPool.UnsafeQueueUserWorkItem(static work => work.Table.Accepted!(work.Stream), (Table: this, Stream: stream), preferLocal: false);
    }

    private void CountInbound(Mid peer, int change)
    {
        lock (_inboundCounts)
        {
            int count = _inboundCounts.GetValueOrDefault(peer) + change;
            if (count == 0)
            {
                _inboundCounts.Remove(peer);
            }
            else
            {
                _inboundCounts[peer] = count;
            }
        }
    }

    private void Begin(SessionStream stream)
    {
        Metrics.Began();
        _logger.Opened(stream.SessionId, stream.PeerMid, stream.IsInitiator);
        Schedule(stream, control: true);
        WakeAt(stream.OnTimer());
    }

    private static void Answer(Link link, in FrameHeader to, FrameType type, FrameReason reason) =>
        link.TrySend(new FrameHeader(type, reason, 0, to.Destination, to.Source, to.SessionId, 0), []);

    private void OnTimer()
    {
        Volatile.Write(ref _armedAt, long.MaxValue);
        long next = long.MaxValue;
        foreach (SessionStream session in _sessions.Values)
        {
            long deadline = session.OnTimer();
            if (deadline < 0)
            {
                _sessions.TryRemove(new KeyValuePair<(Mid, ulong), SessionStream>(session.Key, session));
            }
            else
            {
                next = Math.Min(next, deadline);
            }
        }
        WakeAt(next);
    }
}

/// <summary>Takes a frame off a link's receive loop: must not block or throw; the payload is valid only during the call.</summary>
public delegate void LinkFrameHandler(Link link, in FrameHeader header, ReadOnlySpan<byte> payload);
