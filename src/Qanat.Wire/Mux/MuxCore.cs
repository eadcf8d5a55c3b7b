namespace Qanat.Wire.Mux;

/// <summary>What the driver has to do after <see cref="MuxCore.Receive"/>.</summary>
public enum MuxSignal
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>The peer opens a connection: ask for permission, then call <see cref="MuxCore.Accept"/> or <see cref="MuxCore.Refuse"/> before the next frame.</summary>
    Open,
    /// <summary>The frame's payload belongs to the channel.</summary>
    Data,
    /// <summary>The peer has ended its direction in order.</summary>
    Fin,
    /// <summary>The channel was reset, by the peer or because the peer broke the protocol on it: see <see cref="MuxChannel.ResetReason"/>.</summary>
    Reset,
    /// <summary>The peer takes no new connections: call <see cref="MuxCore.TakeUnserved"/> until it gives null.</summary>
    GoAway,
    /// <summary>The peer broke the protocol: end the tunnel; see <see cref="MuxCore.Fault"/>.</summary>
    Fault,
}

/// <summary>How the peer broke the multiplexing protocol of a whole tunnel.</summary>
public enum MuxFault
{
    /// <summary>It did not.</summary>
    None,
    /// <summary>A header or payload that no state allows.</summary>
    BadFrame,
    /// <summary>A frame for an id that was never opened.</summary>
    NeverOpened,
    /// <summary>An OPEN with an id of the wrong side, or not above the last one.</summary>
    BadId,
    /// <summary>An OPEN whose service name is no name.</summary>
    BadName,
    /// <summary>A GOAWAY that takes back or invents ids.</summary>
    BadGoAway,
    /// <summary>It causes refusals faster than it reads them.</summary>
    TooManyRefusals,
    /// <summary>It opens and resets connections too fast (CVE-2023-44487).</summary>
    RapidReset,
}

/// <summary>
/// The multiplexer without I/O (docs/protocol/mux.md): connection ids and states, credit, fair order of writing. Frames and times come in,
/// decisions and headers come out; payload stays with the driver. Not thread-safe: the driver holds one lock around each call, never while copying payload.
/// Times are in 100 ns ticks of any monotonic clock.
/// </summary>
public sealed partial class MuxCore
{
    private readonly Dictionary<uint, MuxChannel> _channels = [];
    private readonly FairQueue<MuxChannel> _turns = new();
    private readonly MuxLimits _limits;
    private readonly TunnelMemory _memory;
    private readonly bool _isClient;
    private OpenGuard _guard;
    private CreditRoundTrip _roundTrip;
    private MuxChannel? _firstChannel;
    private uint _reserved, _opened, _highestPeerId, _peerServesUpTo = uint.MaxValue;
    private uint? _goAwayLimit;

    /// <summary>Creates the multiplexer of one end.</summary>
    /// <param name="isClient">This end is the TLS client: its ids are odd.</param>
    /// <param name="limits">Bounds.</param>
    public MuxCore(bool isClient, MuxLimits limits) : this(isClient, limits, 0)
    {
    }

    /// <summary>Creates the multiplexer of one end that counts on from <paramref name="alreadyOpened"/> connections opened by each side.</summary>
    public MuxCore(bool isClient, MuxLimits limits, uint alreadyOpened)
    {
        _isClient = isClient;
        _limits = limits;
        _memory = new TunnelMemory(limits.TunnelMemoryMaxBytes);
        _guard = new OpenGuard(limits.MaxOpensPerSecond, limits.RapidResetsPerSecond, limits.RapidResetBurst);
        _reserved = _opened = alreadyOpened;
        if (alreadyOpened > 0)
        {
            _highestPeerId = IdOf(alreadyOpened - 1, !isClient);
        }
    }

    /// <summary>Connections opened here that have not ended.</summary>
    public int OutboundCount { get; private set; }

    /// <summary>Connections opened by the peer that have not ended.</summary>
    public int InboundCount { get; private set; }

    /// <summary>Bytes received and not yet read, over all connections.</summary>
    public long UnreadBytes => _memory.Unread;

    /// <summary>Estimated round trip of credit in ticks; 0 when unknown.</summary>
    public long RoundTripTicks => _roundTrip.Ticks;

    /// <summary>Why the tunnel must end.</summary>
    public MuxFault Fault { get; private set; }

    /// <summary>Either side has sent GOAWAY: no new connections from here, and the tunnel ends when the last one does.</summary>
    public bool IsDraining => _goAwayLimit is not null || _peerServesUpTo != uint.MaxValue;

    /// <summary>Both sides have said GOAWAY (it has been written here), and no connection is left.</summary>
    public bool IsDrained => _goAwayLimit is not null && !_goAwayPending && _peerServesUpTo != uint.MaxValue && _firstChannel is null;

    /// <summary><see cref="Open"/> would succeed.</summary>
    public bool CanOpen => !IsDraining && _reserved < MuxLimits.MaxOpens && OutboundCount < _limits.MaxOutboundConnections;

    /// <summary>Opens a connection; its OPEN goes out in its first turn. Null when <see cref="CanOpen"/> is false.</summary>
    /// <param name="name">Service name from <see cref="MuxOpen.TryEncodeName"/>; may be shared.</param>
    /// <param name="owner">The driver's object.</param>
    public MuxChannel? Open(byte[] name, object? owner)
    {
        if (!CanOpen)
        {
            return null;
        }
        MuxChannel channel = new(isLocal: true, owner) { OpenName = name };
        OutboundCount++;
        List(channel);
        if (++_reserved == MuxLimits.MaxOpens)
        {
            _exhausted = true;
        }
        return channel;
    }

    /// <summary>Accepts the OPEN just signalled.</summary>
    public MuxChannel Accept(uint id, object? owner)
    {
        MuxChannel channel = new(isLocal: false, owner) { Id = id };
        InboundCount++;
        List(channel);
        _channels.Add(id, channel);
        return channel;
    }

    /// <summary>Counts the first bytes in an OPEN; false when they exceed the credit (impossible for a valid frame).</summary>
    public bool ReceiveFirst(MuxChannel channel, int bytes, long now) => channel.Window.TryReceive(bytes, now, _memory);

    /// <summary>Refuses the OPEN just signalled.</summary>
    /// <returns>False when the tunnel must end: the peer does not read its refusals.</returns>
    public bool Refuse(uint id, MuxResetReason reason)
    {
        if (_refusals.Count >= _limits.MaxPendingRefusals)
        {
            Fault = MuxFault.TooManyRefusals;
            return false;
        }
        _refusals.Enqueue((id, reason));
        return true;
    }

    /// <summary>Resets a connection from this side: nothing more is delivered or sent on it.</summary>
    public void Reset(MuxChannel channel, MuxResetReason reason)
    {
        if (channel.IsClosed)
        {
            return;
        }
        channel.ResetReason = reason;
        bool wasOpened = channel.Id != 0;
        Close(channel);
        if (wasOpened)
        {
            channel.ResetPending = true;
            AddControl(channel);
        }
    }

    /// <summary>
    /// The application will read no more: after this side's FIN the peer is told to stop (RST), unless it has ended by then.
    /// </summary>
    public void StopReceiving(MuxChannel channel)
    {
        if (channel.IsClosed)
        {
            return;
        }
        channel.EndAfterFin = true;
        if (channel.FinSent)
        {
            Reset(channel, MuxResetReason.Cancelled);
        }
    }

    /// <summary>The application has read bytes: grants credit when enough has gathered.</summary>
    public void Consumed(MuxChannel channel, long bytes, long now)
    {
        if (channel.IsClosed)
        {
            return;
        }
        ulong limitBefore = channel.Window.Limit;
        int grant = channel.Window.Read(bytes, now, _roundTrip.Ticks, _limits.MaxWindow, _memory);
        if (grant == 0 || channel.FinReceived)
        {
            return;
        }
        _roundTrip.Granted(channel, limitBefore, now);
        channel.GrantPending += (uint)grant;
        AddControl(channel);
    }

    /// <summary>Says GOAWAY: connections opened by the peer after now are refused, none is opened here.</summary>
    public void GoAway()
    {
        if (_goAwayLimit is null)
        {
            _goAwayLimit = _highestPeerId;
            _goAwayPending = true;
        }
    }

    /// <summary>After <see cref="MuxSignal.GoAway"/>: closes and gives one connection that the peer will not serve; null when there is none left.</summary>
    public MuxChannel? TakeUnserved()
    {
        for (MuxChannel? channel = _firstChannel; channel is not null; channel = channel.NextChannel)
        {
            if (channel.IsLocal && (channel.Id == 0 || channel.Id > _peerServesUpTo))
            {
                channel.ResetReason = MuxResetReason.ShuttingDown;
                Close(channel);
                return channel;
            }
        }
        return null;
    }

    /// <summary>The first connection that has not ended, for an end of the whole tunnel; null when there is none.</summary>
    public MuxChannel? AnyChannel => _firstChannel;

    /// <summary>The connection after <paramref name="channel"/> in no particular order; null at the end.</summary>
    public static MuxChannel? After(MuxChannel channel) => channel.NextChannel;

    /// <summary>Closes a connection without telling the peer: the tunnel is gone.</summary>
    public void Abandon(MuxChannel channel)
    {
        if (!channel.IsClosed)
        {
            Close(channel);
        }
    }

    private static uint IdOf(uint index, bool ofClient) => (index * 2) + (ofClient ? 1u : 2u);

    private void List(MuxChannel channel)
    {
        channel.NextChannel = _firstChannel;
        _firstChannel?.PreviousChannel = channel;
        _firstChannel = channel;
    }

    private void Close(MuxChannel channel)
    {
        channel.IsClosed = true;
        if (channel.PreviousChannel is { } previous)
        {
            previous.NextChannel = channel.NextChannel;
        }
        else
        {
            _firstChannel = channel.NextChannel;
        }
        channel.NextChannel?.PreviousChannel = channel.PreviousChannel;
        channel.NextChannel = channel.PreviousChannel = null;
        if (channel.Id != 0)
        {
            _channels.Remove(channel.Id);
        }
        if (channel.IsLocal)
        {
            OutboundCount--;
        }
        else
        {
            InboundCount--;
        }
        channel.Window.Release(_memory);
        channel.GrantPending = 0;
        _roundTrip.Forget(channel);
        _turns.Remove(channel);
    }
}
