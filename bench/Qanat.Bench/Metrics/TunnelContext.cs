using Qanat.Bench.Peers;
using Qanat.Bench.Report;

namespace Qanat.Bench.Metrics;

/// <summary>What every group of metrics needs: the labs, how many rounds, and how rows are made.</summary>
public sealed class TunnelContext
{
    public const string OneHub = "Qanat, one hub";
    public const string TwoHubs = "Qanat, two hubs";
    public const string Ssh = "OpenSSH double layer";
    public const string HttpsFull = "HTTPS full handshake";
    public const string HttpsResumed = "HTTPS resumed";
    public const string Direct = "direct, no encryption";

    public required bool Quick { get; init; }

    public int Rounds => Quick ? 3 : 7;

    /// <summary>A quick run on a busy machine makes fewer rounds than <see cref="Rounds"/> once this much time is gone; every metric gets at least one.</summary>
    private static readonly TimeSpan s_quickBudget = TimeSpan.FromSeconds(62);
    private readonly long _start = System.Diagnostics.Stopwatch.GetTimestamp();

    private bool IsLate => Quick && System.Diagnostics.Stopwatch.GetElapsedTime(_start) > s_quickBudget;

    /// <summary>Seconds that one measurement lasts.</summary>
    public double Window => Quick ? 0.6 : 2.5;

    public static void Say(string line) => Console.Error.WriteLine($"[{DateTime.Now:HH:mm:ss}] {line}");

    /// <summary>Measures every named system that is there, round after round, systems alternating inside each round.</summary>
    public async Task<Dictionary<string, Samples>> InterleaveAsync(Lab lab, IReadOnlyList<string> names, Func<PeerSystem, Samples, Task> measure, int? rounds = null)
    {
        Dictionary<string, Samples> samples = [];
        for (int round = 0; round < (rounds ?? Rounds) && (round == 0 || !IsLate); round++)
        {
            foreach (string name in names)
            {
                if (lab.Find(name) is { } system && samples.GetValueOrDefault(name)?.DroppedOut is null)
                {
                    Samples mine = samples.TryGetValue(name, out Samples? known) ? known : samples[name] = new Samples();
                    try
                    {
                        await measure(system, mine).ConfigureAwait(false);
                    }
                    catch (InvalidOperationException e)
                    {
                        mine.DroppedOut = $"failed in round {round + 1}: {e.Message.ReplaceLineEndings(" ")}";
                        Say($"{name}: {e.Message}");
                    }
                }
            }
        }
        foreach ((string name, Samples mine) in samples)
        {
            Say($"  {name,-36} {ResultsBook.Number(mine.Median)}  [{string.Join(' ', mine.Rounds.Select(value => ResultsBook.Number(value)))}]  CPU/work {ResultsBook.Number(mine.CpuPerWork * 1000)}m hub {ResultsBook.Number(mine.HubCpuPerWork * 1000)}m");
        }
        return samples;
    }

    /// <summary>A row of two systems' medians. A system that is not there gives a row that says so.</summary>
    public static ReportRow Compare(Lab lab, Dictionary<string, Samples> samples, string metric, string unit, string better, string ours, string peer, double? floor = null, double? goal = null,
        string? costUnit = null, double costScale = 1, Func<Samples, double?>? value = null, string? note = null)
    {
        value ??= static s => s.Median;
        Samples? mine = samples.GetValueOrDefault(ours), other = samples.GetValueOrDefault(peer);
        List<string> notes = [];
        foreach (string name in new[] { ours, peer })
        {
            if (WhyMissing(lab, samples, name) is { } why)
            {
                notes.Add(why);
            }
        }
        if (mine is { Failures: > 0 })
        {
            notes.Add($"{mine.Failures} of our requests failed: {mine.FirstFailure}");
        }
        if (other is { Failures: > 0 })
        {
            notes.Add($"{other.Failures} of the peer's requests failed: {other.FirstFailure}");
        }
        if (note is not null)
        {
            notes.Add(note);
        }
        return new ReportRow
        {
            Metric = metric,
            Unit = unit,
            Better = better,
            Ours = Significant(mine is null ? null : value(mine)),
            Peer = peer,
            PeerValue = Significant(other is null ? null : value(other)),
            Floor = floor,
            Goal = goal,
            OursCpu = costUnit is null ? null : Significant(mine?.CpuPerWork * costScale),
            PeerCpu = costUnit is null ? null : Significant(other?.CpuPerWork * costScale),
            CostUnit = costUnit,
            OursResidentMegabytes = mine?.ResidentMegabytes,
            PeerResidentMegabytes = other?.ResidentMegabytes,
            OursRounds = mine?.Rounds,
            PeerRounds = other?.Rounds,
            Note = notes.Count == 0 ? null : string.Join("; ", notes),
        };
    }

    /// <summary>Null when the system gave samples to the end; otherwise a sentence for the row.</summary>
    public static string? WhyMissing(Lab lab, Dictionary<string, Samples> samples, string name) =>
        samples.GetValueOrDefault(name) is not { } mine ? $"{name} missing: {lab.Missing.GetValueOrDefault(name, "it was not started")}" :
        mine.DroppedOut is not null ? $"{name} {mine.DroppedOut}" : null;

    /// <summary>A row against a written-out bound.</summary>
    public static ReportRow Bound(string metric, string unit, string better, double? ours, string bound, double boundValue, double? floor, double? goal, double[]? rounds = null, string? note = null) => new()
    {
        Metric = metric,
        Unit = unit,
        Better = better,
        Ours = Significant(ours),
        Peer = bound,
        PeerValue = Significant(boundValue),
        Floor = floor,
        Goal = goal,
        OursRounds = rounds,
        Note = note,
    };

    private static double? Significant(double? value) => value is { } v && double.IsFinite(v) && v != 0
        ? Math.Round(v, Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(v))), 0, 6))
        : null;
}

/// <summary>A group of metrics that are measured together.</summary>
public abstract class MetricGroup
{
    /// <summary>Name for <c>--only</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Systems it needs, by lab.</summary>
    public abstract bool NeedsDelay { get; }

    public abstract Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab);
}
