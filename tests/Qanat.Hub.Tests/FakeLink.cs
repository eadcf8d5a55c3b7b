using Qanat.Tunnel.Links;

namespace Qanat.Hub.Tests;

/// <summary>A link that keeps what is sent until the test drains it.</summary>
internal sealed class FakeLink(Mid local, Mid peer, LinkRole peerRole, long limit = 4 << 20) : Link
{
    private readonly TaskCompletionSource<LinkClosed> _completion = new();
    private readonly List<(FrameHeader Header, byte[] Payload)> _frames = [];
    private long _queued;

    public bool Keep { get; set; } = true;

    public override Mid LocalMid => local;

    public override Mid PeerMid => peer;

    public override LinkRole PeerRole => peerRole;

    public override Task<LinkClosed> Completion => _completion.Task;

    public override TimeSpan RoundTrip => TimeSpan.Zero;

    public override long QueuedBytes => Volatile.Read(ref _queued);

    public LinkCloseCause? ClosedWith { get; private set; }

    public IReadOnlyList<(FrameHeader Header, byte[] Payload)> Frames { get { lock (_frames) return [.. _frames]; } }

    public override void Start(ILinkHandler handler, IFrameSource? source) { }

    public override bool TrySend(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        int bytes = FrameHeader.Length + payload.Length;
        if (_completion.Task.IsCompleted || QueuedBytes + bytes > limit)
        {
            return false;
        }
        if (Keep)
        {
            lock (_frames)
            {
                _frames.Add((header, payload.ToArray()));
            }
        }
        Interlocked.Add(ref _queued, bytes);
        return true;
    }

    /// <summary>The wire takes bytes off the queue.</summary>
    public void Drain(long bytes = long.MaxValue) => Interlocked.Add(ref _queued, -Math.Min(bytes, QueuedBytes));

    public void Clear()
    {
        lock (_frames)
        {
            _frames.Clear();
        }
        Drain();
    }

    public override void NotifyReady() { }

    public override ValueTask CloseAsync(LinkCloseCause cause)
    {
        ClosedWith = cause;
        _completion.TrySetResult(new LinkClosed(cause, "test"));
        return ValueTask.CompletedTask;
    }

    public override ValueTask DisposeAsync() => CloseAsync(LinkCloseCause.Local);
}
