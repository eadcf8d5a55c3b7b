using System.Diagnostics.Metrics;
using Qanat.Hub.Routing;

namespace Qanat.Hub.Hosting;

/// <summary>The hub's instruments, all read from counters the relay keeps anyway.</summary>
internal sealed class HubMetrics
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Qanat.Hub";

    public HubMetrics(IMeterFactory meters, HubCore core)
    {
        Meter meter = meters.Create(MeterName);
        Router router = core.Router;
        meter.CreateObservableGauge("qanat.hub.links", () => new[]
        {
            new Measurement<int>(router.MemberCount, new KeyValuePair<string, object?>("qanat.link.role", "node")),
            new Measurement<int>(router.HubCount, new KeyValuePair<string, object?>("qanat.link.role", "hub")),
        }, "{link}", "Live links.");
        meter.CreateObservableCounter("qanat.relay.frames", () => router.Sent.Frames, "{frame}", "Frames queued to links.");
        meter.CreateObservableCounter("qanat.relay.bytes", () => router.Sent.Bytes, "By", "Bytes queued to links, headers included.");
        meter.CreateObservableCounter("qanat.relay.frames.dropped", () => Enum.GetValues<DropReason>().Select(reason =>
            new Measurement<long>(router.Dropped(reason), new KeyValuePair<string, object?>("qanat.drop.reason", reason.ToString()))), "{frame}", "Frames dropped.");
        meter.CreateObservableCounter("qanat.hub.quota.pauses", () => router.QuotaPauses, "{pause}", "Times a member's reading paused for its bytes quota.");
        meter.CreateObservableGauge("qanat.hub.routes", () => router.RouteCount, "{route}", "Known members of other hubs.");
        meter.CreateObservableGauge("qanat.hub.frames.pending", () => core.PendingFrames, "{frame}", "Frames that wait for a route.");
        meter.CreateObservableGauge("qanat.hub.queue", () => router.Members.Concat<Port>(router.Hubs).Sum(p => p.Link.QueuedBytes), "By", "Bytes in all links' send queues.");
        meter.CreateObservableGauge("qanat.hub.members", () => core.Directory.Participants.Count(p => p.Active), "{member}", "Enrolled members.");
        meter.CreateObservableGauge("qanat.hub.hubs", () => core.Table.Hubs.Count, "{hub}", "Trusted hubs.");
    }
}
