using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Qanat.Tunnel.Mux;

/// <summary>The writing end of a connection: a pipe drained by the session's write loop in turns.</summary>
internal sealed class MuxOutput
{
    /// <summary>Bytes the application may write ahead of the write loop.</summary>
    public const int PauseThreshold = 128 * 1024;

    // "Something to send" is told on the flushing thread; the application's own continuations go to the pool.
    private static readonly PipeOptions s_options = new(
        pool: MuxBlockPool.Instance, readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.ThreadPool,
        pauseWriterThreshold: PauseThreshold, resumeWriterThreshold: PauseThreshold / 2, minimumSegmentSize: 4096, useSynchronizationContext: false);

    private readonly Pipe _pipe = new(s_options);
    private readonly Action _onReady;
    private ValueTaskAwaiter<ReadResult> _waiting;
    private bool _isWaiting, _done;

    public MuxOutput(Action onReady)
    {
        _onReady = onReady;
        lock (_pipe)
        {
            Wait();
        }
    }

    public PipeWriter Writer => _pipe.Writer;

    /// <summary>
    /// Copies what is there. When all is taken, the ready callback tells of more; it may run inside this call.
    /// </summary>
    /// <param name="destination">Room; may be empty.</param>
    /// <param name="more">More is there now.</param>
    /// <param name="ended">The application has completed the writer and everything has been taken.</param>
    /// <returns>Bytes copied; -1 when the application completed the writer with an error.</returns>
    public int Take(Span<byte> destination, out bool more, out bool ended)
    {
        more = ended = false;
        lock (_pipe)
        {
            if (_done)
            {
                return 0;
            }
            ReadResult result;
            try
            {
                if (!TryRead(out result))
                {
                    return 0;
                }
            }
#pragma warning disable CA1031 // Whatever the application completed the writer with, it means: reset.
            catch (Exception)
#pragma warning restore CA1031
            {
                _done = true;
                _pipe.Reader.Complete();
                return -1;
            }
            ReadOnlySequence<byte> buffer = result.Buffer;
            if (buffer.Length > destination.Length)
            {
                buffer = buffer.Slice(0, destination.Length);
                buffer.CopyTo(destination);
                _pipe.Reader.AdvanceTo(buffer.End);
                more = true;
                return destination.Length;
            }
            int copied = (int)buffer.Length;
            buffer.CopyTo(destination);
            _pipe.Reader.AdvanceTo(buffer.End);
            if (result.IsCompleted)
            {
                ended = _done = true;
                _pipe.Reader.Complete();
            }
            else
            {
                more = Wait();
            }
            return copied;
        }
    }

    /// <summary>Nothing more can be sent: writers see a completed flush.</summary>
    public void End()
    {
        lock (_pipe)
        {
            if (!_done)
            {
                _done = true;
                // A read that was lent out is over; one still waiting never completes.
                _pipe.Reader.Complete();
            }
        }
    }

    private bool TryRead(out ReadResult result)
    {
        if (!_isWaiting)
        {
            return _pipe.Reader.TryRead(out result);
        }
        if (!_waiting.IsCompleted)
        {
            result = default;
            return false;
        }
        _isWaiting = false;
        result = _waiting.GetResult();
        return true;
    }

    /// <summary>Asks for the next bytes; true when they are there already.</summary>
    private bool Wait()
    {
#pragma warning disable CA2012 // The awaiter is consumed once, in TryRead, after it has completed.
        _waiting = _pipe.Reader.ReadAsync().GetAwaiter();
#pragma warning restore CA2012
        _isWaiting = true;
        if (_waiting.IsCompleted)
        {
            return true;
        }
        _waiting.UnsafeOnCompleted(_onReady);
        return false;
    }
}
