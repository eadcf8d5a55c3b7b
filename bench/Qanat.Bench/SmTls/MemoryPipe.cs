namespace Qanat.Bench.SmTls;

/// <summary>One end of a connection in memory. Reads wait for the other end when nothing is there, and complete at once otherwise; nothing is allocated once the buffers have grown.</summary>
internal sealed class MemoryPipe : Stream
{
    private readonly Queue _incoming;
    private readonly Queue _outgoing;

    private MemoryPipe(Queue incoming, Queue outgoing) => (_incoming, _outgoing) = (incoming, outgoing);

    public static (MemoryPipe A, MemoryPipe B) Pair()
    {
        Queue first = new(), second = new();
        return (new MemoryPipe(first, second), new MemoryPipe(second, first));
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer) => _incoming.TryRead(buffer, out int count, out Task? more) ? count : Wait(more!, buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _incoming.TryRead(buffer.Span, out int count, out Task? more) ? new ValueTask<int>(count) : new ValueTask<int>(WaitAsync(more!, buffer, cancellationToken));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(ReadOnlySpan<byte> buffer) => _outgoing.Write(buffer);

    public override void Write(byte[] buffer, int offset, int count) => _outgoing.Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _outgoing.Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer, offset, count);
        return Task.CompletedTask;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private int Wait(Task more, Span<byte> buffer)
    {
        more.Wait();
        return Read(buffer);
    }

    private async Task<int> WaitAsync(Task more, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        await more.WaitAsync(cancellationToken);
        return await ReadAsync(buffer, cancellationToken);
    }

    private sealed class Queue
    {
        private readonly Lock _lock = new();
        private byte[] _bytes = new byte[1 << 20];
        private int _start;
        private int _end;
        private TaskCompletionSource? _more;

        public void Write(ReadOnlySpan<byte> source)
        {
            TaskCompletionSource? waiting;
            lock (_lock)
            {
                if (_end + source.Length > _bytes.Length)
                {
                    byte[] larger = _end - _start + source.Length > _bytes.Length ? new byte[2 * (_end - _start + source.Length)] : _bytes;
                    _bytes.AsSpan(_start, _end - _start).CopyTo(larger);
                    (_bytes, _start, _end) = (larger, 0, _end - _start);
                }
                source.CopyTo(_bytes.AsSpan(_end));
                _end += source.Length;
                (waiting, _more) = (_more, null);
            }
            waiting?.SetResult();
        }

        public bool TryRead(Span<byte> destination, out int count, out Task? more)
        {
            lock (_lock)
            {
                (count, more) = (Math.Min(destination.Length, _end - _start), null);
                if (_start == _end)
                {
                    _more ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    more = _more.Task;
                    return false;
                }
                _bytes.AsSpan(_start, count).CopyTo(destination);
                _start += count;
                if (_start == _end)
                {
                    (_start, _end) = (0, 0);
                }
                return true;
            }
        }
    }
}
