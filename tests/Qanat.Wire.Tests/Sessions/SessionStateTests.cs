using System.Buffers.Binary;
using CsCheck;
using Qanat.Wire.Sessions;

namespace Qanat.Wire.Tests.Sessions;

public sealed class SessionStateTests
{
    private static readonly Mid s_local = Mid.FromSubjectPublicKeyInfo([1]);
    private static readonly Mid s_peer = Mid.FromSubjectPublicKeyInfo([2]);
    private static readonly SessionSettings s_settings = new();
    private readonly SessionMemory _memory = new(8 << 20);
    private long _now = TimeSpan.TicksPerSecond;

    [Fact]
    public void An_acknowledgement_of_bytes_never_sent_is_a_protocol_error_that_the_peer_is_told()
    {
        SessionState session = Accepted();
        Send(session, 1000);
        Deliver(session, FrameType.Ack, 1001, Ack(1 << 20, 1));
        AssertMisuse(session);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(3000)]
    [InlineData(long.MaxValue)]
    public void A_resume_before_what_was_released_or_beyond_what_was_sent_is_a_protocol_error(long offset)
    {
        SessionState session = Accepted();
        Send(session, 2000);
        Deliver(session, FrameType.Ack, 1000, Ack(1 << 20, 1));
        Deliver(session, FrameType.Resume, offset, Resume(1 << 20, 2));
        AssertMisuse(session);
    }

    [Fact]
    public void A_stale_resume_is_ignored_whatever_it_claims()
    {
        SessionState session = Accepted();
        Send(session, 2000);
        Deliver(session, FrameType.Ack, 1000, Ack(1 << 20, 5));
        Deliver(session, FrameType.Resume, 500, Resume(1 << 20, 4));
        Deliver(session, FrameType.Ack, 2000, Ack(1 << 20, 5));
        Assert.Equal(SessionPhase.Established, session.Phase);
        Assert.Equal(2, session.Counters.StaleFrames);
        Assert.Equal(1000, session.ReplayBytes);
    }

    [Fact]
    public void A_resume_after_a_new_link_moves_on_at_exactly_its_offset()
    {
        SessionState session = Accepted();
        Send(session, 3000);
        session.OnLinkUp(_now);
        Assert.Equal(FrameType.Resume, Next(session, out _)!.Value.Type);
        session.Write(new byte[10], _now);
        Assert.Null(Next(session, out _));
        Deliver(session, FrameType.Resume, 1234, Resume(1 << 20, 1));
        FrameHeader data = Next(session, out byte[] payload)!.Value;
        Assert.Equal(1234ul, data.Offset);
        Assert.Equal(3010 - 1234, payload.Length);
        Assert.Equal(3000 - 1234, session.Counters.BytesRetransmitted);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1 << 20, 1)]
    [InlineData(long.MaxValue - 5, 10)]
    public void Data_that_is_empty_or_beyond_the_limit_is_a_protocol_error(long offset, int length)
    {
        SessionState session = Accepted();
        Deliver(session, FrameType.Data, offset, new byte[length]);
        AssertMisuse(session);
    }

    [Fact]
    public void Data_beyond_the_announced_end_and_a_second_end_are_protocol_errors()
    {
        SessionState session = Accepted();
        Deliver(session, FrameType.Close, 10, []);
        Deliver(session, FrameType.Data, 5, new byte[6]);
        AssertMisuse(session);
        SessionState other = Accepted();
        Deliver(other, FrameType.Close, 10, []);
        Deliver(other, FrameType.Close, 11, []);
        AssertMisuse(other);
    }

    [Fact]
    public void Overlaps_are_trimmed_duplicates_dropped_and_a_gap_asked_for_once_per_flight()
    {
        SessionState session = Accepted();
        Deliver(session, FrameType.Data, 0, [0, 1, 2, 3]);
        Deliver(session, FrameType.Data, 2, [2, 3, 4, 5]);
        Deliver(session, FrameType.Data, 0, [0, 1]);
        Assert.Equal(4, session.Counters.DuplicateBytes);
        DrainFrames(session);
        Deliver(session, FrameType.Data, 100, [9]);
        FrameHeader gap = Next(session, out _)!.Value;
        Assert.Equal((FrameType.Ack, (byte)1, 6ul), (gap.Type, gap.Flags, gap.Offset));
        Deliver(session, FrameType.Data, 101, [9]);
        Assert.Null(Next(session, out _));
        // The next flight starts at the hole's far side again: its first bytes were lost once more.
        Deliver(session, FrameType.Data, 100, [9]);
        Assert.Equal(1, Next(session, out _)!.Value.Flags);
        byte[] read = new byte[10];
        Assert.Equal(6, session.Read(read, _now));
        Assert.Equal([0, 1, 2, 3, 4, 5], read[..6]);
    }

    [Fact]
    public void Layer_two_runs_ahead_of_the_wire_by_the_backlog_only()
    {
        SessionState session = Accepted();
        byte[] much = new byte[2 << 20];
        Assert.Equal(s_settings.Backlog, session.Write(much, _now));
        Assert.Equal(0, session.Write(much, _now));
        Next(session, out byte[] payload);
        DrainFrames(session);
        Assert.Equal(s_settings.Backlog, session.Write(much, _now));
    }

    [Fact]
    public void A_full_budget_slows_and_never_stops_and_everything_is_given_back()
    {
        SessionMemory tight = new(0);
        SessionState session = SessionState.Accept(
            s_local, s_peer, 7, new SessionParameters(1, 1, 1 << 30), s_settings with { InitialWindow = 256 << 10 }, tight, 1, true, _now);
        Next(session, out _);
        long written = 0;
        ulong stamp = 1;
        byte[] bytes = new byte[100_000];
        for (int i = 0; i < 500; i++)
        {
            written += session.Write(bytes, _now);
            DrainFrames(session);
            Assert.InRange(session.ReplayBytes, 0, (256 << 10) + s_settings.Backlog);
            Deliver(session, FrameType.Ack, session.Counters.BytesSent, Ack(1 << 30, stamp++));
        }
        Assert.True(written >= 40_000_000);
        session.Abort(FrameReason.Normal, _now);
        session.Abandon(_now);
        Assert.Equal(0, tight.ReservedBytes);
        Assert.Equal(0, tight.BlockBytesInUse);
    }

    [Fact]
    public void An_open_without_answer_ends_in_time_and_is_repeated_until_then()
    {
        SessionState session = Opened();
        int opens = 0;
        while (session.Phase == SessionPhase.Opening)
        {
            while (Next(session, out _) is { } frame)
            {
                Assert.Equal(FrameType.Open, frame.Type);
                opens++;
            }
            _now = session.NextDeadline;
            session.OnTimer(_now);
        }
        Assert.True(session.OpenTimedOut);
        Assert.InRange(opens, 4, 20);
        Assert.InRange(new TimeSpan(_now).TotalSeconds, 15.9, 16.1);
    }

    [Theory]
    [InlineData(FrameReason.UnknownMember, 0)]
    [InlineData(FrameReason.QuotaExceeded, 0)]
    [InlineData(FrameReason.PeerOffline, 1)]
    [InlineData(FrameReason.HubUnreachable, 15)]
    public void An_unreachable_peer_ends_an_open_after_the_patience_of_its_reason(FrameReason reason, int seconds)
    {
        SessionState session = Opened();
        long start = _now;
        while (session.Phase == SessionPhase.Opening)
        {
            if (Next(session, out _) is not null)
            {
                session.OnFrame(Header(FrameType.Unreachable, 0) with { Reason = reason }, [], _now, default, out _);
            }
            else
            {
                _now = session.NextDeadline;
                session.OnTimer(_now);
            }
        }
        Assert.Equal(reason, session.EndReason);
        Assert.False(session.OpenTimedOut);
        Assert.InRange(new TimeSpan(_now - start).TotalSeconds, seconds - 0.01, seconds + 0.01);
    }

    [Fact]
    public void A_reset_for_an_unknown_session_tells_of_a_restarted_peer()
    {
        SessionState session = Accepted();
        session.OnFrame(Header(FrameType.Reset, 0) with { Reason = FrameReason.UnknownSession }, [], _now, default, out _);
        Assert.Equal(FrameReason.UnknownSession, session.EndReason);
        Assert.True(session.EndedByPeer);
        Assert.Null(Next(session, out _));
        Assert.True(session.IsRemovable(_now));
    }

    [Fact]
    public void Any_frames_never_throw_and_hold_no_more_than_the_window() =>
        Gen.Select(
            Gen.OneOf(
                FrameType.Open, FrameType.Accept, FrameType.Reject, FrameType.Data, FrameType.Ack, FrameType.Resume, FrameType.Close, FrameType.Reset, FrameType.Unreachable),
            Gen.Byte, Gen.Byte[0, 3], Gen.OneOf(Gen.ULong, Gen.ULong[0, 5000]), Gen.Byte.Array[0, 40], Gen.Int[0, 3000])
        .Array[0, 60].Select(Gen.Bool).Sample((frames, initiator) =>
        {
            SessionMemory memory = new(4 << 20);
            SessionState session = initiator
                ? SessionState.Open(s_local, s_peer, 7, s_settings, memory, 1, true, 1)
                : SessionState.Accept(s_local, s_peer, 7, new SessionParameters(1, 1, 5000), s_settings, memory, 1, true, 1);
            long now = 1;
            byte[] buffer = new byte[FrameHeader.MaxPayload];
            foreach ((FrameType type, byte reason, byte flags, ulong offset, byte[] payload, int pause) in frames)
            {
                now += pause * 100_000L;
                session.Write(payload, now);
                session.OnFrame(new FrameHeader(type, (FrameReason)reason, flags, s_peer, s_local, 7, offset), payload, now, buffer.AsSpan(0, pause % 5), out _);
                session.OnTimer(now);
                for (int i = 0; i < 3 && session.TryGetNextFrame(now, out _, out int length); i++)
                {
                    session.CommitFrame(now, buffer.AsSpan(0, length));
                }
                Assert.InRange(session.UnreadBytes, 0, s_settings.InitialWindow);
                _ = session.NextDeadline;
            }
        }, iter: 3000);

    private SessionState Accepted()
    {
        SessionState session = SessionState.Accept(s_local, s_peer, 7, new SessionParameters(1, 1, 1 << 20), s_settings, _memory, 1, true, _now);
        Assert.Equal(FrameType.Accept, Next(session, out _)!.Value.Type);
        return session;
    }

    private SessionState Opened() => SessionState.Open(s_local, s_peer, 7, s_settings, _memory, 1, true, _now);

    private void Send(SessionState session, int bytes)
    {
        Assert.Equal(bytes, session.Write(new byte[bytes], _now));
        DrainFrames(session);
    }

    private FrameHeader? Next(SessionState session, out byte[] payload)
    {
        payload = [];
        if (!session.TryGetNextFrame(_now, out FrameHeader header, out int length))
        {
            return null;
        }
        payload = new byte[length];
        session.CommitFrame(_now, payload);
        return header;
    }

    private void DrainFrames(SessionState session)
    {
        while (Next(session, out _) is not null)
        {
        }
    }

    private void Deliver(SessionState session, FrameType type, long offset, byte[] payload) =>
        session.OnFrame(Header(type, (ulong)offset), payload, _now, default, out _);

    private void AssertMisuse(SessionState session)
    {
        Assert.Equal(SessionPhase.Ended, session.Phase);
        Assert.Equal(FrameReason.ProtocolError, session.EndReason);
        FrameHeader reset = Next(session, out _)!.Value;
        Assert.Equal((FrameType.Reset, FrameReason.ProtocolError), (reset.Type, reset.Reason));
        Assert.Null(Next(session, out _));
    }

    private static FrameHeader Header(FrameType type, ulong offset) => new(type, FrameReason.None, 0, s_peer, s_local, 7, offset);

    private static byte[] Ack(ulong limit, ulong stamp)
    {
        byte[] payload = new byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(payload, limit);
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(8), stamp);
        return payload;
    }

    private static byte[] Resume(ulong limit, ulong stamp)
    {
        byte[] payload = new byte[17];
        BinaryPrimitives.WriteUInt64BigEndian(payload, limit);
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(9), stamp);
        return payload;
    }
}
