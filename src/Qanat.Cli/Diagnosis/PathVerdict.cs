using System.Globalization;

namespace Qanat.Cli.Diagnosis;

/// <summary>Works out what each hop alone costs and which one is to blame. Pure.</summary>
internal static class PathVerdict
{
    // Below this the whole way is as fast as one machine answers itself; naming a hop would be noise.
    private const double NothingIsSlowMilliseconds = 5;

    // A hop is named when it takes at least this share of the round trip.
    private const double GuiltyShare = 0.4;

    /// <summary>Adds to each point what its hop costs, and the verdict.</summary>
    public static PathReport Judge(string participant, string mid, IReadOnlyList<PathPoint> measured)
    {
        List<PathPoint> points = WithShares(measured);
        if (points.FirstOrDefault(p => p.Error is not null) is { } broken)
        {
            return new PathReport(false, participant, mid, points, broken.Hop, $"{broken.Hop} is broken: {broken.To} does not answer ({broken.Error}: {broken.Detail}).");
        }
        double total = points.Sum(p => p.HopMilliseconds ?? 0);
        PathPoint? slowest = points.MaxBy(p => p.HopMilliseconds);
        if (slowest is null || total < NothingIsSlowMilliseconds)
        {
            return new PathReport(true, participant, mid, points, null, string.Create(CultureInfo.InvariantCulture, $"No hop is slow: {total:0.00} ms there and back."));
        }
        bool isGuilty = slowest.Share >= GuiltyShare;
        FormattableString verdict = isGuilty
            ? (FormattableString)$"{slowest.Hop} (to {slowest.To}) takes {slowest.HopMilliseconds:0.00} ms of {total:0.00} ms, {slowest.Share * 100:0} % of the round trip."
            : (FormattableString)$"No hop stands out; the slowest is {slowest.Hop} with {slowest.HopMilliseconds:0.00} ms of {total:0.00} ms.";
        return new PathReport(true, participant, mid, points, isGuilty ? slowest.Hop : null, FormattableString.Invariant(verdict));
    }

    private static List<PathPoint> WithShares(IReadOnlyList<PathPoint> measured)
    {
        double before = 0;
        List<PathPoint> points = [];
        foreach (PathPoint point in measured)
        {
            // Medians of separate pings: a nearer point may look a little slower than a farther one.
            double hop = point.RoundTrip is { } roundTrip ? Math.Round(Math.Max(0, roundTrip.Median - before), 3) : 0;
            before = Math.Max(before, point.RoundTrip?.Median ?? before);
            points.Add(point.RoundTrip is null ? point : point with { HopMilliseconds = hop });
        }
        double total = points.Sum(p => p.HopMilliseconds ?? 0);
        return [.. points.Select(p => p.HopMilliseconds is { } hop && total > 0 ? p with { Share = Math.Round(hop / total, 3) } : p)];
    }
}
