using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Report;

namespace Qanat.Bench.Metrics;

/// <summary>One bulk stream from the backend at B to the client at A, on loopback, and what a gigabyte costs.</summary>
public sealed class ThroughputGroup : MetricGroup
{
    private const string Nerdbank = "Nerdbank.Streams v3";
    private readonly Dictionary<string, long> _sizes = [];

    public override string Name => "throughput";

    public override bool NeedsDelay => false;

    public override async Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab)
    {
        TunnelContext.Say("throughput, 1 stream, loopback (MB/s)");
        string relay = RelaySystem.SystemName;
        Dictionary<string, Samples> samples = await context.InterleaveAsync(lab, [TunnelContext.OneHub, relay, TunnelContext.Ssh, TunnelContext.TwoHubs, .. context.Quick ? Array.Empty<string>() : [Nerdbank, TunnelContext.Direct]], async (system, mine) =>
        {
            if (!_sizes.TryGetValue(system.Name, out long bytes))
            {
                // Sizes such that each transfer takes about one window, found with a transfer that also warms the path.
                await system.BulkAsync(new BulkArguments("", 1, system is OpenSshSystem ? 30_000_000 : context.Quick ? 500_000_000 : 4_000_000_000, BulkDirection.Down)).ConfigureAwait(false);
                BulkResult first = await system.BulkAsync(new BulkArguments("", 1, 60_000_000, BulkDirection.Down)).ConfigureAwait(false);
                _sizes[system.Name] = bytes = (long)Math.Clamp(first.Bytes / first.Seconds * context.Window, 30e6, 4e9);
            }
            Measured<BulkResult> measured = await lab.MeasureAsync(system, () => system.BulkAsync(new BulkArguments("", 1, bytes, BulkDirection.Down))).ConfigureAwait(false);
            mine.Add(measured.Result.MegabytesPerSecond, measured.Result.Bytes / 1e9, measured);
        }).ConfigureAwait(false);

        ReportRow Row(string metric, string ours, string peer, double? floor, double? goal, string? note = null) =>
            TunnelContext.Compare(lab, samples, metric, "MB/s", "higher", ours, peer, floor, goal, "CPU s/GB", note: note);
        return
        [
            Row("one-hub throughput, 1 stream", TunnelContext.OneHub, TunnelContext.Ssh, 2, 4),
            Row("one-hub throughput, 1 stream", TunnelContext.OneHub, relay, null, 0.85, "the peer has no local hops: its ends are generator and backend themselves"),
            TunnelContext.Compare(lab, samples, "CPU per GB, all processes, one hub", "s/GB", "lower", TunnelContext.OneHub, TunnelContext.Ssh, 1, 1 / 0.6, value: s => s.CpuPerWork),
            TunnelContext.Compare(lab, samples, "CPU per GB, all processes, one hub", "s/GB", "lower", TunnelContext.OneHub, relay, null, null, value: s => s.CpuPerWork, note: "for comparison: our two local hops against none"),
            TunnelContext.Compare(lab, samples, "hub alone, CPU per GB", "s/GB", "lower", TunnelContext.OneHub, relay, 0.5, 1, value: s => s.HubCpuPerWork),
            Row("two-hub throughput, 1 stream", TunnelContext.TwoHubs, TunnelContext.OneHub, null, 0.8),
            .. context.Quick ? Array.Empty<ReportRow>() :
            [
                Row("one-hub throughput, 1 stream", TunnelContext.OneHub, Nerdbank, null, null, "the peer has no relay and no local hops"),
                Row("one-hub throughput, 1 stream", TunnelContext.OneHub, TunnelContext.Direct, null, null),
            ],
        ];
    }
}
