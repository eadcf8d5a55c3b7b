using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Qanat.Tunnel.Mux;

/// <summary>The reading end of a connection: a pipe that reports what the application consumes, so that credit can be granted.</summary>
internal sealed class MuxInput(MuxConnection connection) : PipeReader
{
    // Not bounded by the pipe: the peer's credit bounds it. The application's continuations never run on the read loop.
    private static readonly PipeOptions s_options = new(
        pool: MuxBlockPool.Instance, readerScheduler: PipeScheduler.ThreadPool, writerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: 0, minimumSegmentSize: 4096, useSynchronizationContext: false);

    private readonly Pipe _pipe = new(s_options);
    private ReadOnlySequence<byte> _lent;
    private bool _writerDone;

    /// <summary>Adds received bytes; the reader sees them after <see cref="Publish"/>.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        // The lock keeps a concurrent completion from giving the memory back while it is written.
        lock (_pipe)
        {
            if (_writerDone)
            {
                return;
            }
            PipeWriter writer = _pipe.Writer;
            Span<byte> room = writer.GetSpan();
            if (room.Length < bytes.Length)
            {
                if (room.Length < 4096)
                {
                    bytes[..room.Length].CopyTo(room);
                    writer.Advance(room.Length);
                    bytes = bytes[room.Length..];
                }
                room = writer.GetSpan(bytes.Length);
            }
            bytes.CopyTo(room);
            writer.Advance(bytes.Length);
        }
    }

    /// <summary>Shows the reader what was appended.</summary>
    public void Publish()
    {
        lock (_pipe)
        {
            if (!_writerDone)
            {
#pragma warning disable CA2012 // Completes at once: the pipe has no pause threshold.
                _ = _pipe.Writer.FlushAsync();
#pragma warning restore CA2012
            }
        }
    }

    /// <summary>Ends the stream of bytes: in order when <paramref name="error"/> is null, else reading throws it.</summary>
    public void End(Exception? error)
    {
        lock (_pipe)
        {
            if (!_writerDone)
            {
                _writerDone = true;
                _pipe.Writer.Complete(error);
            }
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        connection.OnReading();
        ValueTask<ReadResult> read = _pipe.Reader.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully)
        {
            return WaitAsync(read);
        }
        ReadResult result = read.Result;
        _lent = result.Buffer;
        return new ValueTask<ReadResult>(result);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!_pipe.Reader.TryRead(out result))
        {
            return false;
        }
        _lent = result.Buffer;
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        SequencePosition start = _lent.Start;
        long bytes = ReferenceEquals(start.GetObject(), consumed.GetObject())
            ? consumed.GetInteger() - start.GetInteger()
            : _lent.Slice(start, consumed).Length;
        _lent = default;
        _pipe.Reader.AdvanceTo(consumed, examined);
        if (bytes > 0)
        {
            connection.OnConsumed(bytes);
        }
    }

    public override void CancelPendingRead() => _pipe.Reader.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        _lent = default;
        _pipe.Reader.Complete(exception);
        // What still arrives is dropped without a grant; what is buffered is released now.
        End(null);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> read)
    {
        ReadResult result = await read.ConfigureAwait(false);
        _lent = result.Buffer;
        return result;
    }
}
