using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Tests.Links;

public sealed class LinkMetricsTests : IMeterFactory, ILinkAdmission
{
    private readonly Meter _meter = new("test");

    public Meter Create(MeterOptions options) => _meter;

    public void Dispose() => _meter.Dispose();

    public ValueTask<LinkAdmission> AdmitAsync(LinkProof proof, CancellationToken cancellationToken) =>
        ValueTask.FromResult(proof.RequestedName == "bad" ? LinkAdmission.Refuse(LinkRefusal.InvalidName, "no") : new LinkAdmission());

    [Fact]
    public async Task Bytes_frames_closes_and_handshakes_are_counted_and_traced()
    {
        ConcurrentDictionary<string, long> sums = new();
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (ReferenceEquals(instrument.Meter, _meter))
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            sums.AddOrUpdate($"{instrument.Name} {string.Join(' ', tags.ToArray().Select(t => t.Value))}".TrimEnd(), value, (_, old) => old + value));
        listener.Start();
        using LinkMetrics metrics = new(this);
        using NodeIdentity hub = NodeIdentity.Create();
        using NodeIdentity node = NodeIdentity.Create();
        ConcurrentBag<Activity> activities = [];
        using ActivityListener tracer = new()
        {
            ShouldListenTo = source => source.Name == LinkMetrics.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(tracer);

        TaskCompletionSource<Link> accepted = new();
        await using LinkListener links = new(
            hub, new LinkListenerOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, 0) }, this,
            link =>
            {
                accepted.SetResult(link.Link);
                return default;
            }, metrics: metrics);
        links.Start();
        LinkDialer dialer = new(node, metrics: metrics);
        LinkTarget target = new() { Address = new Uri($"ws://127.0.0.1:{links.LocalEndPoint.Port}/") };
        LinkIntroduction introduction = new() { Role = LinkRole.Node };
        await Assert.ThrowsAsync<TunnelException>(() => dialer.DialAsync(target, introduction with { RequestedName = "bad" }, CancellationToken.None));
        DialedLink dialed = await dialer.DialAsync(target, introduction, CancellationToken.None);
        Link other = await accepted.Task;
        RecordingHandler handler = new();
        other.Start(handler, null);
        dialed.Link.Start(new RecordingHandler(), null);
        for (ulong i = 0; i < 3; i++)
        {
            Assert.True(dialed.Link.TrySend(new FrameHeader(FrameType.Data, 0, 0, node.Mid, hub.Mid, 1, i), new byte[100]));
            await handler.NextAsync();
        }
        await dialed.Link.DisposeAsync();
        await other.Completion;
        // The acceptor's own account of the handshake may come after the link it handed over has ended.
        await LinkWorld.UntilAsync(() => sums.ContainsKey("qanat.link.handshakes acceptor Welcome") && activities.Any(a => a.Kind == ActivityKind.Server && (string?)a.GetTagItem("qanat.link.peer") == node.Mid.ToString()));

        Assert.Equal(3, sums["qanat.link.frames out"]);
        Assert.Equal(3, sums["qanat.link.frames in"]);
        // 152 bytes behind a header of 8 (length in two bytes, mask key), three times; the close frame is not counted as traffic of frames.
        Assert.Equal(3 * 160, sums["qanat.link.bytes out"]);
        Assert.Equal(0, sums["qanat.link.active"]);
        Assert.Equal(1, sums["qanat.link.closes Local"]);
        Assert.Equal(1, sums["qanat.link.closes Remote"]);
        Assert.Equal(1, sums["qanat.link.handshakes acceptor Welcome"]);
        Assert.Equal(1, sums["qanat.link.handshakes acceptor InvalidName"]);
        Assert.Equal(1, sums["qanat.link.handshakes initiator Welcome"]);
        Assert.Equal(1, sums["qanat.link.handshakes initiator Denied"]);
        Assert.Contains(activities, a => a.Kind == ActivityKind.Client && (string?)a.GetTagItem("qanat.link.peer") == hub.Mid.ToString());
        Assert.Contains(activities, a => a.Kind == ActivityKind.Server && (string?)a.GetTagItem("qanat.link.peer") == node.Mid.ToString());
    }
}
