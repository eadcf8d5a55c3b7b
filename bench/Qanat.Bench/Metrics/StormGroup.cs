using System.Diagnostics;
using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Processes;
using Qanat.Bench.Report;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Metrics;

/// <summary>
/// Reconnect storm: a hub with N members is killed and started again at once; how long until the last of them has its link back,
/// counted from the kill (the hub's own start included).
/// </summary>
public sealed class StormGroup : MetricGroup
{
    public override string Name => "storm";

    public override bool NeedsDelay => false;

    public override async Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab)
    {
        List<ReportRow> rows = [await RunOneAsync(context, lab, 1000, 1, null).ConfigureAwait(false)];
        if (!context.Quick)
        {
            rows.Add(await RunOneAsync(context, lab, 5000, null, 1).ConfigureAwait(false));
        }
        return rows;
    }

    private static async Task<ReportRow> RunOneAsync(TunnelContext context, Lab lab, int members, double? floor, double? goal)
    {
        TunnelContext.Say($"reconnect storm, {members} members (s)");
        string metric = $"reconnect storm, {members:N0} members";
        try
        {
            string folder = Path.Combine(lab.Folder, $"storm-{members}");
            QanatHub hub = new(lab.Hub, folder, "hub-storm", lab.Hub.FreePort(), lab.Hub.FreePort(), lab.Hub.FreePort(), QanatProgram.MakeHubKey(folder));
            await hub.InitAsync().ConfigureAwait(false);
            ChildProcess process = await StartAsync(hub).ConfigureAwait(false);
            await Task.Delay(500).ConfigureAwait(false);
            long empty = ProcessTree.Measure([process.Id]).ResidentBytes;
            await using WorkerProcess storm = WorkerProcess.Start("members", lab.A);
            string[] tokens = await hub.CreateTokensAsync(members).ConfigureAwait(false);
            ServiceReply joined = await storm.CallAsync<ServiceReply>("storm-join", new StormArguments($"ws://{hub.Address}", hub.Mid.ToString(), tokens)).ConfigureAwait(false);
            await Task.Delay(500).ConfigureAwait(false);
            long steady = ProcessTree.Measure([process.Id]).ResidentBytes;
            List<double> seconds = [];
            long peak = 0;
            string? note = null;
            for (int round = 0; round < (context.Quick ? 1 : 3) && note is null; round++)
            {
                Task<StormResult> watch = storm.CallAsync<StormResult>("storm-watch", new StormCall(joined.Handle, 60));
                await Task.Delay(100).ConfigureAwait(false);
                long start = Stopwatch.GetTimestamp();
                process.Kill();
                await process.WaitForExitAsync().ConfigureAwait(false);
                await process.DisposeAsync().ConfigureAwait(false);
                process = await StartAsync(hub).ConfigureAwait(false);
                StormResult result = await watch.ConfigureAwait(false);
                seconds.Add(Math.Max(result.LastSeconds, Stopwatch.GetElapsedTime(start).TotalSeconds - 0.1));
                peak = Math.Max(peak, ProcessTree.Measure([process.Id]).ResidentBytes);
                TunnelContext.Say($"  {result.Back} back, median {result.MedianSeconds:f2} s, last {result.LastSeconds:f2} s, hub {peak / 1e6:f0} MB ({steady / 1e6:f0} MB before, {empty / 1e6:f0} MB empty)");
                note = result.Back < members ? $"only {result.Back} of {members} were back in 60 s" : null;
            }
            await process.DisposeAsync().ConfigureAwait(false);
            return TunnelContext.Bound(metric, "s", "lower", note is null ? Samples.MedianOf(seconds) : null, "10 s", 10, floor, goal, [.. seconds],
                note ?? $"hub {peak / 1e6:f0} MB after, {steady / 1e6:f0} MB before, {empty / 1e6:f0} MB without members: {(steady - empty) / 1024.0 / members:f0} KiB a member");
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException or TimeoutException)
        {
            TunnelContext.Say($"  {e.Message}");
            return TunnelContext.Bound(metric, "s", "lower", null, "10 s", 10, floor, goal, note: $"not measured: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static async Task<ChildProcess> StartAsync(QanatHub hub)
    {
        ChildProcess process = ChildProcess.Start("hub", hub.StartInfo());
        await hub.Site.WaitForPortAsync(hub.Port, process, 30).ConfigureAwait(false);
        await hub.Site.WaitForPortAsync(hub.AdminPort, process, 30).ConfigureAwait(false);
        return process;
    }
}
