namespace Qanat.Wire.Mux;

/// <summary>
/// State of one multiplexed connection at one end: ids, half-closes, credit. Belongs to one <see cref="MuxCore"/> and is
/// guarded by whatever guards that. Holds no payload.
/// </summary>
public sealed class MuxChannel : IFairFlow<MuxChannel>
{
    internal ReceiveWindow Window = new();
    internal byte[]? OpenName;
    internal MuxChannel? NextControl, NextChannel, PreviousChannel;
    internal uint GrantPending;
    internal bool InControl, ResetPending, HasOutput, SentAnything, EndAfterFin, IsListed;
    private FairLinks<MuxChannel> _fair;

    internal MuxChannel(bool isLocal, object? owner)
    {
        IsLocal = isLocal;
        Owner = owner;
    }

    /// <summary>Id on the wire; 0 until the OPEN frame of a connection opened here has been written.</summary>
    public uint Id { get; internal set; }

    /// <summary>Opened by this side.</summary>
    public bool IsLocal { get; }

    /// <summary>The driver's object; dropped when the connection closes.</summary>
    public object? Owner { get; internal set; }

    /// <summary>Bytes this side may still send.</summary>
    public long SendCredit { get; internal set; } = MuxLimits.InitialWindow;

    /// <summary>FIN was sent: nothing more goes out.</summary>
    public bool FinSent { get; internal set; }

    /// <summary>FIN was received: nothing more comes in, and what came in is complete.</summary>
    public bool FinReceived { get; internal set; }

    /// <summary>Both directions have ended, or it was reset, or the tunnel is gone.</summary>
    public bool IsClosed { get; internal set; }

    /// <summary>Why it was reset by either side; <see cref="MuxResetReason.None"/> when it was not.</summary>
    public MuxResetReason ResetReason { get; internal set; }

    /// <summary>Bytes to leave free in front of the payload of the next frame: the header, and the service name in an OPEN.</summary>
    public int HeadLength => OpenName is null ? MuxFrameHeader.Length : MuxFrameHeader.Length + 1 + OpenName.Length;

    /// <summary>Bytes received and not yet read by the application.</summary>
    public long Unread => Window.Unread;

    /// <summary>Receive window size in bytes, after auto-tuning.</summary>
    public int WindowSize => Window.Size;

    /// <inheritdoc/>
    ref FairLinks<MuxChannel> IFairFlow<MuxChannel>.Fair => ref _fair;
}
