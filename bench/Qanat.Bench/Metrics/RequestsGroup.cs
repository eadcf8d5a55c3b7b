using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Report;

namespace Qanat.Bench.Metrics;

/// <summary>New HTTP requests per second on loopback: 16 clients, each request on a new connection with <c>Connection: close</c>, the same client for every system.</summary>
public sealed class RequestsGroup : MetricGroup
{
    private const string Nerdbank = "Nerdbank.Streams v3";
    private const string HttpsViaRelay = "HTTPS full handshake via TCP relay";
    private const int Clients = 16;

    public override string Name => "requests";

    public override bool NeedsDelay => false;

    public override async Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab)
    {
        TunnelContext.Say("new requests per second, 16 clients, loopback");
        HashSet<string> warm = [];
        string[] names = [TunnelContext.OneHub, TunnelContext.HttpsFull, TunnelContext.Ssh, TunnelContext.TwoHubs, TunnelContext.HttpsResumed, .. context.Quick ? Array.Empty<string>() : [HttpsViaRelay, Nerdbank, TunnelContext.Direct]];
        Dictionary<string, Samples> samples = await context.InterleaveAsync(lab, names, async (system, mine) =>
        {
            Task<HttpResult> Load(double seconds) => system is NerdbankSystem mux
                ? mux.OpensAsync(Clients, seconds)
                : lab.Client.CallAsync<HttpResult>("http", system.Http! with { Clients = Clients, Seconds = seconds });
            if (warm.Add(system.Name))
            {
                await Load(context.Quick ? 1.5 : 12).ConfigureAwait(false);
            }
            Measured<HttpResult> measured = await lab.MeasureAsync(system, () => Load(context.Window)).ConfigureAwait(false);
            mine.Add(measured.Result.PerSecond, measured.Result.Requests, measured);
        }).ConfigureAwait(false);

        ReportRow Row(string metric, string ours, string peer, double? floor = null, double? goal = null, string? note = null) =>
            TunnelContext.Compare(lab, samples, metric, "/s", "higher", ours, peer, floor, goal, "CPU ms/request", 1000, note: note);
        return
        [
            Row("new HTTP requests, 16 clients, one hub", TunnelContext.OneHub, TunnelContext.HttpsFull, 1.5, 2.5),
            Row("new HTTP requests, 16 clients, one hub", TunnelContext.OneHub, TunnelContext.HttpsResumed, null, 1.5),
            Row("new HTTP requests, 16 clients, one hub", TunnelContext.OneHub, TunnelContext.Ssh, null, 1.4),
            Row("new HTTP requests, 16 clients, two hubs", TunnelContext.TwoHubs, TunnelContext.HttpsFull, null, 2),
            TunnelContext.Compare(lab, samples, "CPU per new request, all processes, one hub", "ms", "lower", TunnelContext.OneHub, TunnelContext.HttpsFull, value: s => s.CpuPerWork * 1000),
            .. context.Quick ? Array.Empty<ReportRow>() : Information(),
        ];

        ReportRow[] Information() =>
        [
            Row("new HTTP requests, 16 clients, one hub", TunnelContext.OneHub, HttpsViaRelay),
            Row("new HTTP requests, 16 clients, one hub", TunnelContext.OneHub, Nerdbank, note: "the peer's are channel opens, no HTTP, no relay, no local hops"),
            Row("new HTTP requests, 16 clients, one hub", TunnelContext.OneHub, TunnelContext.Direct),
        ];
    }
}
