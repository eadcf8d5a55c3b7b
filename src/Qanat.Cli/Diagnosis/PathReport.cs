namespace Qanat.Cli.Diagnosis;

/// <summary>Round trips in milliseconds.</summary>
internal sealed record Latency(double Min, double Median, double P99, int Count)
{
    /// <summary>Sums up measured round trips; at least one.</summary>
    public static Latency Of(IReadOnlyCollection<TimeSpan> samples)
    {
        double[] sorted = [.. samples.Select(s => s.TotalMilliseconds).Order()];
        // Nearest rank; with few samples p99 is the worst of them.
        return new Latency(Round(sorted[0]), Round(sorted[(sorted.Length - 1) / 2]), Round(sorted[(int)Math.Ceiling(sorted.Length * 0.99) - 1]), sorted.Length);
    }

    private static double Round(double milliseconds) => Math.Round(milliseconds, 3);
}

/// <summary>One point on the way, measured from this node: everything up to and including it.</summary>
/// <param name="Hop">The hop that leads to it: <c>node-hub</c>, <c>hub-hub</c>, <c>hub-node</c>, <c>tunnel</c>, <c>service</c>.</param>
/// <param name="To">Who answers there.</param>
/// <param name="RoundTrip">Milliseconds to it and back; null when it did not answer.</param>
/// <param name="HopMilliseconds">What this hop alone adds to the median.</param>
/// <param name="Share">Its share of the whole round trip, 0 to 1.</param>
/// <param name="BytesPerSecond">Throughput from here to there; null when not measured.</param>
/// <param name="Error">Stable code, when it did not answer.</param>
/// <param name="Detail">One line for a person, when it did not answer.</param>
internal sealed record PathPoint(
    string Hop, string To, Latency? RoundTrip, double? HopMilliseconds, double? Share, double? BytesPerSecond, string? Error = null, string? Detail = null);

/// <summary>The whole measurement.</summary>
/// <param name="Ok">True when every point answered.</param>
/// <param name="Participant">The peer's full name.</param>
/// <param name="Mid">Its mid.</param>
/// <param name="Points">The way, from here to there.</param>
/// <param name="GuiltyHop">The hop that does not answer, or takes most of the time; null when none stands out.</param>
/// <param name="Verdict">The same in words.</param>
internal sealed record PathReport(bool Ok, string Participant, string Mid, IReadOnlyList<PathPoint> Points, string? GuiltyHop, string Verdict);
