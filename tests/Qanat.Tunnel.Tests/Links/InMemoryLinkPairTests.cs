using System.Collections.Concurrent;
using Qanat.Testing;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Links;

public sealed class InMemoryLinkPairTests
{
    private static readonly Mid s_left = Mid.Read([1, .. new byte[15]]);
    private static readonly Mid s_right = Mid.Read([2, .. new byte[15]]);

    [Fact]
    public async Task Pushed_and_pulled_frames_arrive_in_order()
    {
        await using InMemoryLinkPair pair = new(s_left, s_right);
        CountingHandler handler = new(100);
        pair.Right.Start(handler, null);
        pair.Left.Start(new CountingHandler(0), new CountingSource(50, 50));
        for (ulong i = 0; i < 50; i++)
        {
            Assert.True(pair.Left.TrySend(new FrameHeader(FrameType.Data, 0, 0, s_left, s_right, 1, i), [7]));
        }
        pair.Left.NotifyReady();
        await handler.Done.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(Enumerable.Range(0, 100), handler.Offsets.Order());
        await pair.Left.CloseAsync(LinkCloseCause.Local);
        Assert.Equal(LinkCloseCause.Remote, (await pair.Right.Completion).Cause);
    }

    [Fact]
    public async Task Faults_drop_and_double_chosen_frames()
    {
        FrameFault fault = FrameFaults.When((_, h) => h.Offset == 1, FrameFaults.Drop);
        FrameFault twice = FrameFaults.When((_, h) => h.Offset == 2, FrameFaults.Duplicate);
        await using InMemoryLinkPair pair = new(s_left, s_right, fault: (l, f, d) => fault(l, f, g => twice(l, g, d)));
        CountingHandler handler = new(4);
        pair.Right.Start(handler, null);
        pair.Left.Start(new CountingHandler(0), new CountingSource(0, 4));
        pair.Left.NotifyReady();
        await handler.Done.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal([0, 2, 2, 3], handler.Offsets);
    }

    [Fact]
    public async Task Cut_ends_both_ends_and_refuses_sends()
    {
        await using InMemoryLinkPair pair = new(s_left, s_right);
        pair.Left.Start(new CountingHandler(0), null);
        pair.Cut();
        Assert.Equal(LinkCloseCause.TransportFailed, (await pair.Left.Completion).Cause);
        Assert.Equal(LinkCloseCause.TransportFailed, (await pair.Right.Completion).Cause);
        Assert.False(pair.Left.TrySend(new FrameHeader(FrameType.Ping, 0, 0, s_left, s_right, 0, 0), []));
    }

    private sealed class CountingHandler(int expected) : ILinkHandler
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ConcurrentQueue<int> Offsets { get; } = new();

        public Task Done => _done.Task;

        public void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
        {
            Offsets.Enqueue((int)header.Offset);
            if (Offsets.Count == expected)
            {
                _done.TrySetResult();
            }
        }

        public ValueTask OnBatchAsync(Link link, int wireBytes) => default;
    }

    private sealed class CountingSource(int first, int count) : IFrameSource
    {
        private readonly int _end = first + count;
        private int _next = first;

        public bool Fill(IFrameWriter writer)
        {
            while (_next < _end)
            {
                if (!writer.TryReserve(new FrameHeader(FrameType.Data, 0, 0, s_left, s_right, 1, (ulong)_next), 1, out Span<byte> payload))
                {
                    return true;
                }
                payload[0] = 7;
                _next++;
            }
            return false;
        }
    }
}
