using System.IO.Pipelines;

namespace Qanat.Tls.Tests.Streams;

/// <summary>
/// One end of a connection in memory, as a stream. It can deliver few bytes at a time, end like a FIN or a reset, hold writes back, and tells whether a read with a buffer waits.
/// </summary>
internal sealed class MemoryTransport : Stream
{
    private readonly Pipe _incoming;
    private readonly Pipe _outgoing;
    private readonly MemoryTransportLog? _log;
    private readonly bool _isClient;
    private bool _isEnded;

    private MemoryTransport(Pipe incoming, Pipe outgoing, MemoryTransportLog? log, bool isClient) => (_incoming, _outgoing, _log, _isClient) = (incoming, outgoing, log, isClient);

    /// <summary>Two connected ends.</summary>
    public static (MemoryTransport Client, MemoryTransport Server) Pair(MemoryTransportLog? log = null, int window = 1 << 20)
    {
        PipeOptions options = new(pauseWriterThreshold: window, resumeWriterThreshold: window / 2, useSynchronizationContext: false);
        Pipe toServer = new(options), toClient = new(options);
        return (new MemoryTransport(toClient, toServer, log, true), new MemoryTransport(toServer, toClient, log, false));
    }

    /// <summary>Most bytes that one read gives.</summary>
    public int MaxRead { get; set; } = int.MaxValue;

    /// <summary>Largest buffer with which a read waits now; 0 when none waits, or only zero-byte reads.</summary>
    public int WaitingBufferBytes { get; private set; }

    /// <summary>Set when a zero-byte read begins to wait.</summary>
    public TaskCompletionSource IdleWait { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Writes wait for this when it is set.</summary>
    public Task? WriteGate { get; set; }

    /// <summary>Changes what is sent, in place.</summary>
    public Action<byte[]>? Tamper { get; set; }

    /// <summary>Bytes written so far.</summary>
    public long Written { get; private set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Ends what this side sends, as a FIN does.</summary>
    public void SendFin()
    {
        _isEnded = true;
        _outgoing.Writer.Complete();
    }

    /// <summary>Ends both directions with an error, as a reset does.</summary>
    public void Reset()
    {
        _isEnded = true;
        _outgoing.Writer.Complete(new IOException("connection reset"));
        _incoming.Writer.Complete(new IOException("connection reset"));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> pending = _incoming.Reader.ReadAsync(cancellationToken);
        if (!pending.IsCompleted)
        {
            WaitingBufferBytes = buffer.Length;
            if (buffer.IsEmpty)
            {
                IdleWait.TrySetResult();
            }
        }
        ReadResult result = await pending;
        WaitingBufferBytes = 0;
        ObjectDisposedException.ThrowIf(result.IsCanceled, this);
        int count = (int)Math.Min(Math.Min(buffer.Length, MaxRead), result.Buffer.Length);
        int at = 0;
        foreach (ReadOnlyMemory<byte> segment in result.Buffer.Slice(0, count))
        {
            segment.Span.CopyTo(buffer.Span[at..]);
            at += segment.Length;
        }
        _incoming.Reader.AdvanceTo(result.Buffer.GetPosition(count));
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (WriteGate is { } gate)
        {
            await gate.WaitAsync(cancellationToken);
        }
        if (_isEnded)
        {
            throw new IOException("the connection is closed");
        }
        ReadOnlyMemory<byte> sent = buffer;
        if (Tamper is { } tamper)
        {
            byte[] copy = buffer.ToArray();
            tamper(copy);
            sent = copy;
        }
        _log?.Add(_isClient, sent.Span);
        Written += sent.Length;
        FlushResult result = await _outgoing.Writer.WriteAsync(sent, cancellationToken);
        if (result.IsCompleted)
        {
            throw new IOException("the peer is gone");
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (!_isEnded)
            {
                SendFin();
            }
            _incoming.Reader.CancelPendingRead();
        }
        base.Dispose(disposing);
    }
}

/// <summary>What both ends of a connection sent, in order. Thread-safe.</summary>
internal sealed class MemoryTransportLog
{
    private readonly Lock _lock = new();
    private readonly List<(bool FromClient, byte[] Bytes)> _segments = [];

    public IReadOnlyList<(bool FromClient, byte[] Bytes)> Segments
    {
        get
        {
            lock (_lock)
            {
                return [.. _segments];
            }
        }
    }

    public void Add(bool fromClient, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            _segments.Add((fromClient, bytes.ToArray()));
        }
    }
}
