namespace Qanat.Hub.Routing;

/// <summary>Bounds of the relay. All sizes in bytes.</summary>
internal sealed record RelayLimits
{
    /// <summary>Bound of one link's send queue; must be that of the links themselves.</summary>
    public long LinkQueueBytes { get; init; } = 4 << 20;

    /// <summary>Most members one peer hub may announce here.</summary>
    public int RoutesPerHub { get; init; } = 65536;

    /// <summary>Most frames that wait for a route to be found, all destinations together.</summary>
    public int PendingFrames { get; init; } = 4096;

    /// <summary>Most frames that wait for one destination.</summary>
    public int PendingFramesPerDestination { get; init; } = 16;

    /// <summary>Most frames of one member that wait for a route, so that one does not take the room of all.</summary>
    public int PendingFramesPerMember { get; init; } = 256;

    /// <summary>Longest time the reading of one member is held back for a draining but crowded next link.</summary>
    public TimeSpan LongestHold { get; init; } = TimeSpan.FromMilliseconds(4);
}
