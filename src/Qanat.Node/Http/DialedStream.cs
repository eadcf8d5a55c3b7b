using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel;

namespace Qanat.Node.Http;

/// <summary>A refusal by the peer. Not an <see cref="IOException"/> on purpose: HTTP clients retry those, and a refusal stays one.</summary>
internal sealed class PeerRefusedException(TunnelException inner) : Exception(inner.Message, inner);

/// <summary>
/// A tunnel connection as the duplex <see cref="Stream"/> that <see cref="System.Net.Http.SocketsHttpHandler"/> wants, with refusals in a form it does not
/// retry. One reader and one writer at a time.
/// </summary>
internal sealed class DialedStream(ConnectionContext connection) : Stream
{
    private readonly PipeReader _input = connection.Transport.Input;
    private readonly PipeWriter _output = connection.Transport.Output;
    private int _disposed;
    private int _reading;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // Only a writer that looks for a refusal can be in the way, for a moment.
        SpinWait wait = default;
        while (Interlocked.CompareExchange(ref _reading, 1, 0) != 0)
        {
            wait.SpinOnce();
        }
        try
        {
            while (true)
            {
                ReadResult result = await _input.ReadAsync(cancellationToken);
                ReadOnlySequence<byte> data = result.Buffer;
                if (!data.IsEmpty)
                {
                    int count = (int)Math.Min(buffer.Length, data.Length);
                    ReadOnlySequence<byte> part = data.Slice(0, count);
                    part.CopyTo(buffer.Span);
                    _input.AdvanceTo(part.End);
                    return count;
                }
                _input.AdvanceTo(data.Start, data.End);
                if (result.IsCompleted || result.IsCanceled)
                {
                    return 0;
                }
            }
        }
        catch (TunnelException e) when (IsRefusal(e.Error))
        {
            throw new PeerRefusedException(e);
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            FlushResult result = await _output.WriteAsync(RequestTrailers.Rewrite(buffer), cancellationToken);
            if (result.IsCompleted)
            {
                ThrowIfRefused();
                throw new IOException("The peer takes no more data on this connection.");
            }
        }
        catch (TunnelException e) when (IsRefusal(e.Error))
        {
            throw new PeerRefusedException(e);
        }
    }

    /// <summary>A refusal that came before the request was written ends the output without a word; the input says why.</summary>
    private void ThrowIfRefused()
    {
        if (Interlocked.CompareExchange(ref _reading, 1, 0) != 0)
        {
            return;
        }
        try
        {
            if (_input.TryRead(out ReadResult unread))
            {
                _input.AdvanceTo(unread.Buffer.Start);
            }
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _ = CloseAsync();
        }
        base.Dispose(disposing);
    }

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
    }

    private async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await connection.DisposeAsync();
        }
    }

    private static bool IsRefusal(TunnelError error) => error is >= TunnelError.UnknownParticipant and <= TunnelError.QuotaExceeded and not TunnelError.ServiceReset
        or TunnelError.PeerMidMismatch or TunnelError.UntrustedCertificate or TunnelError.NotEnrolled;
}
