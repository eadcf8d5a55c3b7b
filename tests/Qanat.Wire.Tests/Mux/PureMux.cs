using Qanat.Wire.Mux;

namespace Qanat.Wire.Tests.Mux;

/// <summary>The smallest driver of <see cref="MuxCore"/>: bytes in, bytes out, one thread, no clock of its own.</summary>
internal sealed class PureMux(bool isClient, MuxLimits? limits = null, uint alreadyOpened = 0)
{
    private byte[] _unparsed = [];

    public MuxCore Core { get; } = new(isClient, limits ?? new MuxLimits(), alreadyOpened);

    public List<End> Ends { get; } = [];

    public long Now { get; set; } = TimeSpan.TicksPerSecond;

    public Func<string, MuxResetReason> Authorize { get; set; } = _ => MuxResetReason.None;

    /// <summary>One end of a connection.</summary>
    public sealed class End
    {
        public MuxChannel Channel { get; set; } = null!;
        public string Service { get; set; } = "";
        public List<byte> ToSend { get; } = [];
        public int Sent { get; set; }
        public bool Finish { get; set; }
        public List<byte> Received { get; } = [];
        public int Consumed { get; set; }
        public bool FinReceived { get; set; }
        public MuxResetReason? Reset { get; set; }
    }

    public End? Open(string service)
    {
        Assert.True(MuxOpen.TryEncodeName(service, out byte[]? name));
        End end = new() { Service = service };
        if (Core.Open(name, end) is not { } channel)
        {
            return null;
        }
        end.Channel = channel;
        Ends.Add(end);
        Core.Ready(channel);
        return end;
    }

    public void Write(End end, ReadOnlySpan<byte> bytes, bool finish = false)
    {
        end.ToSend.AddRange(bytes);
        end.Finish |= finish;
        Core.Ready(end.Channel);
    }

    public void Consume(End end, int bytes)
    {
        bytes = Math.Min(bytes, end.Received.Count - end.Consumed);
        if (bytes > 0)
        {
            end.Consumed += bytes;
            Core.Consumed(end.Channel, bytes, Now);
        }
    }

    /// <summary>Control frames, then at most <paramref name="turns"/> turns.</summary>
    public byte[] Fill(int turns)
    {
        byte[] buffer = new byte[((turns + 1) * 16400) + 65536];
        int length = 0;
        while (true)
        {
            length += Core.WriteControl(buffer.AsSpan(length));
            if (turns-- == 0 || Core.NextTurn(out int budget) is not { } channel)
            {
                return buffer[..length];
            }
            End end = (End)channel.Owner!;
            int bytes = Math.Min(budget, end.ToSend.Count - end.Sent);
            end.ToSend.GetRange(end.Sent, bytes).CopyTo(0, buffer, length + channel.HeadLength, bytes);
            end.Sent += bytes;
            bool more = end.Sent < end.ToSend.Count;
            length += Core.EndTurn(channel, buffer.AsSpan(length), bytes, more, end.Finish && !more);
        }
    }

    public MuxSignal Feed(ReadOnlySpan<byte> bytes)
    {
        byte[] joined = [.. _unparsed, .. bytes];
        ReadOnlySpan<byte> rest = joined;
        while (true)
        {
            ParseStatus status = MuxFrameParser.TryTake(ref rest, out MuxFrameHeader header, out ReadOnlySpan<byte> payload);
            if (status == ParseStatus.Malformed)
            {
                return Core.Fail(MuxFault.BadFrame);
            }
            if (status == ParseStatus.NeedMoreData)
            {
                _unparsed = rest.ToArray();
                return MuxSignal.None;
            }
            MuxSignal signal = Core.Receive(header, payload, Now, out MuxChannel? channel);
            End? end = channel?.Owner as End;
            switch (signal)
            {
                case MuxSignal.Fault:
                    return signal;
                case MuxSignal.Open:
                    MuxOpen.TryRead(payload, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> first);
                    string service = MuxOpen.DecodeName(name);
                    MuxResetReason refusal = Authorize(service);
                    if (refusal != MuxResetReason.None)
                    {
                        if (!Core.Refuse(header.ConnectionId, refusal))
                        {
                            return MuxSignal.Fault;
                        }
                        break;
                    }
                    end = new End { Service = service };
                    end.Channel = Core.Accept(header.ConnectionId, end);
                    Assert.True(Core.ReceiveFirst(end.Channel, first.Length, Now));
                    end.Received.AddRange(first);
                    Ends.Add(end);
                    break;
                case MuxSignal.Data:
                    Assert.Null(end!.Reset);
                    Assert.False(end.FinReceived);
                    end.Received.AddRange(payload);
                    Assert.True(end.Received.Count - end.Consumed <= 16 * 1024 * 1024);
                    break;
                case MuxSignal.Fin:
                    end!.FinReceived = true;
                    break;
                case MuxSignal.Reset:
                    end!.Reset = channel!.ResetReason;
                    break;
                case MuxSignal.GoAway:
                    while (Core.TakeUnserved() is { } unserved)
                    {
                        ((End)unserved.Owner!).Reset = unserved.ResetReason;
                    }
                    break;
            }
        }
    }

    /// <summary>Writes one frame as a hostile peer would.</summary>
    public static byte[] Frame(MuxFrameType type, uint id, params byte[] payload)
    {
        byte[] frame = new byte[MuxFrameHeader.Length + payload.Length];
        new MuxFrameHeader(type, id, payload.Length).Write(frame);
        payload.CopyTo(frame, MuxFrameHeader.Length);
        return frame;
    }

    public static byte[] Opening(uint id, string service = "s") =>
        Frame(MuxFrameType.Open, id, [(byte)service.Length, .. System.Text.Encoding.UTF8.GetBytes(service)]);
}
