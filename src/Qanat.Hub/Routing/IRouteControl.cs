using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>What the router asks of the rest of the hub. Called on receive loops: must not block.</summary>
internal interface IRouteControl
{
    /// <summary>Is the mid an active member of this hub (linked or not)?</summary>
    bool IsOwnMember(Mid mid);

    /// <summary>
    /// A frame has no route; looks for one. <see cref="FrameReason.None"/> means the search is on (the frame may have been kept);
    /// anything else is the answer to give now.
    /// </summary>
    FrameReason WantRoute(MemberPort from, in FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>A member asks who a name or mid is.</summary>
    void OnResolve(MemberPort from, in FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>A control frame that the peer hub itself wrote.</summary>
    void OnHubControl(HubPort from, in FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>A hub relays for a member that it has not shown (here); it may be asked to show it again.</summary>
    void OnUnshown(HubPort from, Mid member);

    /// <summary>A member announced on a hub link has left.</summary>
    void OnWithdraw(HubPort hub, Attachment attachment);

    /// <summary>The payload of ANNOUNCE.</summary>
    ReadOnlySpan<byte> EncodeAnnounce(Attachment attachment);
}
