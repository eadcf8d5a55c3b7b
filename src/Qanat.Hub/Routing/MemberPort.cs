using Qanat.Hub.Quotas;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>The live link of a member (own or roaming).</summary>
internal sealed class MemberPort : Port
{
    private Port? _crowded;
    private int _resolving;
    private int _searching;

    public MemberPort(Link link, Router router, MemberMeter meter, Attachment attachment)
        : base(link, router) => (Meter, Attachment) = (meter, attachment);

    /// <summary>The member's quotas and counters.</summary>
    public MemberMeter Meter { get; }

    /// <summary>What the member signed when it attached; shown to other hubs.</summary>
    public Attachment Attachment { get; }

    /// <summary>Whose member it is.</summary>
    public Mid HomeHub { get; init; }

    /// <summary>The ticket a roaming member came with; null for own members.</summary>
    public byte[]? GuestTicket { get; init; }

    /// <inheritdoc/>
    public override void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload) => Router.FromMember(this, header, payload);

    /// <summary>Takes one of the member's places for questions to other hubs.</summary>
    public bool TryEnterResolve(int limit)
    {
        if (Interlocked.Increment(ref _resolving) <= limit)
        {
            return true;
        }
        LeaveResolve();
        return false;
    }

    /// <summary>Gives that place back.</summary>
    public void LeaveResolve() => Interlocked.Decrement(ref _resolving);

    /// <summary>Takes one of the member's places for searches of a route.</summary>
    public bool TryEnterSearch(int limit)
    {
        if (Interlocked.Increment(ref _searching) <= limit)
        {
            return true;
        }
        LeaveSearch();
        return false;
    }

    /// <summary>Gives that place back.</summary>
    public void LeaveSearch() => Interlocked.Decrement(ref _searching);

    /// <summary>Remembers that a frame of the current batch went to a crowded link.</summary>
    public void NoteCrowded(Port port) => _crowded = port;

    /// <inheritdoc/>
    public override ValueTask OnBatchAsync(Link link, int wireBytes)
    {
        TimeSpan pause = Meter.ChargeRead(wireBytes);
        Port? crowded = _crowded;
        _crowded = null;
        if (pause == TimeSpan.Zero && crowded is null)
        {
            return ValueTask.CompletedTask;
        }
        return new ValueTask(pause > TimeSpan.Zero ? PauseAsync(pause) : HoldAsync(crowded!));
    }

    private Task<Task> PauseAsync(TimeSpan pause)
    {
        Router.CountPause();
        return WaitAsync(pause < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : pause);
    }

    // A next link that drains is given a moment, since a drop would cost a retransmission; one that stands still is not waited for.
    private async Task HoldAsync(Port crowded)
    {
        TimeSpan step = TimeSpan.FromMilliseconds(1);
        long sent = crowded.BytesOut - crowded.Link.QueuedBytes;
        for (TimeSpan held = TimeSpan.Zero; held < Router.Limits.LongestHold && crowded.Crowded; held += step)
        {
            await WaitAsync(step);
            long now = crowded.BytesOut - crowded.Link.QueuedBytes;
            if (now <= sent)
            {
                return;
            }
            sent = now;
        }
    }

    // The link's end must not wait for a pause to run out.
    private Task<Task> WaitAsync(TimeSpan span) => Task.WhenAny(Link.Completion, Task.Delay(span, Router.Time));
}
