using System.Diagnostics;
using Qanat.Bench.Metrics;
using Qanat.Bench.Report;
using Qanat.Bench.SmTls;

namespace Qanat.Bench.Gm;

/// <summary>An area of CPU work, measured on one pinned core in CPU time of its thread. Rounds alternate between the contenders.</summary>
public sealed class CpuArea(string area, IReadOnlyList<(string Name, Func<IGmTopic> Make)> topics, bool quick, IReadOnlyList<string> only)
{
    /// <summary>The area <c>gm</c>: SM4, SM3 and SM2 against other implementations. A topic's file holds its rows; add it here.</summary>
    public static IReadOnlyList<(string Name, Func<IGmTopic> Make)> GmTopics { get; } = [("sm4", () => new Sm4Rows()), ("sm3", () => new Sm3Rows()), ("sm2", () => new Sm2Rows())];

    /// <summary>The area <c>tls</c>: handshakes and records of TLCP and TLS 1.3-SM.</summary>
    public static IReadOnlyList<(string Name, Func<IGmTopic> Make)> TlsTopics { get; } =
        [("handshakes", () => new HandshakeRows()), ("resumed", () => new ResumedRows()), ("records", () => new RecordRows())];

    private int Rounds => quick ? 5 : 11;

    private double WindowSeconds => quick ? 0.02 : 0.06;

    public async Task<AreaReport> RunAsync(string command, string benchFolder)
    {
        long start = Stopwatch.GetTimestamp();
        string load = MachineProbe.Load();
        List<ReportRow> rows = [];
        SortedDictionary<string, string> missing = new(StringComparer.Ordinal);
        // A thread of its own: it stays pinned.
        Thread thread = new(() => Measure(rows, missing));
        thread.Start();
        thread.Join();
        return new AreaReport
        {
            Area = area,
            Date = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"),
            Commit = await MachineProbe.CommitAsync(benchFolder).ConfigureAwait(false),
            Command = command,
            Quick = quick,
            Rounds = Rounds,
            Seconds = Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 1),
            Machine = MachineProbe.Read(load),
            Rows = rows,
            Missing = missing,
        };
    }

    private void Measure(List<ReportRow> rows, SortedDictionary<string, string> missing)
    {
        TunnelContext.Say($"pinned to core {CpuClock.Pin()}");
        foreach ((string name, Func<IGmTopic> make) in topics.Where(topic => only.Count == 0 || only.Contains(topic.Name)))
        {
            using IGmTopic topic = make();
            IReadOnlyList<GmMetric> metrics = topic.Metrics();
            // Once through everybody first: rows share code, and the first must not pay for its compilation.
            foreach (Contender contender in metrics.SelectMany(metric => metric.Others.Select(other => other.Peer).Prepend(metric.Ours)).Distinct().Where(one => one.Work is not null))
                WarmUp(contender.Work!);
            foreach (GmMetric metric in metrics)
            {
                rows.AddRange(Measure(metric, missing));
                TunnelContext.Say($"{name}: {metric.Name}");
            }
        }
    }

    private IEnumerable<ReportRow> Measure(GmMetric metric, SortedDictionary<string, string> missing)
    {
        Contender[] all = [metric.Ours, .. metric.Others.Select(other => other.Peer).Where(peer => peer.Work is not null)];
        Dictionary<Contender, int> calls = [];
        Dictionary<Contender, List<double>> rates = [];
        foreach (Contender contender in all.Where(contender => contender.Work is not null))
        {
            calls[contender] = WarmUp(contender.Work!);
            rates[contender] = [];
        }
        for (int round = 0; round < Rounds; round++)
        {
            foreach ((Contender contender, int count) in calls)
            {
                if (metric.CountsAllocation)
                {
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    contender.Work!(count);
                    rates[contender].Add((GC.GetAllocatedBytesForCurrentThread() - before) / (count * metric.WorkPerCall));
                    continue;
                }
                double begin = CpuClock.Seconds;
                contender.Work!(count);
                double perSecond = count * metric.WorkPerCall / (CpuClock.Seconds - begin);
                rates[contender].Add(metric.Unit == "MB/s" ? perSecond / 1e6 : perSecond);
            }
        }
        foreach (Against other in metric.Others)
        {
            if (other.Peer.Missing is { } why)
                missing[other.Peer.Name] = why;
            double[]? ours = rates.GetValueOrDefault(metric.Ours)?.ToArray(), theirs = rates.GetValueOrDefault(other.Peer)?.ToArray();
            yield return new ReportRow
            {
                Metric = metric.Name,
                Unit = metric.Unit,
                Better = metric.CountsAllocation ? "lower" : "higher",
                Peer = other.Peer.Name,
                Ours = ours is null ? null : Math.Round(Samples.MedianOf(ours), 2),
                PeerValue = other.Bound ?? (theirs is null ? null : Math.Round(Samples.MedianOf(theirs), 2)),
                Floor = other.Floor,
                Goal = other.Goal,
                OursRounds = ours is null ? null : [.. ours.Select(rate => Math.Round(rate, 2))],
                PeerRounds = theirs is null ? null : [.. theirs.Select(rate => Math.Round(rate, 2))],
                Note = metric.Ours.Missing is { } absent ? $"not measured: {absent}" : other.Peer.Missing is { } gone ? $"{other.Peer.Name} missing: {gone}" : metric.Note,
            };
        }
    }

    /// <summary>Runs until the compiler is done with it, and returns how many calls fill a window.</summary>
    private int WarmUp(Action<int> work)
    {
        int count = 1, pauses = 0;
        double begin = CpuClock.Seconds, warm = quick ? 0.1 : 0.4;
        while (true)
        {
            double before = CpuClock.Seconds;
            work(count);
            double now = CpuClock.Seconds, took = now - before;
            // The compiler works in another thread; on a busy machine it must be left the time.
            if (pauses < 3)
            {
                if (now - begin > warm * (pauses + 1) / 4)
                {
                    pauses++;
                    Thread.Sleep(120);
                }
            }
            else if (now - begin > warm && took > WindowSeconds / 4)
                return Math.Max(1, (int)(count * WindowSeconds / took));
            if (took < WindowSeconds / 2)
                count *= 2;
        }
    }
}
