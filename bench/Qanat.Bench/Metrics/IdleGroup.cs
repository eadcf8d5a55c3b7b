using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Processes;
using Qanat.Bench.Report;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Metrics;

/// <summary>Memory of an idle stream: growth of the resident sets of all processes of a system while 1,000 connections are open, per connection.
/// Each has carried one small answer before it rests, as real connections have.</summary>
public sealed class IdleGroup : MetricGroup
{
    private const int Streams = 1000;
    private const int UsedBytes = 1000;

    public override string Name => "idle";

    public override bool NeedsDelay => false;

    public override async Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab)
    {
        TunnelContext.Say($"{Streams} idle streams (KiB each)");
        Dictionary<string, Samples> samples = await context.InterleaveAsync(lab, [TunnelContext.OneHub, TunnelContext.Ssh], async (system, mine) =>
        {
            // Code of the opening path is compiled before the count.
            ServiceReply warm = await lab.Client.CallAsync<ServiceReply>("hold-streams", new HeldStreamsArguments(system.BulkEntry!, 100, null, UsedBytes: UsedBytes)).ConfigureAwait(false);
            await lab.Client.CallAsync<object>("release", new HandleArguments(warm.Handle)).ConfigureAwait(false);
            await Task.Delay(context.Quick ? 500 : 2000).ConfigureAwait(false);
            long before = ProcessTree.Measure(system.Processes).ResidentBytes;
            ServiceReply held = await lab.Client.CallAsync<ServiceReply>("hold-streams", new HeldStreamsArguments(system.BulkEntry!, Streams, null, UsedBytes: UsedBytes)).ConfigureAwait(false);
            await Task.Delay(context.Quick ? 600 : 3000).ConfigureAwait(false);
            long after = ProcessTree.Measure(system.Processes).ResidentBytes;
            await lab.Client.CallAsync<object>("release", new HandleArguments(held.Handle)).ConfigureAwait(false);
            mine.Add((after - before) / 1024.0 / Streams);
            await Task.Delay(context.Quick ? 300 : 1000).ConfigureAwait(false);
        }, rounds: 1).ConfigureAwait(false); // Only the first opening finds memory that was never used; later ones would flatter everyone.
        Samples? ours = samples.GetValueOrDefault(TunnelContext.OneHub);
        return
        [
            TunnelContext.Bound("idle stream, all processes, one hub", "KiB", "lower", ours?.Median, "20 KiB", 20, 20.0 / 60, 1, ours?.Rounds,
                TunnelContext.WhyMissing(lab, samples, TunnelContext.OneHub)),
            TunnelContext.Compare(lab, samples, "idle stream, all processes, one hub", "KiB", "lower", TunnelContext.OneHub, TunnelContext.Ssh),
        ];
    }
}
