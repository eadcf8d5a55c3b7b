using System.Collections.Concurrent;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>The live link to another hub.</summary>
internal sealed class HubPort : Port
{
    private readonly ConcurrentDictionary<MemberPort, bool> _announced = new();
    private readonly long _established;
    private long _lastUsed;
    private int _queries;

    public HubPort(Link link, Router router, bool initiatedHere)
        : base(link, router) => (InitiatedHere, _established, _lastUsed) = (initiatedHere, router.Time.GetTimestamp(), router.Time.GetTimestamp());

    /// <summary>True when this hub dialled the link.</summary>
    public bool InitiatedHere { get; }

    /// <summary>Age of the link.</summary>
    public TimeSpan Age => Router.Time.GetElapsedTime(_established);

    /// <summary>Time since a frame of a member last passed.</summary>
    public TimeSpan Idle => Router.Time.GetElapsedTime(Volatile.Read(ref _lastUsed));

    /// <inheritdoc/>
    public override void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload) => Router.FromHub(this, header, payload);

    /// <inheritdoc/>
    public override ValueTask OnBatchAsync(Link link, int wireBytes) => ValueTask.CompletedTask;

    /// <summary>Takes one of the places for questions to this hub.</summary>
    public bool TryEnterQuery(int limit)
    {
        if (Interlocked.Increment(ref _queries) <= limit)
        {
            return true;
        }
        LeaveQuery();
        return false;
    }

    /// <summary>Gives that place back.</summary>
    public void LeaveQuery() => Interlocked.Decrement(ref _queries);

    /// <summary>The link is in use.</summary>
    public void Touch() => Volatile.Write(ref _lastUsed, Router.Time.GetTimestamp());

    /// <summary>Shows the member's attachment before its first frame on this link. False when the queue has no room.</summary>
    public bool EnsureAnnounced(MemberPort member)
    {
        if (_announced.ContainsKey(member))
        {
            return true;
        }
        if (!TrySendControl(new FrameHeader(FrameType.Announce, FrameReason.None, 0, Router.LocalMid, Mid, 0, 0), Router.Control.EncodeAnnounce(member.Attachment)))
        {
            return false;
        }
        _announced.TryAdd(member, true);
        return true;
    }

    /// <summary>The peer hub learned of the member by another frame (RESOLVED).</summary>
    public void MarkAnnounced(MemberPort member) => _announced.TryAdd(member, true);

    /// <summary>Forgets a member that left. True when the peer must be told.</summary>
    public bool Forget(MemberPort member) => _announced.TryRemove(member, out _);
}
