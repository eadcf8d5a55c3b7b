using System.Diagnostics;
using Qanat.Bench.DelayWire;
using Qanat.Bench.Metrics;
using Qanat.Bench.Peers;
using Qanat.Bench.Report;

namespace Qanat.Bench;

/// <summary>The area <c>tunnel</c>: all rows of the double-layer tunnel in one run.</summary>
public sealed class TunnelArea(bool quick, IReadOnlyList<string> only)
{
    private static readonly TimeSpan s_roundTrip = TimeSpan.FromMilliseconds(40);

    /// <summary>Groups in the order in which they run: memory first, while nothing else has grown the heaps.</summary>
    public static IReadOnlyList<MetricGroup> Groups { get; } =
        [new IdleGroup(), new ThroughputGroup(), new RequestsGroup(), new InterferenceGroup(delayed: false), new ResumeGroup(), new StormGroup(), new DelayGroup(), new InterferenceGroup(delayed: true)];

    public async Task<AreaReport> RunAsync(string command, string benchFolder)
    {
        long start = Stopwatch.GetTimestamp();
        string load = MachineProbe.Load();
        TunnelContext context = new() { Quick = quick };
        List<ReportRow> rows = [];
        Dictionary<string, string> missing = [];
        MetricGroup[] chosen = [.. Groups.Where(group => only.Count == 0 || only.Contains(group.Name))];
        if (quick)
        {
            chosen = [.. chosen.Where(group => group is not InterferenceGroup { NeedsDelay: false } || DelayNetwork.WhyNot() is not null)];
        }

        if (chosen.Any(group => !group.NeedsDelay))
        {
            await using Lab lab = await Lab.LoopbackAsync().ConfigureAwait(false);
            TunnelContext.Say("starting systems on loopback");
            await lab.AddAllAsync(LoopbackSystems(quick)).ConfigureAwait(false);
            await RunGroupsAsync(chosen.Where(group => !group.NeedsDelay), context, lab, rows, missing).ConfigureAwait(false);
        }
        if (chosen.Any(group => group.NeedsDelay))
        {
            if (DelayNetwork.WhyNot() is { } reason)
            {
                missing["delay wire"] = reason;
                rows.AddRange(chosen.Where(group => group.NeedsDelay).Select(group => new ReportRow
                { Metric = $"{group.Name} at 40 ms RTT", Unit = "ms", Better = "lower", Peer = "delay wire", Note = $"not measured: {reason}" }));
            }
            else
            {
                await using Lab lab = await Lab.DelayedAsync(s_roundTrip).ConfigureAwait(false);
                TunnelContext.Say("starting systems at 40 ms RTT");
                await lab.AddAllAsync(DelayedSystems(quick)).ConfigureAwait(false);
                await RunGroupsAsync(chosen.Where(group => group.NeedsDelay), context, lab, rows, missing).ConfigureAwait(false);
            }
        }
        return new AreaReport
        {
            Area = "tunnel",
            Date = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"),
            Commit = await MachineProbe.CommitAsync(benchFolder).ConfigureAwait(false),
            Command = command,
            Quick = quick,
            Rounds = context.Rounds,
            Seconds = Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 1),
            Machine = MachineProbe.Read(load),
            Rows = rows,
            Missing = missing,
        };
    }

    private static PeerSystem[] LoopbackSystems(bool quick) =>
    [
        new OpenSshSystem(), new RelaySystem(), new QanatSystem(1), new QanatSystem(2),
        new HttpsSystem(resumed: false, throughRelay: false), new HttpsSystem(resumed: true, throughRelay: false),
        .. quick ? Array.Empty<PeerSystem>() : [new DirectSystem(), new NerdbankSystem(), new HttpsSystem(resumed: false, throughRelay: true)],
    ];

    private static PeerSystem[] DelayedSystems(bool quick) =>
    [
        new DirectSystem(), new HttpsSystem(resumed: false, throughRelay: false), new QanatSystem(1), new QanatSystem(2),
        .. quick ? Array.Empty<PeerSystem>() : [new OpenSshSystem()],
    ];

    private static async Task RunGroupsAsync(IEnumerable<MetricGroup> groups, TunnelContext context, Lab lab, List<ReportRow> rows, Dictionary<string, string> missing)
    {
        foreach (MetricGroup group in groups)
        {
            rows.AddRange(await group.RunAsync(context, lab).ConfigureAwait(false));
        }
        foreach ((string name, string why) in lab.Missing)
        {
            missing[name] = why;
        }
    }
}
