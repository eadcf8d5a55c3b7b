using System.Buffers.Binary;
using Qanat.Wire;
using Qanat.Wire.Sessions;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>
/// The session state machine against a peer and hubs that may say anything at any time. The input is a program: each step is an operation of the
/// application, the link or the clock, or a frame with any type, flags, offset and payload.
/// </summary>
internal static class SessionTargets
{
    private static readonly Mid s_local = Mid.Read("local local loca"u8);
    private static readonly Mid s_peer = Mid.Read("peer peer peer p"u8);
    private static readonly SessionSettings s_settings = new() { InitialWindow = 4096, MaxWindow = 65536, Backlog = 8192 };

    internal static FuzzTarget[] All { get; } =
    [
        new("session",
            [
                // Initiator: take OPEN, get ACCEPT, write, send, get ACK, get DATA, read, link down, up, RESUME, CLOSE.
                [0, 5, 0, .. Frame(2, 0, 0, Limit(1 << 16)), 1, 200, 5, 0, .. Frame(5, 0, 200, Limit(1 << 16)), .. Frame(4, 0, 0, new byte[50]), 2, 255, 3, 0, 4, 0, 5, 0,
                    .. Frame(6, 1, 200, Limit(1 << 16)), 5, 0, 6, 10, 7, 0, 5, 0, .. Frame(7, 0, 50, []), 6, 255],
                // Acceptor: DATA, a gap, a duplicate, beyond the limit, an ACK of bytes never sent.
                [1, 5, 0, .. Frame(4, 0, 0, new byte[90]), .. Frame(4, 0, 100, new byte[9]), .. Frame(4, 0, 0, new byte[90]), 5, 0, 2, 90, .. Frame(5, 0, 9, Limit(9)), 5, 0],
            ],
            Run),
    ];

    private static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }
        SessionMemory memory = new(1 << 20);
        SessionState session = (input[0] & 1) == 0
            ? SessionState.Open(s_local, s_peer, 7, s_settings, memory, 1, linkUp: true, now: 0)
            : SessionState.Accept(s_local, s_peer, 7, new SessionParameters(1, 1, 1 << 16), s_settings, memory, 1, linkUp: true, now: 0);
        byte[] buffer = new byte[FrameHeader.MaxFrame];
        long now = 0;
        long written = 0;
        long read = 0;
        int at = 1;
        while (at + 1 < input.Length)
        {
            byte argument = input[at + 1];
            int operation = input[at] % 9;
            at += 2;
            now += TimeSpan.TicksPerMillisecond;
            switch (operation)
            {
                case 1:
                    written += session.Write(buffer.AsSpan(0, argument * 16), now);
                    break;
                case 2:
                    read += session.Read(buffer.AsSpan(0, argument * 16), now);
                    break;
                case 3:
                    session.OnLinkDown(now);
                    break;
                case 4:
                    session.OnLinkUp(now);
                    break;
                case 5:
                    Send(session, now, buffer, written);
                    break;
                case 6:
                    now += argument * 100 * TimeSpan.TicksPerMillisecond;
                    session.OnTimer(now);
                    break;
                case 7:
                    session.CloseWrite();
                    break;
                default:
                    at += Receive(session, input[at..], argument, now, buffer, ref read);
                    break;
            }
            long seen = read + session.UnreadBytes;
            Require(seen == session.Counters.BytesReceived || (session.Phase == SessionPhase.Ended && seen < session.Counters.BytesReceived), "every byte received is read once or waits");
            Require(session.ReplayBytes >= 0 && session.ReplayBytes <= written, "the replay buffer holds written bytes");
            Require(session.Counters.BytesSent <= written, "no byte is sent that was not written");
            Require(session.UnreadBytes <= s_settings.MaxWindow && memory.BlockBytesInUse <= 32 * SessionMemory.BlockSize, "memory is bounded");
            Require(session.Phase != SessionPhase.Ended || session.EndReason != FrameReason.None, "an end has a reason");
        }
    }

    private static void Send(SessionState session, long now, byte[] buffer, long written)
    {
        for (int frames = 0; session.TryGetNextFrame(now, out FrameHeader header, out int length); frames++)
        {
            Require(frames < 1000, "sending comes to an end without an answer");
            Require(length >= 0 && length <= FrameHeader.MaxFrame - FrameHeader.Length, "a frame is bounded");
            Require(header.Type != FrameType.Data || (long)header.Offset + length <= written, "no byte is sent that was not written");
            session.CommitFrame(now, buffer.AsSpan(0, length));
        }
    }

    /// <summary>A frame: type, flags, reason, offset (u64), payload length, payload.</summary>
    private static int Receive(SessionState session, ReadOnlySpan<byte> program, byte type, long now, byte[] buffer, ref long read)
    {
        if (program.Length < 11)
        {
            return program.Length;
        }
        int length = Math.Min(program[10], program.Length - 11);
        FrameHeader header = new((FrameType)(1 + (type % 8)), (FrameReason)program[1], program[0], s_peer, s_local, 7, BinaryPrimitives.ReadUInt64BigEndian(program[2..]));
        if (type % 9 == 8)
        {
            header = header with { Type = FrameType.Unreachable };
        }
        Span<byte> direct = (type & 0x40) != 0 ? buffer.AsSpan(0, 16) : default;
        session.OnFrame(header, program.Slice(11, length), now, direct, out int directBytes);
        Require(directBytes >= 0 && directBytes <= direct.Length, "no more is delivered than there is room");
        read += directBytes;
        return 11 + length;
    }

    private static byte[] Frame(byte type, byte flags, ulong offset, byte[] payload)
    {
        byte[] step = new byte[13 + payload.Length];
        step[0] = 8;
        step[1] = (byte)(type - 1);
        step[2] = flags;
        BinaryPrimitives.WriteUInt64BigEndian(step.AsSpan(4), offset);
        step[12] = (byte)payload.Length;
        payload.CopyTo(step, 13);
        return step;
    }

    private static byte[] Limit(ulong limit)
    {
        byte[] payload = new byte[17];
        BinaryPrimitives.WriteUInt64BigEndian(payload, limit);
        return payload;
    }
}
