using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Report;

namespace Qanat.Bench.Metrics;

/// <summary>New requests and one bulk stream where A and B are 40 ms apart (and 200 ms in a full run): delay wires, true TCP from end to end of each leg.</summary>
public sealed class DelayGroup : MetricGroup
{
    private static readonly string[] s_systems = [TunnelContext.OneHub, TunnelContext.HttpsFull, TunnelContext.TwoHubs, TunnelContext.Ssh, TunnelContext.Direct];
    private static readonly string[] s_streams = [TunnelContext.OneHub, TunnelContext.Direct, TunnelContext.TwoHubs, TunnelContext.Ssh];

    public override string Name => "delay";

    public override bool NeedsDelay => true;

    public override async Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab)
    {
        TunnelContext.Say("new request at 40 ms RTT (median ms)");
        Dictionary<string, Samples> requests = await context.InterleaveAsync(lab, context.Quick ? s_systems[..3] : s_systems, async (system, mine) =>
        {
            Measured<HttpResult> measured = await lab.MeasureAsync(system, () => lab.Client.CallAsync<HttpResult>("http", system.Http! with { Clients = 2, Seconds = context.Window })).ConfigureAwait(false);
            mine.Add(measured.Result.MedianMilliseconds, measured.Result.Requests, measured);
        }).ConfigureAwait(false);
        List<ReportRow> rows =
        [
            TunnelContext.Compare(lab, requests, "new request at 40 ms RTT, median, one hub", "ms", "lower", TunnelContext.OneHub, TunnelContext.HttpsFull, 2),
            Against(requests, TunnelContext.OneHub, "new request at 40 ms RTT, median, one hub", lab),
            Against(requests, TunnelContext.TwoHubs, "new request at 40 ms RTT, median, two hubs", lab),
            .. context.Quick ? Array.Empty<ReportRow>() :
            [
                TunnelContext.Compare(lab, requests, "new request at 40 ms RTT, median, one hub", "ms", "lower", TunnelContext.OneHub, TunnelContext.Ssh),
                TunnelContext.Compare(lab, requests, "new request at 40 ms RTT, median, one hub", "ms", "lower", TunnelContext.OneHub, TunnelContext.Direct),
            ],
            .. await StreamsAsync(context, lab, 40, context.Rounds, context.Quick ? 0.8 : 4).ConfigureAwait(false),
        ];
        if (!context.Quick)
        {
            await lab.SetRoundTripAsync(TimeSpan.FromMilliseconds(200)).ConfigureAwait(false);
            rows.AddRange(await StreamsAsync(context, lab, 200, context.Rounds, 8).ConfigureAwait(false));
            await lab.SetRoundTripAsync(TimeSpan.FromMilliseconds(40)).ConfigureAwait(false);
        }
        return rows;
    }

    private static ReportRow Against(Dictionary<string, Samples> requests, string name, string metric, Lab lab) =>
        TunnelContext.Bound(metric, "ms", "lower", requests.GetValueOrDefault(name)?.Median, "1 RTT + 4 ms", 44, null, 1, requests.GetValueOrDefault(name)?.Rounds,
            TunnelContext.WhyMissing(lab, requests, name));

    private static async Task<IReadOnlyList<ReportRow>> StreamsAsync(TunnelContext context, Lab lab, int milliseconds, int rounds, double seconds)
    {
        TunnelContext.Say($"1 stream at {milliseconds} ms RTT (MB/s)");
        HashSet<string> warm = [];
        Dictionary<string, Samples> streams = await context.InterleaveAsync(lab, context.Quick ? s_streams[..3] : s_streams, async (system, mine) =>
        {
            if (warm.Add(system.Name))
            {
                // Windows of long-lived tunnels have grown by the time anyone measures them; a TCP connection of its own starts small in every round.
                await system.BulkAsync(new BulkArguments("", 1, 0, BulkDirection.Down, Seconds: seconds)).ConfigureAwait(false);
            }
            Measured<BulkResult> measured = await lab.MeasureAsync(system, () => system.BulkAsync(new BulkArguments("", 1, 0, BulkDirection.Down, Seconds: seconds))).ConfigureAwait(false);
            mine.Add(measured.Result.MegabytesPerSecond, measured.Result.Bytes / 1e9, measured);
        }, rounds).ConfigureAwait(false);
        ReportRow Row(string metric, string ours, string peer, double? floor, double? goal) =>
            TunnelContext.Compare(lab, streams, metric, "MB/s", "higher", ours, peer, floor, goal, "CPU s/GB");
        return
        [
            Row($"1 stream at {milliseconds} ms RTT, one hub", TunnelContext.OneHub, TunnelContext.Direct, milliseconds == 40 ? 0.6 : null, 0.9),
            Row($"1 stream at {milliseconds} ms RTT, two hubs", TunnelContext.TwoHubs, TunnelContext.Direct, null, null),
            .. context.Quick ? Array.Empty<ReportRow>() : [Row($"1 stream at {milliseconds} ms RTT, one hub", TunnelContext.OneHub, TunnelContext.Ssh, null, null)],
        ];
    }
}
