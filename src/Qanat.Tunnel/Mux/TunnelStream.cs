using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace Qanat.Tunnel.Mux;

/// <summary>
/// A connection as a <see cref="Stream"/>, for <c>SocketsHttpHandler.ConnectCallback</c> and the like. Owns the connection. Every write is
/// sent at once; writing after the peer has reset throws its typed error. Disposing delivers what was written. One read and one write at a time.
/// </summary>
public sealed class TunnelStream : Stream
{
    private const int WriteChunk = 64 * 1024;
    private const int LargestBlock = 16 * 1024;
    private readonly ConnectionContext _connection;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;

    /// <summary>Wraps a connection.</summary>
    public TunnelStream(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _connection = connection;
        _input = connection.Transport.Input;
        _output = connection.Transport.Output;
    }

    /// <summary>The connection.</summary>
    public ConnectionContext Connection => _connection;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Half-close: the peer reads to the end of what was written; reading goes on.</summary>
    public ValueTask CompleteWritesAsync() => _output.CompleteAsync();

    /// <inheritdoc/>
    /// <exception cref="TunnelException">The connection was refused or reset, or the tunnel was lost: never a silent end.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadResult result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
        ReadOnlySequence<byte> received = result.Buffer;
        int length = (int)Math.Min(received.Length, buffer.Length);
        if (length > 0)
        {
            received = received.Slice(0, length);
            received.CopyTo(buffer.Span);
        }
        // With an empty buffer the caller only waits: nothing is consumed, and what is there stays unexamined.
        _input.AdvanceTo(length == 0 && !received.IsEmpty ? received.Start : received.End);
        return length;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        do
        {
            for (int chunk = 0; chunk < WriteChunk && !buffer.IsEmpty;)
            {
                Memory<byte> room = _output.GetMemory(Math.Min(buffer.Length, LargestBlock));
                int length = Math.Min(room.Length, buffer.Length);
                buffer[..length].CopyTo(room);
                _output.Advance(length);
                buffer = buffer[length..];
                chunk += length;
            }
            FlushResult flush = await _output.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (flush.IsCompleted)
            {
                throw WriteError();
            }
        }
        while (!buffer.IsEmpty);
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _connection.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        base.Dispose(disposing);
    }

    private IOException WriteError() => (_connection as MuxConnection)?.Error switch
    {
        TunnelException e => new TunnelException(e.Error, e.Message, e),
        Exception e => new IOException("The connection was aborted.", e),
        null => new IOException("The connection takes no more bytes."),
    };
}
