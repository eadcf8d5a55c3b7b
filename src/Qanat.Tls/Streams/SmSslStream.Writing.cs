using System.Buffers;
using System.Runtime.CompilerServices;
using Qanat.Tls.Engine;
using Qanat.Tls.Records;

namespace Qanat.Tls;

public sealed partial class SmSslStream
{
    // Sealed at once and written at once. Sixteen records of SM4-CBC are sealed in lanes, so there a longer piece pays.
    private const int PieceBytes = 4 * RecordHeader.MaxPlaintext;
    private const int LanesPieceBytes = 16 * RecordHeader.MaxPlaintext;

    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(1);

    // Held around "get the bytes and send them": records must reach the transport in the order in which they were sealed.
    private readonly SemaphoreSlim _sending = new(1, 1);
    private int _isWriting;
    private volatile bool _isShutdown;
    private Exception? _sendFault;
    private TimeProvider _time = TimeProvider.System;

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        WriteAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(WriteAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override void EndWrite(IAsyncResult asyncResult) => TaskToAsyncResult.End(asyncResult);

    /// <summary>Writes application data. Complete when the transport has taken the records.</summary>
    /// <param name="buffer">The data; none may be there.</param>
    /// <param name="cancellationToken">Ends the wait. Part of a record may have been sent, so nothing more can be written.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.ConnectionClosed"/>: after <see cref="ShutdownAsync"/>, after a failure, or after a write that was cancelled.</exception>
    /// <exception cref="IOException">The transport failed.</exception>
    /// <exception cref="NotSupportedException">Another write is running.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        TlsEngine engine = RequireEngine();
        if (!TryEnter(ref _isWriting))
        {
            throw new NotSupportedException("Another write of this stream is running.");
        }
        return WriteCoreAsync(engine, buffer, cancellationToken);
    }

    /// <inheritdoc/>
    public override void Flush() => _inner.Flush();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

    /// <summary>
    /// Says close_notify: this end sends no more, and the peer's reads return 0. What the peer sends can still be read. Waits for a write that is running; a second call does nothing.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the peer may not have been told then.</param>
    public async Task ShutdownAsync(CancellationToken cancellationToken = default)
    {
        TlsEngine engine = RequireEngine();
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ThrowIfCannotSend();
            _isShutdown = true;
            engine.Close();
            await SendOutputAsync(engine, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            EndSending(engine);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteCoreAsync(TlsEngine engine, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                int piece = engine.CipherSuite.Mode() == SmCipherMode.Cbc ? LanesPieceBytes : PieceBytes;
                do
                {
                    ThrowIfCannotSend();
                    ReadOnlyMemory<byte> part = buffer[..Math.Min(piece, buffer.Length)];
                    await SendAsync(engine, part, cancellationToken).ConfigureAwait(false);
                    buffer = buffer[part.Length..];
                }
                while (!buffer.IsEmpty);
            }
            finally
            {
                EndSending(engine);
            }
        }
        finally
        {
            Volatile.Write(ref _isWriting, 0);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendAsync(TlsEngine engine, ReadOnlyMemory<byte> plaintext, CancellationToken cancellationToken)
    {
        await SendOutputAsync(engine, cancellationToken).ConfigureAwait(false);
        byte[] records = ArrayPool<byte>.Shared.Rent(engine.GetSealedLength(plaintext.Length));
        try
        {
            int length = engine.Seal(plaintext.Span, records);
            if (length > 0)
            {
                await SendBytesAsync(records.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(records);
        }
    }

    /// <summary>Sends what the engine wants sent. The caller holds <see cref="_sending"/>.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendOutputAsync(TlsEngine engine, CancellationToken cancellationToken)
    {
        for (ReadOnlyMemory<byte> output = engine.Output; !output.IsEmpty; output = engine.Output)
        {
            await SendBytesAsync(output, cancellationToken).ConfigureAwait(false);
            engine.ConsumeOutput(output.Length);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendBytesAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await _inner.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _sendFault = e;
            throw;
        }
    }

    /// <summary>Sends what the engine wants sent, without waiting for the transport. Whoever is sending now does it at the end.</summary>
    private void StartFlush(TlsEngine engine)
    {
        if (_sendFault is null && _sending.Wait(0))
        {
            _ = FlushAndEndAsync(engine);
        }
    }

    private async Task FlushAndEndAsync(TlsEngine engine)
    {
        try
        {
            await SendOutputAsync(engine, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception) when (_sendFault is not null)
        {
            // The next write tells of it.
        }
        finally
        {
            EndSending(engine);
        }
    }

    private void EndSending(TlsEngine engine)
    {
        _sending.Release();
        if (_isDisposed)
        {
            DisposeIdle();
        }
        else if (engine.HasOutput)
        {
            StartFlush(engine);
        }
    }

    private void ThrowIfCannotSend()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_sendFault is { } fault)
        {
            throw new SmTlsException(SmTlsError.ConnectionClosed, $"An earlier write failed or was cancelled, so nothing more can be sent: {fault.Message}", fault);
        }
    }

    /// <summary>close_notify, when that is possible at once or nearly so.</summary>
    private async ValueTask EndWritingAsync()
    {
        if (_engine is not { IsHandshakeComplete: true, Failure: null } engine || _sendFault is not null || !_sending.Wait(0))
        {
            return;
        }
        try
        {
            engine.Close();
            using CancellationTokenSource limit = new(s_closeTimeout, _time);
            await SendOutputAsync(engine, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The transport is gone or does not take bytes; the stream ends all the same.
        }
        finally
        {
            _sending.Release();
        }
    }
}
