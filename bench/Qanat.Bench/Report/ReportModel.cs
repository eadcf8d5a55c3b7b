namespace Qanat.Bench.Report;

/// <summary>
/// One line of the table. <see cref="Ratio"/>, <see cref="Floor"/> and <see cref="Goal"/> are on one scale: ours against the peer, above 1 is better for us,
/// whatever the unit's better direction. A row without floor and goal is information.
/// </summary>
public sealed record ReportRow
{
    public required string Metric { get; init; }

    public double? Ours { get; init; }

    public required string Unit { get; init; }

    /// <summary><c>higher</c> or <c>lower</c>.</summary>
    public required string Better { get; init; }

    /// <summary>What ours is held against: another system, or a bound written out.</summary>
    public required string Peer { get; init; }

    public double? PeerValue { get; init; }

    /// <summary>Null without one of the values; nothing against nothing is 1.</summary>
    public double? Ratio => Ours is { } ours && PeerValue is { } peer && ours > 0 && peer > 0 ? Round(Better == "higher" ? ours / peer : peer / ours) : Ours == 0 && PeerValue == 0 ? 1 : null;

    public double? Floor { get; init; }

    public double? Goal { get; init; }

    /// <summary><c>goal</c>, <c>floor</c> or <c>none</c>.</summary>
    public string Met =>
        Ratio is not { } ratio ? "none" :
        Goal is { } goal && ratio >= goal ? "goal" :
        Floor is { } floor && ratio >= floor ? "floor" : "none";

    /// <summary>CPU cost of all processes on our side of this row, generator and backend included, in <see cref="CostUnit"/>.</summary>
    public double? OursCpu { get; init; }

    /// <summary>The same for the peer.</summary>
    public double? PeerCpu { get; init; }

    public string? CostUnit { get; init; }

    /// <summary>Resident set of our system's processes, in MB.</summary>
    public double? OursResidentMegabytes { get; init; }

    public double? PeerResidentMegabytes { get; init; }

    /// <summary>Each round's values: ours, then the peer's.</summary>
    public double[]? OursRounds { get; init; }

    public double[]? PeerRounds { get; init; }

    /// <summary>Missing peers, causes of a missed goal, what the number is.</summary>
    public string? Note { get; init; }

    private static double Round(double value) => Math.Round(value, value < 10 ? 3 : 1);
}

/// <summary>Facts about the machine, for whoever compares two files.</summary>
public sealed record MachineFacts(string Processor, int Cores, double MemoryGigabytes, string Kernel, string OperatingSystem, string Runtime, string LoadAtStart, string LoadAtEnd);

/// <summary>One run of one area.</summary>
public sealed record AreaReport
{
    public required string Area { get; init; }

    public required string Date { get; init; }

    public required string Commit { get; init; }

    public required string Command { get; init; }

    public required bool Quick { get; init; }

    public required int Rounds { get; init; }

    public double Seconds { get; init; }

    public required MachineFacts Machine { get; init; }

    public required IReadOnlyList<ReportRow> Rows { get; init; }

    /// <summary>Systems that could not take part, and why.</summary>
    public required IReadOnlyDictionary<string, string> Missing { get; init; }

}
