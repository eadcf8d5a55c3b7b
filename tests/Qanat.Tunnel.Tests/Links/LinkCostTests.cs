using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>What links cost: no allocation per frame, little memory when idle. These run alone, since they count the whole process.</summary>
[Trait("Kind", "Bench")]
[Collection(nameof(LinkCostTests))]
[CollectionDefinition(nameof(LinkCostTests), DisableParallelization = true)]
public sealed class LinkCostTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(LinkKind.WebSocket, 16_384)]
    [InlineData(LinkKind.Tcp, 16_384)]
    [InlineData(LinkKind.WebSocket, 100)]
    public async Task Pulled_frames_cost_no_allocation_and_arrive_whole(LinkKind kind, int payload)
    {
        LinkListenerOptions options = new()
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Kind = kind,
            PeerRole = kind == LinkKind.Tcp ? LinkRole.Hub : LinkRole.Node,
        };
        await using LinkWorld world = new(options);
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync();
        int warmUp = 2_000;
        int frames = payload < 1000 ? 400_000 : 60_000;
        Sink sink = new(warmUp, frames);
        accepted.Link.Start(sink, null);
        Source source = new(world.FromNode(), payload, warmUp + frames);
        dialed.Link.Start(new Sink(0, 0), source);
        dialed.Link.NotifyReady();
        await sink.WarmedUp.WaitAsync(TimeSpan.FromSeconds(300));
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Stopwatch watch = Stopwatch.StartNew();
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        await sink.Done.WaitAsync(TimeSpan.FromSeconds(300));
        cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        double megabytes = (double)frames * payload / 1e6;
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        output.WriteLine($"{kind} {payload} B: {megabytes / watch.Elapsed.TotalSeconds:F0} MB/s, {cpu.TotalSeconds / megabytes * 1000:F2} CPU s/GB both ends, {allocated / (double)frames:F1} B allocated per frame");
        Assert.False(sink.IsBroken);
        Assert.True(allocated / (double)frames < 20, $"{allocated} bytes for {frames} frames.");
        await dialed.Link.DisposeAsync();
        await accepted.Link.DisposeAsync();
    }

    [Fact]
    public async Task Idle_link_costs_less_than_20_KiB_for_both_its_ends()
    {
        const int Links = 300;
        await using LinkWorld world = new();
        List<Link> links = [];
        long before = 0;
        for (int i = 0; i < Links + 50; i++)
        {
            if (i == 50)
            {
                before = Settled();
            }
            (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync();
            dialed.Link.Start(new Sink(0, 0), null);
            accepted.Link.Start(new Sink(0, 0), null);
            links.Add(dialed.Link);
            links.Add(accepted.Link);
        }
        world.Proofs.Clear();
        double perLink = (Settled() - before) / (double)Links / 1024;
        output.WriteLine($"{perLink:F1} KiB managed memory per idle link, both ends");
        Assert.True(perLink < 20, $"{perLink:F1} KiB");
        await Task.WhenAll(links.Select(l => l.DisposeAsync().AsTask()));
    }

    // What earlier tests left to finalizers is not counted on one side only.
    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private sealed class Source(FrameHeader header, int payload, int frames) : IFrameSource
    {
        private long _next;

        public bool Fill(IFrameWriter writer)
        {
            while (_next < frames)
            {
                if (!writer.TryReserve(header with { Offset = (ulong)_next }, payload, out Span<byte> room))
                {
                    return true;
                }
                BinaryPrimitives.WriteInt64BigEndian(room, _next);
                BinaryPrimitives.WriteInt64BigEndian(room[^8..], ~_next);
                _next++;
            }
            return false;
        }
    }

    private sealed class Sink(int warmUp, int frames) : ILinkHandler
    {
        private readonly TaskCompletionSource _warmedUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _count;

        public bool IsBroken { get; private set; }

        public Task WarmedUp => _warmedUp.Task;

        public Task Done => _done.Task;

        public void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
        {
            IsBroken |= header.Offset != (ulong)_count
                || BinaryPrimitives.ReadInt64BigEndian(payload) != _count
                || BinaryPrimitives.ReadInt64BigEndian(payload[^8..]) != ~_count;
            _count++;
            if (_count == warmUp)
            {
                _warmedUp.TrySetResult();
            }
            else if (_count == warmUp + frames)
            {
                _done.TrySetResult();
            }
        }

        public ValueTask OnBatchAsync(Link link, int wireBytes) => default;
    }
}
