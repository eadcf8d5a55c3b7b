using System.Buffers.Binary;

namespace Qanat.Wire.Sessions;

public sealed partial class SessionState
{
    /// <summary>Payload of ACK: receive limit (u64), stamp (u64).</summary>
    internal const int AckLength = 16;

    /// <summary>Payload of RESUME: receive limit (u64), flags (u8), stamp (u64).</summary>
    internal const int ResumeLength = 17;

    internal const byte DataAckAtOnce = 0x01;
    internal const byte AckGap = 0x01;
    internal const byte AckClose = 0x02;
    internal const byte ResumeAnswerWanted = 0x01;
    internal const byte ResumeNewLink = 0x02;

    private const int SmallFrame = 16384;
    private long _acked;
    private long _next;
    private long _sentMax;
    private long _end;
    private long _peerLimit;
    private long _retransmitted;
    private long _replayReserved;
    private ulong _stampOut;
    private byte _ackFlags;
    private byte _resumeFlags;
    private bool _closing;
    private bool _closeSent;
    private bool _closeAcked;
    private Pending _peeked;
    private int _peekedLength;

    /// <summary>Bytes that <see cref="Write"/> takes now.</summary>
    public int WriteRoom
    {
        get
        {
            if (_closing || Phase == SessionPhase.Ended)
            {
                return 0;
            }
            return (int)Math.Max(0, _settings.Backlog - (_end - _next));
        }
    }

    /// <summary>True after <see cref="CloseWrite"/>.</summary>
    public bool IsWriteClosed => _closing;

    /// <summary>True when a frame is ready for the wire.</summary>
    public bool HasFrame => _linkUp && (_pending != Pending.None || DataReady() > 0);

    /// <summary>True when the ready frame is not DATA; such frames go first.</summary>
    public bool HasControlFrame => _linkUp && (_pending & ~Pending.Close) != Pending.None;

    private bool IsFinished => _closeAcked && _closeOffset >= 0 && _expected == _closeOffset;

    /// <summary>Takes bytes to send; returns how many (0 when the backlog or the memory budget is full). The rest fits after <see cref="SessionEvents.Writable"/>.</summary>
    public int Write(ReadOnlySpan<byte> bytes, long now)
    {
        int n = Math.Min(WriteRoom, bytes.Length);
        int taken = 0;
        while (taken < n)
        {
            if (_replay.FreeInTail == 0 && !ReserveReplayBlock())
            {
                break;
            }
            int part = (int)Math.Min(n - taken, _replay.FreeInTail == 0 ? SessionMemory.BlockSize : _replay.FreeInTail);
            _replay.Append(bytes.Slice(taken, part));
            taken += part;
            _end += part;
        }
        ArmStallTimer(now);
        return taken;
    }

    /// <summary>The application will write no more; the end of the stream is told once everything before it is sent.</summary>
    public void CloseWrite()
    {
        if (!_closing && Phase != SessionPhase.Ended)
        {
            _closing = true;
            ScheduleClose();
        }
    }

    /// <summary>
    /// The next frame to send, if there is one and a link is up. Nothing changes until <see cref="CommitFrame"/>, which must follow
    /// under the same lock when the frame found room on the link.
    /// </summary>
    public bool TryGetNextFrame(long now, out FrameHeader header, out int payloadLength)
    {
        header = default;
        payloadLength = 0;
        _peeked = Pending.None;
        if (!_linkUp)
        {
            return false;
        }
        int pending = (int)_pending;
        if (pending != 0)
        {
            _peeked = (Pending)(pending & -pending);
        }
        else
        {
            _peekedLength = DataReady();
            if (_peekedLength == 0)
            {
                return false;
            }
            _peeked = Pending.Data;
        }
        (header, payloadLength) = _peeked switch
        {
            Pending.Reset => (Header(FrameType.Reset, 0, 0, EndReason), 0),
            Pending.Open => (Header(FrameType.Open, 0, 0), SessionParameters.Length),
            Pending.Accept => (Header(FrameType.Accept, 0, 0), SessionParameters.Length),
            Pending.Resume => (Header(FrameType.Resume, 0, _expected), ResumeLength),
            Pending.Ack => (Header(FrameType.Ack, _ackFlags, _expected), AckLength),
            Pending.Close => (Header(FrameType.Close, 0, _end), 0),
            _ => (Header(FrameType.Data, DataFlags(), _next), _peekedLength),
        };
        return true;
    }

    /// <summary>The frame of the last <see cref="TryGetNextFrame"/> goes out now: writes its payload and moves on.</summary>
    public void CommitFrame(long now, Span<byte> payload)
    {
        if (_peeked == Pending.Data)
        {
            CommitData(now, payload);
            return;
        }
        _pending &= ~_peeked;
        switch (_peeked)
        {
            case Pending.Reset:
                _removeAt = now;
                break;
            case Pending.Open:
            case Pending.Accept:
                _limitTold = Math.Max(_limitTold, _window.Size);
                new SessionParameters(SessionParameters.CurrentVersion, SessionParameters.CurrentVersion, (ulong)_window.Size).Write(payload);
                _openSentAt = _openSentAt == 0 ? now : _openSentAt;
                _openRetryAt = now + Math.Max(_settings.MinRetransmit.Ticks, Jitter(_settings.MinRetransmit.Ticks << Math.Min(4, _openTries++)));
                break;
            case Pending.Resume:
                WriteLimit(payload);
                payload[8] = _resumeFlags;
                BinaryPrimitives.WriteUInt64BigEndian(payload[9..], ++_stampOut);
                _askedAt = (_resumeFlags & ResumeAnswerWanted) != 0 ? now : _askedAt;
                _resumeFlags = 0;
                _resumeAt = _awaitResume ? now + ResumeInterval(now) : Never;
                break;
            case Pending.Ack:
                WriteLimit(payload);
                BinaryPrimitives.WriteUInt64BigEndian(payload[8..], ++_stampOut);
                _ackFlags = 0;
                break;
            case Pending.Close:
                _closeSent = true;
                _closeRetryAt = now + RetransmitTimeout(_closeTries++);
                break;
        }
        _peeked = Pending.None;
    }

    private void CommitData(long now, Span<byte> payload)
    {
        _replay.CopyTo(_next - _acked, payload);
        _next += payload.Length;
        if (_next > _sentMax)
        {
            _retransmitted += payload.Length - (_next - _sentMax);
            _sentMax = _next;
            _roundTrip.MarkSent(_next, now, _congestion.Size / 32);
        }
        else
        {
            _retransmitted += payload.Length;
        }
        if (_retransmitAt == Never)
        {
            _retransmitAt = now + RetransmitTimeout(_backoff);
        }
        ScheduleClose();
        _peeked = Pending.None;
    }

    /// <summary>Length of the DATA frame that may go now; 0 when none may.</summary>
    private int DataReady()
    {
        if (Phase != SessionPhase.Established || _awaitResume || _next == _end)
        {
            return 0;
        }
        long wanted = Math.Min(_end - _next, FrameHeader.MaxPayload);
        long byWindow = _acked + _congestion.Size - _next;
        if (byWindow < wanted)
        {
            _congestion.MarkLimited();
        }
        long allowed = Math.Min(wanted, Math.Min(byWindow, _peerLimit - _next));
        if (allowed <= 0 || (allowed < wanted && allowed < SmallFrame && _next > _acked))
        {
            return 0;
        }
        return (int)allowed;
    }

    /// <summary>The last frame that the windows allow asks for its acknowledgement at once: nothing else can go before it comes.</summary>
    private byte DataFlags()
    {
        long after = _next + _peekedLength;
        return after < _end && Math.Min(_acked + _congestion.Size, _peerLimit) - after < SmallFrame ? DataAckAtOnce : (byte)0;
    }

    private void ScheduleClose()
    {
        if (_closing && !_closeAcked && !_closeSent && _next == _end && Phase == SessionPhase.Established && !_awaitResume)
        {
            _pending |= Pending.Close;
        }
    }

    private void WriteLimit(Span<byte> payload)
    {
        _limitTold = Math.Max(_limitTold, _expected - _received.Length + _window.Size);
        _ackTold = _expected;
        _ackAt = Never;
        BinaryPrimitives.WriteUInt64BigEndian(payload, (ulong)_limitTold);
    }

    private FrameHeader Header(FrameType type, byte flags, long offset, FrameReason reason = FrameReason.None) =>
        new(type, reason, flags, LocalMid, PeerMid, Id, (ulong)offset);

    private bool ReserveReplayBlock()
    {
        long floor = _settings.InitialWindow + _settings.Backlog;
        if ((_replay.Blocks + 1L) * SessionMemory.BlockSize <= floor)
        {
            return true;
        }
        if (!_memory.TryReserve(SessionMemory.BlockSize))
        {
            return false;
        }
        _replayReserved += SessionMemory.BlockSize;
        return true;
    }

    private void ReleaseReplay()
    {
        long needed = Math.Max(0, ((long)_replay.Blocks * SessionMemory.BlockSize) - _settings.InitialWindow - _settings.Backlog);
        if (_replayReserved > needed)
        {
            _memory.Release(_replayReserved - needed);
            _replayReserved = needed;
        }
    }
}
