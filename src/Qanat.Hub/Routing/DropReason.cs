namespace Qanat.Hub.Routing;

/// <summary>Why the hub dropped a frame. Closed set: the tag of <c>qanat.hub.frames.dropped</c>.</summary>
public enum DropReason
{
    /// <summary>The source mid is not the link's, or not one the hub link has announced.</summary>
    SpoofedSource,
    /// <summary>A frame that passed two hubs already, or came unmarked from a hub.</summary>
    Loop,
    /// <summary>The queue of the next link is full.</summary>
    Congested,
    /// <summary>The next link is contended and the source holds its whole share of the queue.</summary>
    OverShare,
    /// <summary>The member is beyond its bytes, sessions or opens quota.</summary>
    Quota,
    /// <summary>The destination has no route.</summary>
    NoRoute,
    /// <summary>A frame type that this kind of link may not send.</summary>
    Unexpected,
    /// <summary>A payload that its type does not allow.</summary>
    Malformed,
}
