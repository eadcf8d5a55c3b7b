namespace Qanat.Bench.Gm;

/// <summary>One side of a comparison: does its work <c>calls</c> times. <see cref="Missing"/> says why it cannot take part.</summary>
public sealed record Contender(string Name, Action<int>? Work, string? Missing = null)
{
    public static Contender Absent(string name, string why) => new(name, null, why);
}

/// <summary>A contender to compare with, or a bound written out, and what the ratio should be.</summary>
public sealed record Against(Contender Peer, double? Floor = null, double? Goal = null)
{
    /// <summary>A fixed value in the metric's unit.</summary>
    public double? Bound { get; init; }

    public static Against Value(string name, double bound, double? floor = null, double? goal = null) => new(new Contender(name, null), floor, goal) { Bound = bound };
}

/// <summary>One metric: ours and everything it is held against. Rates are work for each second of CPU time of one pinned core; more is better.</summary>
public sealed record GmMetric
{
    public required string Name { get; init; }

    /// <summary><c>MB/s</c> with <see cref="WorkPerCall"/> in bytes, or <c>/s</c> with it in operations.</summary>
    public required string Unit { get; init; }

    public required double WorkPerCall { get; init; }

    /// <summary>True to count the bytes that the thread allocates for each unit of work, instead of its time; less is better.</summary>
    public bool CountsAllocation { get; init; }

    public required Contender Ours { get; init; }

    public required IReadOnlyList<Against> Others { get; init; }

    public string? Note { get; init; }
}

/// <summary>The rows of one algorithm.</summary>
public interface IGmTopic : IDisposable
{
    string Name { get; }

    IReadOnlyList<GmMetric> Metrics();
}
