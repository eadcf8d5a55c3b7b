using Qanat.Wire;
using Qanat.Wire.Mux;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>Header 2: the decode loop, and the multiplexer that takes whatever decodes.</summary>
internal static class MuxTargets
{
    private static readonly MuxLimits s_limits = new()
    {
        TunnelMemoryMaxBytes = 64 * 1024,
        MaxInboundConnections = 4,
        MaxOutboundConnections = 4,
        MaxPendingRefusals = 8,
        RapidResetBurst = 4,
        RapidResetsPerSecond = 1,
    };

    internal static FuzzTarget[] All { get; } =
    [
        new("mux-frames", [Conversation()], Frames),
        new("mux-core", [[0, .. Conversation()], [1, .. Conversation()], [6, .. Conversation()]], Core),
    ];

    private static void Frames(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<byte> rest = input;
        while (true)
        {
            int before = rest.Length;
            ReadOnlySpan<byte> same = rest;
            ParseStatus status = MuxFrameParser.TryTake(ref rest, out MuxFrameHeader header, out ReadOnlySpan<byte> payload);
            if (status != ParseStatus.Complete)
            {
                Require(rest.Length == before, "nothing is taken of what is not complete");
                Require(status == ParseStatus.Malformed || before < MuxFrameHeader.Length + MuxFrameHeader.MaxPayload, "a whole frame is not asked to grow");
                return;
            }
            int taken = before - rest.Length;
            Require(payload.Length == header.PayloadLength && taken == MuxFrameHeader.Length + payload.Length, "a frame is a header and its payload");
            ReadOnlySpan<byte> cut = same[..(taken - 1)];
            Require(MuxFrameParser.TryTake(ref cut, out _, out _) == ParseStatus.NeedMoreData, "one byte less is not enough");
        }
    }

    /// <summary>The first byte chooses the side, whether opens are accepted, and whether the application reads; the rest is what a peer sends.</summary>
    private static void Core(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }
        MuxCore core = new(isClient: (input[0] & 1) != 0, s_limits);
        bool refuses = (input[0] & 2) != 0;
        bool reads = (input[0] & 4) == 0;
        byte[] output = new byte[64 * 1024];
        MuxChannel? own = core.Open("echo"u8.ToArray(), null);
        core.Ready(own!);
        ReadOnlySpan<byte> rest = input[1..];
        for (long now = 0; MuxFrameParser.TryTake(ref rest, out MuxFrameHeader header, out ReadOnlySpan<byte> payload) == ParseStatus.Complete; now += TimeSpan.TicksPerMillisecond)
        {
            MuxSignal signal = core.Receive(header, payload, now, out MuxChannel? channel);
            switch (signal)
            {
                case MuxSignal.Fault:
                    Require(core.Fault != MuxFault.None, "a fault has its kind");
                    return;
                case MuxSignal.Open when refuses:
                    if (!core.Refuse(header.ConnectionId, MuxResetReason.Denied))
                    {
                        Require(core.Fault == MuxFault.TooManyRefusals, "a fault has its kind");
                        return;
                    }
                    break;
                case MuxSignal.Open:
                    channel = core.Accept(header.ConnectionId, null);
                    MuxOpen.TryRead(payload, out _, out ReadOnlySpan<byte> first);
                    Require(core.ReceiveFirst(channel, first.Length, now), "an OPEN fits the first credit");
                    core.Ready(channel);
                    break;
                case MuxSignal.Data:
                    Require(channel is { IsClosed: false, FinReceived: false }, "data only for an open direction");
                    break;
                case MuxSignal.GoAway:
                    while (core.TakeUnserved() is { } unserved)
                    {
                        Require(unserved.IsClosed, "what the peer does not serve is closed");
                    }
                    break;
            }
            if (reads && channel is { IsClosed: false, Unread: > 0 })
            {
                core.Consumed(channel, channel.Unread, now);
            }
            Check(core);
            if ((now / TimeSpan.TicksPerMillisecond) % 4 == 0)
            {
                Write(core, output);
            }
        }
        Write(core, output);
        while (core.AnyChannel is { } left)
        {
            core.Abandon(left);
        }
        Require(core is { UnreadBytes: 0, InboundCount: 0, OutboundCount: 0 }, "nothing is left of a tunnel that ended");
    }

    private static void Check(MuxCore core)
    {
        int channels = 0;
        long unread = 0;
        for (MuxChannel? channel = core.AnyChannel; channel is not null; channel = MuxCore.After(channel))
        {
            channels++;
            unread += channel.Unread;
            Require(channel.Unread >= 0 && channel.SendCredit is >= 0 and <= int.MaxValue, "credit is bounded");
        }
        Require(channels == core.InboundCount + core.OutboundCount, "counts are right");
        Require(core.InboundCount <= s_limits.MaxInboundConnections, "connections are bounded");
        Require(unread == core.UnreadBytes, "unread bytes are counted");
        Require(unread <= (2 * s_limits.TunnelMemoryMaxBytes) + (s_limits.MaxInboundConnections * (long)MuxLimits.InitialWindow), "memory is bounded");
    }

    /// <summary>Whatever is written is made of right frames.</summary>
    private static void Write(MuxCore core, byte[] output)
    {
        int length = core.WriteControl(output);
        Require(!core.HasControl, "control frames fit");
        while (core.NextTurn(out int budget) is { } channel)
        {
            int bytes = Math.Min(budget, 3);
            length += core.EndTurn(channel, output.AsSpan(length), bytes, more: false, ended: (channel.Id & 2) == 0);
            length += core.WriteControl(output.AsSpan(length));
        }
        ReadOnlySpan<byte> rest = output.AsSpan(0, length);
        while (!rest.IsEmpty)
        {
            Require(MuxFrameParser.TryTake(ref rest, out _, out _) == ParseStatus.Complete, "only right frames are written");
        }
    }

    private static byte[] Conversation() =>
    [
        .. Frame(MuxFrameType.Open, 1, "\u0004echohello"u8), .. Frame(MuxFrameType.Data, 1, "more"u8), .. Frame(MuxFrameType.Open, 2, "\u0003web"u8),
        .. Frame(MuxFrameType.Window, 1, [0, 1, 0, 0]), .. Frame(MuxFrameType.Data, 2, new byte[300]), .. Frame(MuxFrameType.Fin, 1, []),
        .. Frame(MuxFrameType.Open, 3, "\u0004echo"u8), .. Frame(MuxFrameType.Open, 4, "\u0004echo"u8), .. Frame(MuxFrameType.Reset, 3, [1]),
        .. Frame(MuxFrameType.Reset, 4, [1]), .. Frame(MuxFrameType.Fin, 2, []), .. Frame(MuxFrameType.GoAway, 0, [0, 0, 0, 0]),
    ];

    private static byte[] Frame(MuxFrameType type, uint id, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[MuxFrameHeader.Length + payload.Length];
        new MuxFrameHeader(type, id, payload.Length).Write(frame);
        payload.CopyTo(frame.AsSpan(MuxFrameHeader.Length));
        return frame;
    }
}
