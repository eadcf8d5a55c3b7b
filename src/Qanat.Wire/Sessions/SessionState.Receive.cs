using System.Buffers.Binary;

namespace Qanat.Wire.Sessions;

public sealed partial class SessionState
{
    private const int AckEveryBytes = 256 << 10;

    /// <summary>The first frames of a path are acknowledged at once: both ends learn its round trip without the delay of acknowledgements.</summary>
    private const int QuickAcks = 16;

    private int _quickAcks = QuickAcks;
    private long _expected;
    private long _limitTold;
    private long _ackTold;
    private long _closeOffset = -1;
    private long _gapFor = -1;
    private long _lastGapOffset;
    private long _duplicates;
    private long _gaps;
    private long _stale;
    private long _goneBackAt;
    private long _goneBackTo = -1;
    private ulong _stampIn;
    private bool _discardReads;
    private bool _forgiveLoss;

    /// <summary>True when a read returns at once: bytes, the end of the stream, or the error.</summary>
    public bool CanRead => _received.Length > 0 || IsEndOfStream || Phase == SessionPhase.Ended;

    /// <summary>True when the peer closed its direction and everything before the end was read.</summary>
    public bool IsEndOfStream => _closeOffset >= 0 && _expected == _closeOffset && _received.Length == 0;

    /// <summary>Reads in-order bytes; 0 when there are none now (see <see cref="IsEndOfStream"/> and <see cref="Phase"/>).</summary>
    public int Read(Span<byte> destination, long now)
    {
        int n = _received.Read(destination);
        if (n > 0)
        {
            Consumed(n, now);
        }
        return n;
    }

    /// <summary>
    /// One frame of this session (the driver has matched source, destination and id).
    /// </summary>
    /// <param name="header">Its header.</param>
    /// <param name="payload">Its payload; copied during the call.</param>
    /// <param name="now">The time.</param>
    /// <param name="direct">Where a waiting reader wants bytes; may be empty. Filled first, without the way through the receive buffer.</param>
    /// <param name="directBytes">Bytes written to <paramref name="direct"/>; they count as read.</param>
    public SessionEvents OnFrame(in FrameHeader header, ReadOnlySpan<byte> payload, long now, Span<byte> direct, out int directBytes)
    {
        directBytes = 0;
        _events = SessionEvents.None;
        if (Phase == SessionPhase.Ended)
        {
            if (header.Type == FrameType.Close && EndReason == FrameReason.Normal && IsFinished)
            {
                AckNow(AckClose);
            }
            return SessionEvents.None;
        }
        if (header.Offset > long.MaxValue)
        {
            Misuse(now);
            return _events;
        }
        if (header.Type != FrameType.Unreachable)
        {
            Heard(now);
        }
        if (Phase == SessionPhase.Opening)
        {
            OnFrameWhileOpening(header, payload, now);
            return _events;
        }
        switch (header.Type)
        {
            case FrameType.Data:
                OnData((long)header.Offset, header.Flags, payload, now, direct, out directBytes);
                break;
            case FrameType.Ack:
                OnAck(header, payload, now);
                break;
            case FrameType.Resume:
                OnResume(header, payload, now);
                break;
            case FrameType.Close:
                OnClose((long)header.Offset, now);
                break;
            case FrameType.Reset:
                OnReset(header.Reason, now);
                break;
            case FrameType.Unreachable:
                OnUnreachable(header.Reason, now);
                break;
            case FrameType.Open when !IsInitiator:
                _pending |= Pending.Accept;
                break;
            default:
                // A late ACCEPT or REJECT, or our own OPEN reflected: nothing to learn.
                break;
        }
        FinishWhenDone(now);
        return _events;
    }

    private void OnFrameWhileOpening(in FrameHeader header, ReadOnlySpan<byte> payload, long now)
    {
        switch (header.Type)
        {
            case FrameType.Accept:
                if (!SessionParameters.TryRead(payload, out SessionParameters accept) || accept.ReceiveLimit > long.MaxValue)
                {
                    Misuse(now);
                    return;
                }
                if (accept.MinVersion != SessionParameters.CurrentVersion || accept.MaxVersion != SessionParameters.CurrentVersion)
                {
                    End(FrameReason.UnsupportedVersion, byPeer: false, now);
                    return;
                }
                Phase = SessionPhase.Established;
                _peerLimit = (long)accept.ReceiveLimit;
                _pending &= ~Pending.Open;
                if (_openTries == 1)
                {
                    _roundTrip.Add(Math.Max(1, now - _openSentAt), now);
                }
                ScheduleClose();
                ArmStallTimer(now);
                _events |= SessionEvents.Established | SessionEvents.Writable;
                break;
            case FrameType.Reject:
            case FrameType.Reset:
                End(header.Reason == FrameReason.None ? FrameReason.Denied : header.Reason, byPeer: true, now);
                break;
            case FrameType.Unreachable:
                OnUnreachableWhileOpening(header.Reason, now);
                break;
            default:
                // DATA or RESUME that overtook ACCEPT: the peer sends it again.
                break;
        }
    }

    private void OnData(long offset, byte flags, ReadOnlySpan<byte> payload, long now, Span<byte> direct, out int directBytes)
    {
        directBytes = 0;
        long end = offset + payload.Length;
        if (payload.Length == 0 || end < 0 || end > _limitTold || (_closeOffset >= 0 && end > _closeOffset))
        {
            Misuse(now);
            return;
        }
        if (end <= _expected)
        {
            _duplicates += payload.Length;
            AckNow(0);
            return;
        }
        if (offset > _expected)
        {
            OnGap(offset);
            return;
        }
        _duplicates += _expected - offset;
        payload = payload[(int)(_expected - offset)..];
        _expected = end;
        if (_discardReads)
        {
            Consumed(payload.Length, now);
        }
        else
        {
            if (_received.Length == 0 && direct.Length > 0)
            {
                directBytes = Math.Min(direct.Length, payload.Length);
                payload[..directBytes].CopyTo(direct);
                Consumed(directBytes, now);
            }
            _received.Append(payload[directBytes..]);
            _events |= SessionEvents.Readable;
        }
        if (_expected == _closeOffset)
        {
            AckNow(AckClose);
        }
        else if (_quickAcks > 0 || (flags & DataAckAtOnce) != 0 || _expected - _ackTold >= Math.Min(AckEveryBytes, _window.Size / 4))
        {
            _quickAcks = Math.Max(0, _quickAcks - 1);
            AckNow(0);
        }
        else if (_ackAt == Never)
        {
            _ackAt = now + _settings.AckDelay.Ticks;
        }
    }

    private void OnGap(long offset)
    {
        // One gap ACK per flight: a flight's offsets rise, so an offset not above the last one belongs to a newer flight with the same hole.
        if (_gapFor != _expected || offset <= _lastGapOffset)
        {
            _gapFor = _expected;
            _gaps++;
            AckNow(AckGap);
        }
        _lastGapOffset = offset;
    }

    private void OnAck(in FrameHeader header, ReadOnlySpan<byte> payload, long now)
    {
        if (payload.Length < AckLength)
        {
            Misuse(now);
            return;
        }
        ulong stamp = BinaryPrimitives.ReadUInt64BigEndian(payload[8..]);
        if (!Acknowledge((long)header.Offset, BinaryPrimitives.ReadUInt64BigEndian(payload), stamp, now))
        {
            return;
        }
        if ((header.Flags & AckClose) != 0)
        {
            if (_closeTries == 0 || _acked != _end)
            {
                Misuse(now);
                return;
            }
            _closeAcked = true;
            _pending &= ~Pending.Close;
        }
        if ((header.Flags & AckGap) != 0 && !_awaitResume && _next > _acked
            && (_goneBackTo != _acked || now - _goneBackAt > Math.Max(_roundTrip.Smoothed, TimeSpan.TicksPerMillisecond * 10)))
        {
            Lost();
            GoBack(now);
        }
    }

    private void OnResume(in FrameHeader header, ReadOnlySpan<byte> payload, long now)
    {
        if (payload.Length < ResumeLength)
        {
            Misuse(now);
            return;
        }
        byte flags = payload[8];
        ulong stamp = BinaryPrimitives.ReadUInt64BigEndian(payload[9..]);
        if (!Acknowledge((long)header.Offset, BinaryPrimitives.ReadUInt64BigEndian(payload), stamp, now))
        {
            return;
        }
        if ((flags & ResumeNewLink) != 0)
        {
            PathChanged();
        }
        if (_awaitResume || (flags & ResumeNewLink) != 0)
        {
            if (_awaitResume)
            {
                _resumes++;
                _events |= SessionEvents.Resumed;
                if (_askedAt != 0 && (flags & (ResumeAnswerWanted | ResumeNewLink)) == 0)
                {
                    _roundTrip.Add(Math.Max(1, now - _askedAt), now);
                }
            }
            _awaitResume = false;
            _waitingSince = Never;
            _resumeAt = Never;
            _forgiveLoss = true;
            GoBack(now);
        }
        _askedAt = 0;
        if ((flags & ResumeAnswerWanted) != 0)
        {
            _pending |= Pending.Resume;
        }
    }

    /// <summary>Takes an acknowledgement in. False when it is stale or ended the session.</summary>
    private bool Acknowledge(long offset, ulong limit, ulong stamp, long now)
    {
        // Stamps rise with every ACK and RESUME of the author. A lower one was overtaken and says nothing new; a fresh one
        // can only repeat or raise what was said before, so a step back is a lie.
        if (stamp <= _stampIn)
        {
            _stale++;
            return false;
        }
        if (offset > _sentMax || offset < _acked || limit < (ulong)offset || limit > long.MaxValue)
        {
            Misuse(now);
            return false;
        }
        _stampIn = stamp;
        bool wasBlocked = WriteRoom == 0;
        _peerLimit = Math.Max(_peerLimit, (long)limit);
        if (offset > _acked)
        {
            long sample = _roundTrip.OnAck(offset, now);
            _replay.Discard(offset - _acked);
            ReleaseReplay();
            _acked = offset;
            _next = Math.Max(_next, offset);
            _backoff = 0;
            _retransmitAt = _next > _acked ? now + RetransmitTimeout(0) : Never;
            _roundTrip.GoBy(_congestion.OnAck(_acked, _next, sample, _roundTrip.Least));
            ScheduleClose();
            _events |= SessionEvents.Writable;
        }
        else if (wasBlocked)
        {
            _events |= SessionEvents.Writable;
        }
        ArmStallTimer(now);
        return true;
    }

    private void OnClose(long offset, long now)
    {
        if (offset < _expected || offset > _limitTold || (_closeOffset >= 0 && offset != _closeOffset))
        {
            Misuse(now);
            return;
        }
        _closeOffset = offset;
        if (_expected == offset)
        {
            AckNow(AckClose);
            _events |= SessionEvents.Readable;
        }
        else
        {
            AckNow(AckGap);
        }
    }

    private void OnReset(FrameReason reason, long now)
    {
        if (reason == FrameReason.UnknownSession && _closeTries > 0 && _closeOffset >= 0 && _expected == _closeOffset)
        {
            // The peer sent all it had, was told so, and forgot: it forgets only after it has everything from here. Its last acknowledgement was lost.
            _closeAcked = true;
            return;
        }
        End(reason == FrameReason.None ? FrameReason.UnknownSession : reason, byPeer: true, now);
    }

    private void FinishWhenDone(long now)
    {
        if (Phase == SessionPhase.Established && IsFinished)
        {
            End(FrameReason.Normal, byPeer: false, now);
        }
    }

    private void Consumed(long bytes, long now)
    {
        _window.OnConsumed(bytes, _received.Length, now, _roundTrip.RecentLeast);
        long limit = _expected - _received.Length + _window.Size;
        if (Phase == SessionPhase.Established && _closeOffset < 0 && limit - _limitTold >= _window.Size / 4)
        {
            AckNow(0);
        }
    }

    private void PathChanged()
    {
        _roundTrip.PathChanged();
        _quickAcks = QuickAcks;
    }

    private void AckNow(byte flags)
    {
        _ackFlags |= flags;
        _pending |= Pending.Ack;
    }

    private void Lost()
    {
        if (_forgiveLoss)
        {
            _forgiveLoss = false;
            return;
        }
        _congestion.OnLoss();
    }

    /// <summary>Go-back-N: what was not acknowledged goes out again.</summary>
    private void GoBack(long now)
    {
        _next = _acked;
        _goneBackTo = _acked;
        _goneBackAt = now;
        _retransmitAt = Never;
        _roundTrip.DropMarks();
        _congestion.OnGoBack(_next);
        if (_closeSent && !_closeAcked)
        {
            _closeSent = false;
        }
        ScheduleClose();
        ArmStallTimer(now);
    }
}
