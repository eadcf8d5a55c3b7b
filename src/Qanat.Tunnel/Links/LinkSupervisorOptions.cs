namespace Qanat.Tunnel.Links;

/// <summary>How a node keeps its link up. Immutable.</summary>
public sealed record LinkSupervisorOptions
{
    /// <summary>Time for which a lost hub alone is tried, before other hubs are too.</summary>
    public TimeSpan Loyalty { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <summary>At the first start: head start of each hub of the list before the next one is tried beside it.</summary>
    public TimeSpan Stagger { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>First pause, after the immediate retry.</summary>
    public TimeSpan FirstBackOff { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Longest pause in the first <see cref="EagerFor"/>: a hub that is back is found that fast.</summary>
    public TimeSpan EagerBackOff { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long to stay eager.</summary>
    public TimeSpan EagerFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest pause.</summary>
    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Bound of one attempt.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long an old link stays open after its sessions moved, for frames under way.</summary>
    public TimeSpan Overlap { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A link that lived longer than this shows that nobody fights for it.</summary>
    public TimeSpan ReplacedMemory { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Pause after another process took this mid's link over, twice in a row.</summary>
    public TimeSpan ReplacedPause { get; init; } = TimeSpan.FromSeconds(5);
}
