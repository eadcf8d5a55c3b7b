using System.Buffers.Binary;

namespace Qanat.Wire.Mux;

public sealed partial class MuxCore
{
    private const int NumberFrame = MuxFrameHeader.Length + 4;
    private const int ResetFrame = MuxFrameHeader.Length + 1;

    private readonly Queue<(uint Id, MuxResetReason Reason)> _refusals = new();
    private MuxChannel? _controlHead, _controlTail;
    private bool _goAwayPending, _exhausted;

    /// <summary>Room that <see cref="EndTurn"/> needs behind the payload: a FIN and a RST.</summary>
    public const int TailLength = MuxFrameHeader.Length + ResetFrame;

    /// <summary>There is something to write.</summary>
    public bool HasWork => HasControl || _turns.HasWork;

    /// <summary>There are control frames to write; they go before everything else.</summary>
    public bool HasControl => _controlHead is not null || _refusals.Count > 0 || _goAwayPending;

    /// <summary>The connection has something to send: bytes, its end, or its OPEN. Idempotent.</summary>
    public void Ready(MuxChannel channel)
    {
        if (!channel.IsClosed && !channel.FinSent)
        {
            channel.HasOutput = true;
            _turns.Add(channel);
        }
    }

    /// <summary>Writes waiting control frames (WINDOW, RST, GOAWAY), as many as fit.</summary>
    /// <returns>Bytes written.</returns>
    public int WriteControl(Span<byte> destination)
    {
        int length = 0;
        while (_controlHead is { } channel && destination.Length - length >= NumberFrame)
        {
            _controlHead = channel.NextControl;
            channel.NextControl = null;
            channel.InControl = false;
            if (_controlHead is null)
            {
                _controlTail = null;
            }
            if (channel.ResetPending)
            {
                channel.ResetPending = false;
                length += WriteReset(destination[length..], channel.Id, channel.ResetReason);
            }
            else if (channel.GrantPending != 0)
            {
                length += WriteNumber(destination[length..], MuxFrameType.Window, channel.Id, channel.GrantPending);
                channel.GrantPending = 0;
            }
        }
        while (_refusals.Count > 0 && destination.Length - length >= ResetFrame)
        {
            (uint id, MuxResetReason reason) = _refusals.Dequeue();
            length += WriteReset(destination[length..], id, reason);
        }
        if (_goAwayPending && destination.Length - length >= NumberFrame)
        {
            _goAwayPending = false;
            length += WriteNumber(destination[length..], MuxFrameType.GoAway, 0, _goAwayLimit!.Value);
        }
        return length;
    }

    /// <summary>
    /// Takes the connection whose turn it is; null when none has anything to send. The driver copies payload behind
    /// <see cref="MuxChannel.HeadLength"/> free bytes, without the lock, then calls <see cref="EndTurn"/>.
    /// </summary>
    /// <param name="budget">Most payload bytes of this turn; 0 when the connection has no credit (it may still end).</param>
    public MuxChannel? NextTurn(out int budget)
    {
        MuxChannel? channel = _turns.Next();
        budget = channel is null ? 0 : (int)Math.Min(channel.SendCredit, MuxFrameHeader.Length + MuxFrameHeader.MaxPayload - channel.HeadLength);
        return channel;
    }

    /// <summary>Ends a turn: writes the frame's header around the copied payload, and FIN behind it when the output has ended.</summary>
    /// <param name="channel">From <see cref="NextTurn"/>.</param>
    /// <param name="frame">Where the frame starts; must hold the head, the payload and <see cref="TailLength"/> more.</param>
    /// <param name="bytes">Payload bytes copied.</param>
    /// <param name="more">More payload waits.</param>
    /// <param name="ended">The application has ended its output and all of it has been copied.</param>
    /// <returns>Bytes written in all; 0 when the connection was reset meanwhile.</returns>
    public int EndTurn(MuxChannel channel, Span<byte> frame, int bytes, bool more, bool ended)
    {
        if (channel.IsClosed)
        {
            _turns.EndTurn(channel, 0, more: false);
            return 0;
        }
        int length = 0;
        if (channel.OpenName is { } name)
        {
            Register(channel);
            channel.OpenName = null;
            frame[MuxFrameHeader.Length] = (byte)name.Length;
            name.CopyTo(frame[(MuxFrameHeader.Length + 1)..]);
            new MuxFrameHeader(MuxFrameType.Open, channel.Id, 1 + name.Length + bytes).Write(frame);
            length = MuxFrameHeader.Length + 1 + name.Length + bytes;
        }
        else if (bytes > 0)
        {
            new MuxFrameHeader(MuxFrameType.Data, channel.Id, bytes).Write(frame);
            length = MuxFrameHeader.Length + bytes;
        }
        channel.SendCredit -= bytes;
        channel.SentAnything |= length > 0 || ended;
        bool goesOn = more && channel.SendCredit > 0;
        // Without credit it waits for WINDOW, which looks at HasOutput; output announced during the turn stays announced.
        channel.HasOutput = more || ((IFairFlow<MuxChannel>)channel).Fair.HasWork;
        _turns.EndTurn(channel, length, goesOn);
        if (ended)
        {
            length += WriteFin(channel, frame[length..]);
        }
        return length;
    }

    private int WriteFin(MuxChannel channel, Span<byte> destination)
    {
        new MuxFrameHeader(MuxFrameType.Fin, channel.Id, 0).Write(destination);
        int length = MuxFrameHeader.Length;
        channel.FinSent = true;
        channel.HasOutput = false;
        _turns.Remove(channel);
        if (channel.FinReceived)
        {
            Close(channel);
        }
        else if (channel.EndAfterFin)
        {
            channel.ResetReason = MuxResetReason.Cancelled;
            Close(channel);
            length += WriteReset(destination[length..], channel.Id, channel.ResetReason);
        }
        return length;
    }

    private void Register(MuxChannel channel)
    {
        channel.Id = IdOf(_opened++, _isClient);
        _channels.Add(channel.Id, channel);
        if (_exhausted && _opened == _reserved)
        {
            GoAway();
        }
    }

    private void AddControl(MuxChannel channel)
    {
        if (channel.InControl)
        {
            return;
        }
        channel.InControl = true;
        if (_controlTail is null)
        {
            _controlHead = channel;
        }
        else
        {
            _controlTail.NextControl = channel;
        }
        _controlTail = channel;
    }

    private static int WriteNumber(Span<byte> destination, MuxFrameType type, uint id, uint number)
    {
        new MuxFrameHeader(type, id, 4).Write(destination);
        BinaryPrimitives.WriteUInt32BigEndian(destination[MuxFrameHeader.Length..], number);
        return NumberFrame;
    }

    private static int WriteReset(Span<byte> destination, uint id, MuxResetReason reason)
    {
        new MuxFrameHeader(MuxFrameType.Reset, id, 1).Write(destination);
        destination[MuxFrameHeader.Length] = (byte)reason;
        return ResetFrame;
    }
}
