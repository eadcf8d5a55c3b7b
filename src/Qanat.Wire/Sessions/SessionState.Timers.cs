namespace Qanat.Wire.Sessions;

public sealed partial class SessionState
{
    private static readonly long s_shortestAsk = TimeSpan.FromMilliseconds(100).Ticks;
    private static readonly long s_longestAsk = TimeSpan.FromSeconds(2).Ticks;
    private long _retransmitAt = Never;
    private long _ackAt = Never;
    private long _openDeadline = Never;
    private long _openRetryAt = Never;
    private long _openSentAt;
    private int _openTries;
    private FrameReason _openTrouble;
    private long _closeRetryAt = Never;
    private int _closeTries;
    private long _abandonDeadline = Never;
    private long _removeAt = Never;
    private long _resumeAt = Never;
    private long _askedAt;
    private long _waitingSince = Never;
    private long _lastHeard;
    private long _probeSentAt = Never;
    private int _backoff;
    private long _timeouts;
    private long _resumes;
    private bool _awaitResume;

    /// <summary>When <see cref="OnTimer"/> must be called next, at the latest; <see cref="long.MaxValue"/> when time changes nothing.</summary>
    public long NextDeadline
    {
        get
        {
            switch (Phase)
            {
                case SessionPhase.Opening:
                    return Math.Min(_openDeadline, _linkUp && (_pending & Pending.Open) == 0 ? _openRetryAt : Never);
                case SessionPhase.Ended:
                    return _removeAt;
                default:
                    long next = Math.Min(_abandonDeadline, _waitingSince == Never ? Never : _waitingSince + _settings.Grace.Ticks);
                    if (_linkUp)
                    {
                        next = Math.Min(Math.Min(next, _ackAt), _closeSent && !_closeAcked ? _closeRetryAt : Never);
                        next = Math.Min(next, _awaitResume ? ResumeDue : Math.Min(RetransmitDue, ProbeDue));
                    }
                    return next;
            }
        }
    }

    private long ResumeDue => (_pending & Pending.Resume) != 0 ? Never : _resumeAt;

    private bool IsStalledByLimit => _next == _acked && _next < _end && _next >= _peerLimit;

    private long RetransmitDue => _next > _acked || IsStalledByLimit ? _retransmitAt : Never;

    private long ProbeDue =>
        ProbeInterval <= TimeSpan.Zero ? Never
        : _probeSentAt == Never ? _lastHeard + ProbeInterval.Ticks
        : _probeSentAt + Math.Max(RetransmitTimeout(0), TimeSpan.TicksPerSecond / 2);

    /// <summary>Does what is due.</summary>
    public SessionEvents OnTimer(long now)
    {
        _events = SessionEvents.None;
        if (Phase == SessionPhase.Opening)
        {
            OnOpenTimer(now);
        }
        else if (Phase == SessionPhase.Established)
        {
            if (now >= _abandonDeadline)
            {
                End(FrameReason.Normal, byPeer: false, now);
            }
            else if (_waitingSince != Never && now - _waitingSince >= _settings.Grace.Ticks)
            {
                End(FrameReason.GraceExpired, byPeer: false, now);
            }
            else if (_linkUp)
            {
                OnEstablishedTimer(now);
            }
        }
        return _events;
    }

    private void OnOpenTimer(long now)
    {
        if (now >= _openDeadline)
        {
            OpenTimedOut = _openTrouble == FrameReason.None;
            End(_openTrouble == FrameReason.None ? FrameReason.PeerOffline : _openTrouble, byPeer: false, now);
        }
        else if (now >= _openRetryAt)
        {
            _pending |= Pending.Open;
            _openRetryAt = Never;
        }
    }

    private void OnEstablishedTimer(long now)
    {
        if (now >= _ackAt)
        {
            _ackAt = Never;
            AckNow(0);
        }
        if (_closeSent && !_closeAcked && now >= _closeRetryAt)
        {
            _closeSent = false;
            ScheduleClose();
        }
        if (_awaitResume)
        {
            if (now >= ResumeDue)
            {
                RequestResume(ResumeAnswerWanted);
            }
            return;
        }
        if (now >= RetransmitDue)
        {
            _timeouts++;
            _retransmitAt = Never;
            if (_next > _acked)
            {
                Lost();
            }
            _backoff = Math.Min(_backoff + 1, 10);
            Ask(now, relinked: false);
        }
        else if (now >= ProbeDue)
        {
            if (_probeSentAt == Never)
            {
                _probeSentAt = now;
                RequestResume(ResumeAnswerWanted);
            }
            else
            {
                Ask(now, relinked: false);
            }
        }
    }

    private void OnUnreachableWhileOpening(FrameReason reason, long now)
    {
        switch (reason)
        {
            case FrameReason.PeerOffline:
                if (_openTrouble != reason)
                {
                    _openTrouble = reason;
                    _openDeadline = Math.Min(_openDeadline, now + _settings.OfflinePatience.Ticks);
                }
                _openRetryAt = Math.Min(_openRetryAt, now + Jitter(s_shortestAsk));
                break;
            case FrameReason.HubUnreachable:
                _openTrouble = reason;
                _openRetryAt = Math.Min(_openRetryAt, now + Jitter(s_shortestAsk));
                break;
            case FrameReason.Congested:
            case FrameReason.None:
                break;
            default:
                End(reason, byPeer: true, now);
                break;
        }
    }

    private void OnUnreachable(FrameReason reason, long now)
    {
        switch (reason)
        {
            case FrameReason.PeerOffline:
            case FrameReason.HubUnreachable:
            case FrameReason.UnknownMember:
                BeginWaiting(now);
                if (_resumeAt == Never && (_pending & Pending.Resume) == 0)
                {
                    _resumeAt = now + ResumeInterval(now);
                }
                break;
            case FrameReason.Denied:
                End(reason, byPeer: true, now);
                break;
            default:
                // Congested, quota: the frame is lost, the retransmission timer repairs it.
                break;
        }
    }

    /// <summary>A sender that waits for a receive limit only asks for it in the end: the ACK that raised it may be lost.</summary>
    private void ArmStallTimer(long now)
    {
        if (_retransmitAt == Never && IsStalledByLimit && Phase == SessionPhase.Established)
        {
            _retransmitAt = now + RetransmitTimeout(_backoff);
        }
    }

    /// <summary>Stops DATA and asks the peer what it has; repeated until it answers or the grace time is over.</summary>
    private void Ask(long now, bool relinked)
    {
        BeginWaiting(now);
        RequestResume((byte)(ResumeAnswerWanted | (relinked ? ResumeNewLink : 0)));
    }

    private void RequestResume(byte flags)
    {
        _resumeFlags |= flags;
        _pending |= Pending.Resume;
    }

    private void BeginWaiting(long now)
    {
        _awaitResume = true;
        _retransmitAt = Never;
        _pending &= ~Pending.Close;
        if (_waitingSince == Never)
        {
            _waitingSince = now;
        }
    }

    private void Heard(long now)
    {
        _lastHeard = now;
        _probeSentAt = Never;
    }

    private long RetransmitTimeout(int backoff)
    {
        long timeout = Math.Max(_settings.MinRetransmit.Ticks, 4 * _roundTrip.Smoothed);
        return Math.Min(_settings.MaxRetransmit.Ticks, timeout << Math.Min(backoff, 10));
    }

    /// <summary>A quarter of the time waited so far: quick after a short break, sparing in a long one.</summary>
    private long ResumeInterval(long now)
    {
        long waited = _waitingSince == Never ? 0 : now - _waitingSince;
        return Jitter(Math.Max(Math.Clamp(waited / 4, s_shortestAsk, s_longestAsk), 2 * _roundTrip.Smoothed));
    }

    private long Jitter(long ticks) => (ticks * 3 / 4) + (long)(ticks / 2 * (NextRandom() / (double)uint.MaxValue));
}
