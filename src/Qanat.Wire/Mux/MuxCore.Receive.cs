namespace Qanat.Wire.Mux;

public sealed partial class MuxCore
{
    /// <summary>Takes one frame from <see cref="MuxFrameParser.TryTake"/> and says what to do about it. Never throws on what a peer sends.</summary>
    /// <param name="header">The frame's header.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="now">The time in ticks.</param>
    /// <param name="channel">The connection it concerns; null for <see cref="MuxSignal.Open"/> and what concerns none.</param>
    public MuxSignal Receive(in MuxFrameHeader header, ReadOnlySpan<byte> payload, long now, out MuxChannel? channel)
    {
        channel = null;
        switch (header.Type)
        {
            case MuxFrameType.Open:
                return ReceiveOpen(header.ConnectionId, payload, now);
            case MuxFrameType.GoAway:
                return ReceiveGoAway(MuxFrameParser.ReadNumber(payload));
            default:
                if (!_channels.TryGetValue(header.ConnectionId, out channel))
                {
                    return WasOpened(header.ConnectionId) ? MuxSignal.None : Fail(MuxFault.NeverOpened);
                }
                return header.Type switch
                {
                    MuxFrameType.Data => ReceiveData(channel, payload.Length, now),
                    MuxFrameType.Window => ReceiveWindow(channel, MuxFrameParser.ReadNumber(payload)),
                    MuxFrameType.Fin => ReceiveFin(channel),
                    MuxFrameType.Reset => ReceiveReset(channel, (MuxResetReason)payload[0], now),
                    _ => Fail(MuxFault.BadFrame),
                };
        }
    }

    /// <summary>Records a fault found by the driver (a frame that does not parse).</summary>
    public MuxSignal Fail(MuxFault fault)
    {
        Fault = fault;
        return MuxSignal.Fault;
    }

    private MuxSignal ReceiveOpen(uint id, ReadOnlySpan<byte> payload, long now)
    {
        if ((id & 1) == 1 == _isClient || id <= _highestPeerId)
        {
            return Fail(MuxFault.BadId);
        }
        if (!MuxOpen.TryRead(payload, out _, out _))
        {
            return Fail(MuxFault.BadName);
        }
        _highestPeerId = id;
        if (_goAwayLimit is not null)
        {
            return Refuse(id, MuxResetReason.ShuttingDown) ? MuxSignal.None : MuxSignal.Fault;
        }
        OpenVerdict verdict = _guard.OnOpen(now);
        if (verdict == OpenVerdict.EndTunnel)
        {
            return Fail(MuxFault.RapidReset);
        }
        if (verdict == OpenVerdict.Refuse || InboundCount >= _limits.MaxInboundConnections)
        {
            return Refuse(id, MuxResetReason.TooManyConnections) ? MuxSignal.None : MuxSignal.Fault;
        }
        return MuxSignal.Open;
    }

    private MuxSignal ReceiveData(MuxChannel channel, int bytes, long now)
    {
        if (channel.FinReceived)
        {
            Reset(channel, MuxResetReason.ProtocolError);
            return MuxSignal.Reset;
        }
        if (!channel.Window.TryReceive(bytes, now, _memory))
        {
            Reset(channel, MuxResetReason.FlowControl);
            return MuxSignal.Reset;
        }
        if (_memory.IsFarAbove)
        {
            Reset(channel, MuxResetReason.TooManyConnections);
            return MuxSignal.Reset;
        }
        _roundTrip.Received(channel, channel.Window.Received, now);
        return MuxSignal.Data;
    }

    private MuxSignal ReceiveWindow(MuxChannel channel, uint bytes)
    {
        if (bytes == 0 || channel.SendCredit + bytes > int.MaxValue)
        {
            Reset(channel, bytes == 0 ? MuxResetReason.ProtocolError : MuxResetReason.FlowControl);
            return MuxSignal.Reset;
        }
        channel.SendCredit += bytes;
        if (channel.HasOutput)
        {
            _turns.Add(channel);
        }
        return MuxSignal.None;
    }

    private MuxSignal ReceiveFin(MuxChannel channel)
    {
        if (channel.FinReceived)
        {
            Reset(channel, MuxResetReason.ProtocolError);
            return MuxSignal.Reset;
        }
        channel.FinReceived = true;
        if (channel.FinSent)
        {
            Close(channel);
        }
        return MuxSignal.Fin;
    }

    private MuxSignal ReceiveReset(MuxChannel channel, MuxResetReason reason, long now)
    {
        // After FIN it is how an opener that wants no answer leaves; what that may cost is bounded by the handlers running at one time.
        bool unserved = !channel.IsLocal && !channel.SentAnything && !channel.FinReceived;
        channel.ResetReason = reason == MuxResetReason.None ? MuxResetReason.Cancelled : reason;
        Close(channel);
        return unserved && !_guard.OnUnservedReset(now) ? Fail(MuxFault.RapidReset) : MuxSignal.Reset;
    }

    private MuxSignal ReceiveGoAway(uint servesUpTo)
    {
        // Ids that were never sent cannot be promised, and a promise may not be widened.
        if (servesUpTo > _peerServesUpTo || (servesUpTo != 0 && !(IsLocalId(servesUpTo) && WasOpened(servesUpTo))))
        {
            return Fail(MuxFault.BadGoAway);
        }
        _peerServesUpTo = servesUpTo;
        GoAway();
        return MuxSignal.GoAway;
    }

    private bool IsLocalId(uint id) => (id & 1) == 1 == _isClient;

    private bool WasOpened(uint id) => IsLocalId(id) ? (id - 1) / 2 < _opened : id <= _highestPeerId;
}
