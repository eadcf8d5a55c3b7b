using System.Threading.Channels;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Testing;

/// <summary>One end of an <see cref="InMemoryLinkPair"/>.</summary>
internal sealed class InMemoryLink(Mid localMid, Mid peerMid, LinkRole peerRole, int queueBytes, int wireBytes) : Link, IFrameWriter
{
    private const int SendBufferBytes = 256 * 1024;
    private readonly TaskCompletionSource<LinkClosed> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<bool> _ready = Signal();
    private readonly Channel<bool> _room = Signal();
    private readonly Channel<byte[]> _inbox = Channel.CreateUnbounded<byte[]>(new() { SingleReader = true });
    private readonly Queue<byte[]> _queue = new();
    private readonly List<byte[]> _reserved = [];
    private InMemoryLink _peer = null!;
    private FrameFault? _fault;
    private bool _fromLeft;
    private int _queuedBytes;
    private int _reservedBytes;
    private int _inboxBytes;
    private int _started;
    private bool _finishing;
    private Task _sending = Task.CompletedTask;
    private Task _receiving = Task.CompletedTask;

    public override Mid LocalMid => localMid;

    public override Mid PeerMid => peerMid;

    public override LinkRole PeerRole => peerRole;

    public override Task<LinkClosed> Completion => _completion.Task;

    public override TimeSpan RoundTrip => TimeSpan.Zero;

    public override long QueuedBytes => Volatile.Read(ref _queuedBytes);

    internal void Join(InMemoryLink peer, bool fromLeft, FrameFault? fault)
    {
        _peer = peer;
        _fromLeft = fromLeft;
        _fault = fault;
    }

    public override void Start(ILinkHandler handler, IFrameSource? source)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
        {
            throw new InvalidOperationException("The link has been started.");
        }
        _receiving = Task.Run(() => ReceiveAsync(handler));
        _sending = Task.Run(() => SendAsync(source));
    }

    public override bool TrySend(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[FrameHeader.Length + payload.Length];
        header.Write(frame);
        payload.CopyTo(frame.AsSpan(FrameHeader.Length));
        lock (_queue)
        {
            if (_finishing || _completion.Task.IsCompleted || _queuedBytes + frame.Length > queueBytes)
            {
                return false;
            }
            _queue.Enqueue(frame);
            _queuedBytes += frame.Length;
        }
        NotifyReady();
        return true;
    }

    public override void NotifyReady() => _ready.Writer.TryWrite(true);

    public override async ValueTask CloseAsync(LinkCloseCause cause)
    {
        lock (_queue)
        {
            _finishing = true;
        }
        NotifyReady();
        await Task.WhenAny(_sending, Task.Delay(TimeSpan.FromSeconds(10)));
        End(new LinkClosed(cause, "Closed by this side."));
        _peer.EndOfInput();
    }

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync(LinkCloseCause.Local);
        await Task.WhenAll(_sending, _receiving);
    }

    bool IFrameWriter.TryReserve(in FrameHeader header, int payloadLength, out Span<byte> payload)
    {
        int length = FrameHeader.Length + payloadLength;
        if (_reservedBytes + length > SendBufferBytes)
        {
            payload = default;
            return false;
        }
        byte[] frame = new byte[length];
        header.Write(frame);
        _reserved.Add(frame);
        _reservedBytes += length;
        payload = frame.AsSpan(FrameHeader.Length);
        return true;
    }

    internal void End(LinkClosed closed)
    {
        if (_completion.TrySetResult(closed))
        {
            _inbox.Writer.TryComplete();
            _ready.Writer.TryComplete();
            _room.Writer.TryComplete();
            _peer._room.Writer.TryWrite(true);
        }
    }

    private void EndOfInput()
    {
        _inbox.Writer.TryComplete();
        if (Volatile.Read(ref _started) == 0)
        {
            End(new LinkClosed(LinkCloseCause.Remote, "Closed by the peer."));
        }
    }

    private async Task SendAsync(IFrameSource? source)
    {
        while (await _ready.Reader.WaitToReadAsync())
        {
            _ready.Reader.TryRead(out _);
            bool more = true;
            while (more && !_completion.Task.IsCompleted)
            {
                while (Volatile.Read(ref _peer._inboxBytes) >= wireBytes && !_peer._completion.Task.IsCompleted && await _room.Reader.WaitToReadAsync())
                {
                    _room.Reader.TryRead(out _);
                }
                more = Pull(source);
                foreach (byte[] frame in _reserved)
                {
                    if (_fault is null)
                    {
                        _peer.Deliver(frame);
                    }
                    else
                    {
                        _fault(_fromLeft, frame, _peer.Deliver);
                    }
                }
                _reserved.Clear();
                _reservedBytes = 0;
            }
            lock (_queue)
            {
                if (_finishing && _queue.Count == 0)
                {
                    return;
                }
            }
        }
    }

    private bool Pull(IFrameSource? source)
    {
        lock (_queue)
        {
            while (_reservedBytes < SendBufferBytes && _queue.TryDequeue(out byte[]? frame))
            {
                _reserved.Add(frame);
                _reservedBytes += frame.Length;
                _queuedBytes -= frame.Length;
            }
            if (_queue.Count > 0)
            {
                return true;
            }
            if (_finishing)
            {
                return false;
            }
        }
        return source?.Fill(this) ?? false;
    }

    private void Deliver(byte[] frame)
    {
        if (_inbox.Writer.TryWrite(frame))
        {
            Interlocked.Add(ref _inboxBytes, frame.Length);
        }
    }

    private async Task ReceiveAsync(ILinkHandler handler)
    {
        while (await _inbox.Reader.WaitToReadAsync())
        {
            int batch = 0;
            while (batch < SendBufferBytes && !_completion.Task.IsCompleted && _inbox.Reader.TryRead(out byte[]? frame))
            {
                batch += frame.Length;
                Dispatch(handler, frame);
            }
            if (_completion.Task.IsCompleted)
            {
                return;
            }
            await handler.OnBatchAsync(this, batch);
            if (Interlocked.Add(ref _inboxBytes, -batch) < wireBytes)
            {
                _peer._room.Writer.TryWrite(true);
            }
        }
        End(new LinkClosed(LinkCloseCause.Remote, "Closed by the peer."));
    }

    private void Dispatch(ILinkHandler handler, byte[] frame)
    {
        if (FrameHeader.TryRead(frame, out FrameHeader header, out ReadOnlySpan<byte> payload) != ParseStatus.Complete)
        {
            End(new LinkClosed(LinkCloseCause.ProtocolError, "Malformed frame."));
            return;
        }
        handler.OnFrame(this, header, payload);
    }

    private static Channel<bool> Signal() => Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
}
