namespace Qanat.Wire.Sessions;

/// <summary>
/// One session (tunnel id) at one node, without I/O: a reliable byte stream each way over links and hubs that lose, delay, double and reorder frames.
/// See docs/protocol/session.md. Inputs are frames, writes, reads, link changes and the time; outputs are frames and <see cref="SessionEvents"/>.
/// Not thread-safe: the driver holds one lock per session. Times are TimeSpan ticks of any monotonic clock.
/// No input from the peer throws; what breaks the protocol ends the session with a reason.
/// </summary>
public sealed partial class SessionState
{
    private const long Never = long.MaxValue;
    private readonly SessionSettings _settings;
    private readonly SessionMemory _memory;
    private readonly RoundTripEstimator _roundTrip = new();
    private readonly CongestionWindow _congestion;
    private readonly ReceiveWindow _window;
    private readonly BlockQueue _replay;
    private readonly BlockQueue _received;
    private Pending _pending;
    private SessionEvents _events;
    private bool _linkUp;
    private ulong _random;

    private SessionState(
        Mid local, Mid peer, ulong id, bool isInitiator, SessionSettings settings, SessionMemory memory, ulong seed, bool linkUp, long now)
    {
        (LocalMid, PeerMid, Id, IsInitiator) = (local, peer, id, isInitiator);
        (_settings, _memory, _linkUp, _random) = (settings, memory, linkUp, seed | 1);
        _congestion = new CongestionWindow(settings.InitialWindow, settings.MaxWindow);
        _window = new ReceiveWindow(settings.InitialWindow, settings.MaxWindow, memory);
        _replay = new BlockQueue(memory);
        _received = new BlockQueue(memory);
        _lastHeard = now;
        ProbeInterval = TimeSpan.FromSeconds(15);
    }

    /// <summary>What must go out, besides DATA. Sent in the order of the bits.</summary>
    [Flags]
    private enum Pending
    {
        None = 0,
        Reset = 1,
        Open = 2,
        Accept = 4,
        Resume = 8,
        Ack = 16,
        Close = 32,
        Data = 64,
    }

    /// <summary>The mid at this end.</summary>
    public Mid LocalMid { get; }

    /// <summary>The mid the session was routed to or came from; layer 2 proves it.</summary>
    public Mid PeerMid { get; }

    /// <summary>Tunnel id.</summary>
    public ulong Id { get; }

    /// <summary>True at the side that sent OPEN (the TLS client).</summary>
    public bool IsInitiator { get; }

    /// <summary>Life of the session.</summary>
    public SessionPhase Phase { get; private set; }

    /// <summary>Why the session ended; <see cref="FrameReason.Normal"/> after both sides closed, <see cref="FrameReason.None"/> while it lives.</summary>
    public FrameReason EndReason { get; private set; }

    /// <summary>True when the end was told by a frame (REJECT, RESET, UNREACHABLE), false when this side found it.</summary>
    public bool EndedByPeer { get; private set; }

    /// <summary>True when no answer to OPEN came in time.</summary>
    public bool OpenTimedOut { get; private set; }

    /// <summary>True while the peer is being searched for: link down, peer offline, or no answer.</summary>
    public bool IsSuspended => Phase == SessionPhase.Established && (_awaitResume || !_linkUp);

    /// <summary>Time of silence after which the peer is asked for a sign of life; zero never asks.</summary>
    public TimeSpan ProbeInterval { get; set; }

    /// <summary>Smoothed round trip node to node; zero before the first sample.</summary>
    public TimeSpan RoundTrip => new(_roundTrip.Smoothed);

    /// <summary>Congestion window, in bytes.</summary>
    public long CongestionBytes => _congestion.Size;

    /// <summary>Receive window, in bytes.</summary>
    public long ReceiveWindowBytes => _window.Size;

    /// <summary>Bytes in the replay buffer: sent and not acknowledged, or not sent yet.</summary>
    public long ReplayBytes => _replay.Length;

    /// <summary>In-order bytes that the application has not read.</summary>
    public long UnreadBytes => _received.Length;

    /// <summary>Counters since the session began.</summary>
    public SessionCounters Counters => new(_sentMax, _expected, _retransmitted, _duplicates, _gaps, _timeouts, _resumes, _stale);

    /// <summary>Starts a session as its initiator.</summary>
    /// <param name="local">Own mid.</param>
    /// <param name="peer">Mid to reach.</param>
    /// <param name="id">64 random bits.</param>
    /// <param name="settings">Constants.</param>
    /// <param name="memory">Shared budget.</param>
    /// <param name="seed">Seed of the jitter; any value.</param>
    /// <param name="linkUp">Whether a link is up now.</param>
    /// <param name="now">The time.</param>
    public static SessionState Open(Mid local, Mid peer, ulong id, SessionSettings settings, SessionMemory memory, ulong seed, bool linkUp, long now) =>
        new(local, peer, id, true, settings, memory, seed, linkUp, now)
        {
            Phase = SessionPhase.Opening,
            _pending = Pending.Open,
            _openDeadline = now + settings.OpenTimeout.Ticks,
        };

    /// <summary>Starts a session as its acceptor, from the parameters in OPEN. Parameters as in <see cref="Open"/>.</summary>
    public static SessionState Accept(
        Mid local, Mid peer, ulong id, in SessionParameters open, SessionSettings settings, SessionMemory memory, ulong seed, bool linkUp, long now) =>
        new(local, peer, id, false, settings, memory, seed, linkUp, now)
        {
            Phase = SessionPhase.Established,
            _pending = Pending.Accept,
            _peerLimit = (long)Math.Min(open.ReceiveLimit, long.MaxValue),
        };

    /// <summary>A link is up (a new one replaced the old one, or the first after a break). Says RESUME, or OPEN again.</summary>
    public void OnLinkUp(long now)
    {
        _linkUp = true;
        if (Phase == SessionPhase.Opening)
        {
            _pending |= Pending.Open;
        }
        else if (Phase == SessionPhase.Established)
        {
            PathChanged();
            Ask(now, relinked: true);
        }
    }

    /// <summary>There is no link now.</summary>
    public void OnLinkDown(long now)
    {
        _linkUp = false;
        if (Phase == SessionPhase.Established)
        {
            BeginWaiting(now);
        }
    }

    /// <summary>
    /// The application ended the session at once: what is unsent is lost and the peer is told <paramref name="reason"/>.
    /// </summary>
    public SessionEvents Abort(FrameReason reason, long now)
    {
        _events = SessionEvents.None;
        End(reason, byPeer: false, now);
        return _events;
    }

    /// <summary>The application will neither read nor write again: what was written is still delivered, for a bounded time.</summary>
    public SessionEvents Abandon(long now)
    {
        _events = SessionEvents.None;
        _discardReads = true;
        if (_received.Length > 0)
        {
            long unread = _received.Length;
            _received.Clear();
            Consumed(unread, now);
        }
        if (Phase == SessionPhase.Ended)
        {
            Release();
        }
        else if (Phase == SessionPhase.Opening)
        {
            End(FrameReason.Normal, byPeer: false, now);
        }
        else
        {
            CloseWrite();
            _abandonDeadline = Math.Min(_abandonDeadline, now + _settings.CloseLinger.Ticks);
        }
        return _events;
    }

    /// <summary>True when the driver may forget the session: it is over and owes the peer no more answers.</summary>
    public bool IsRemovable(long now) => Phase == SessionPhase.Ended && now >= _removeAt;

    private void End(FrameReason reason, bool byPeer, long now)
    {
        if (Phase == SessionPhase.Ended)
        {
            return;
        }
        bool tellPeer = !byPeer && reason != FrameReason.Normal || (reason == FrameReason.Normal && !IsFinished && !byPeer);
        Phase = SessionPhase.Ended;
        EndReason = reason;
        EndedByPeer = byPeer;
        _awaitResume = false;
        _pending = tellPeer ? Pending.Reset : _pending & Pending.Ack;
        _removeAt = tellPeer ? now + _settings.CloseLinger.Ticks : byPeer ? now : now + _settings.FinishedLinger.Ticks;
        _replay.Clear();
        ReleaseReplay();
        if (reason != FrameReason.Normal || _discardReads)
        {
            // A broken stream ends with its error, not with the bytes that happened to arrive: TLS decides what those were worth.
            Release();
        }
        _events |= SessionEvents.Ended | SessionEvents.Readable | SessionEvents.Writable;
    }

    private void Release()
    {
        _received.Clear();
        _window.Release();
    }

    private void Misuse(long now) => End(FrameReason.ProtocolError, byPeer: false, now);

    private uint NextRandom()
    {
        // xorshift64 (Marsaglia 2003): jitter only, never a secret.
        _random ^= _random << 13;
        _random ^= _random >> 7;
        _random ^= _random << 17;
        return (uint)(_random >> 32);
    }
}
