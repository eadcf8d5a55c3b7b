using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Report;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Metrics;

/// <summary>
/// What others in the same tunnel do to new requests: p99 idle, with 100 readers that never read, with 8 bulk streams; and how fairly 16 bulk streams share.
/// Counted at 40 ms RTT, where windows matter; on two shared cores the loopback figures say more about the scheduler, so they are information.
/// </summary>
public sealed class InterferenceGroup(bool delayed) : MetricGroup
{
    private const int Clients = 16;
    private const int Stalled = 100;
    private const int Bulk = 8;
    private const int Fair = 16;

    public override string Name => "interference";

    public override bool NeedsDelay => delayed;

    public override async Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab)
    {
        string where = delayed ? "at 40 ms RTT" : "on loopback";
        TunnelContext.Say($"p99 of new requests {where}: idle, {Stalled} stalled readers, {Bulk} bulk streams (ms)");
        List<double> jain = [];
        Dictionary<string, (Samples Idle, Samples Stalled, Samples Bulk)> all = [];
        double seconds = context.Quick ? 0.8 : 3;
        string[] names = context.Quick || !delayed ? [TunnelContext.OneHub] : [TunnelContext.OneHub, TunnelContext.Ssh];
        Dictionary<string, Samples> idles = await context.InterleaveAsync(lab, names, async (system, mine) =>
        {
            (Samples Idle, Samples Stalled, Samples Bulk) set = all.TryGetValue(system.Name, out var known) ? known : all[system.Name] = (new(), new(), new());
            async Task<double> P99Async()
            {
                Measured<HttpResult> measured = await lab.MeasureAsync(system, () => lab.Client.CallAsync<HttpResult>("http", system.Http! with { Clients = Clients, Seconds = seconds })).ConfigureAwait(false);
                return measured.Result.P99Milliseconds;
            }
            if (!mine.Any)
            {
                await P99Async().ConfigureAwait(false); // Not counted: code and connections get warm.
            }
            double idle = await P99Async().ConfigureAwait(false);
            set.Idle.Add(idle);
            mine.Add(idle);

            HttpArguments http = system.Http!;
            string path = http.Mode == HttpMode.Absolute ? $"http://{http.Authority}/bytes/1000000000" : "/bytes/1000000000";
            ServiceReply stalled = await lab.Client.CallAsync<ServiceReply>("hold-streams",
                new HeldStreamsArguments(http.Target, Stalled, $"GET {path} HTTP/1.1\r\nHost: {http.Authority}\r\n\r\n", ReceiveBuffer: 16 * 1024)).ConfigureAwait(false);
            await Task.Delay(context.Quick ? 1500 : 3000).ConfigureAwait(false); // Their windows fill.
            set.Stalled.Add(await P99Async().ConfigureAwait(false));
            await lab.Client.CallAsync<object>("release", new HandleArguments(stalled.Handle)).ConfigureAwait(false);

            Task<BulkResult> bulk = system.BulkAsync(new BulkArguments("", Bulk, 0, BulkDirection.Down, Seconds: seconds + 0.6));
            await Task.Delay(300).ConfigureAwait(false);
            set.Bulk.Add(await P99Async().ConfigureAwait(false));
            await bulk.ConfigureAwait(false);
            if (system.Name == TunnelContext.OneHub)
            {
                jain.Add((await system.BulkAsync(new BulkArguments("", Fair, 0, BulkDirection.Down, Seconds: context.Quick ? 0.8 : 3)).ConfigureAwait(false)).Jain);
            }
        }).ConfigureAwait(false);

        List<ReportRow> rows = [];
        foreach (string name in names)
        {
            bool ours = name == TunnelContext.OneHub;
            (Samples Idle, Samples Stalled, Samples Bulk)? set = all.TryGetValue(name, out var found) ? found : null;
            string? note = TunnelContext.WhyMissing(lab, idles, name);
            double? idle = set?.Idle.Median;
            ReportRow Row(string what, Samples? with, double floor, double goal) =>
                TunnelContext.Bound($"p99 of new requests {where}, {what}{(ours ? "" : $" ({name})")}", "ms", "lower", with?.Median, "the same, idle", idle ?? double.NaN,
                    ours && delayed ? floor : null, ours && delayed ? goal : null, with?.Rounds, note);
            rows.Add(Row($"{Stalled} stalled readers", set?.Stalled, 0.5, 1 / 1.2));
            rows.Add(Row($"{Bulk} bulk streams", set?.Bulk, 0.25, 0.5));
        }
        rows.Add(TunnelContext.Bound($"fairness of {Fair} bulk streams {where}, Jain index", "index", "higher", jain.Count == 0 ? null : Samples.MedianOf(jain), "0.98", 0.98, null, null, [.. jain]));
        return rows;
    }
}
