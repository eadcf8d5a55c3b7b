using System.Threading.Channels;
using Qanat.Tunnel.Links;

namespace Qanat.Hub.Tests;

/// <summary>Keeps what a link delivers.</summary>
internal sealed class FrameInbox : ILinkHandler
{
    private readonly Channel<(FrameHeader Header, byte[] Payload)> _received = Channel.CreateUnbounded<(FrameHeader, byte[])>();
    private long _bytes;

    public long Bytes => Volatile.Read(ref _bytes);

    public bool CountOnly { get; set; }

    public async Task<(FrameHeader Header, byte[] Payload)> NextAsync(params FrameType[] types)
    {
        using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(60));
        while (true)
        {
            (FrameHeader Header, byte[] Payload) frame = await _received.Reader.ReadAsync(timeout.Token);
            if (types.Contains(frame.Header.Type))
            {
                return frame;
            }
        }
    }

    public bool TryNext(out FrameHeader header)
    {
        bool any = _received.Reader.TryRead(out (FrameHeader Header, byte[] Payload) frame);
        header = frame.Header;
        return any;
    }

    public void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Interlocked.Add(ref _bytes, payload.Length);
        if (!CountOnly)
        {
            _received.Writer.TryWrite((header, payload.ToArray()));
        }
    }

    public ValueTask OnBatchAsync(Link link, int wireBytes) => ValueTask.CompletedTask;
}
