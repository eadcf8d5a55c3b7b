using System.Runtime.CompilerServices;
using Qanat.Tls.Engine;
using Qanat.Tls.Records;

namespace Qanat.Tls;

public sealed partial class SmSslStream
{
    // The longest record fits; more records are taken at once when they are there.
    private const int ReceiveBytes = 32 * 1024;

    private int _isReading;

    // Plaintext of the record at the front of the buffer, opened in place, and what of the record follows it.
    private int _plainOffset;
    private int _plainLength;
    private int _recordLength;

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override int EndRead(IAsyncResult asyncResult) => TaskToAsyncResult.End<int>(asyncResult);

    /// <summary>
    /// Reads application data. Returns 0 when the peer has said that it sends no more, or when <paramref name="buffer"/> is empty: a read into an empty buffer completes as soon
    /// as there is something to read, and holds no memory until then.
    /// </summary>
    /// <param name="buffer">Where the data goes; as much as is there already is given at once.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is lost and the stream can be read again.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.Truncated"/>: the transport ended without close_notify. Others: the peer broke the protocol or sent an alert.</exception>
    /// <exception cref="IOException">The transport failed.</exception>
    /// <exception cref="NotSupportedException">Another read is running.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        TlsEngine engine = RequireEngine();
        if (!TryEnter(ref _isReading))
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            throw new NotSupportedException("Another read of this stream is running.");
        }
        return ReadCoreAsync(engine, buffer, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadCoreAsync(TlsEngine engine, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            int copied = 0;
            while (true)
            {
                copied += TakePlaintext(buffer.Span[copied..]);
                if (_plainLength > 0 || (copied == buffer.Length && copied > 0) || engine.IsPeerClosed)
                {
                    return copied;
                }
                bool isWhole = TryReadHeader(engine, out RecordHeader header);
                // With something to give, only what has arrived already is added. What came before a fault is good; the next read tells of it.
                if (copied > 0 && (!isWhole || engine.Failure is not null))
                {
                    return copied;
                }
                ThrowIfFailed(engine);
                if (!isWhole)
                {
                    await FillAsync(engine, cancellationToken).ConfigureAwait(false);
                    continue;
                }
                OpenRecord(engine, header);
                if (engine.HasOutput)
                {
                    StartFlush(engine);
                }
            }
        }
        finally
        {
            EndReading();
        }
    }

    private int TakePlaintext(Span<byte> destination)
    {
        int take = Math.Min(_plainLength, destination.Length);
        if (take > 0)
        {
            _received.Available.Slice(_plainOffset, take).CopyTo(destination);
            _plainOffset += take;
            _plainLength -= take;
        }
        if (_plainLength == 0 && _recordLength > 0)
        {
            _received.Consume(_recordLength);
            _recordLength = 0;
        }
        return take;
    }

    /// <summary>True when a whole record is at the front of the buffer. Bytes that can become none are a failure of the engine.</summary>
    private bool TryReadHeader(TlsEngine engine, out RecordHeader header)
    {
        TlsReadStatus status = RecordHeader.TryRead(_received.Available, engine.MaxFragmentLength, out header, out SmTlsError error);
        if (status == TlsReadStatus.Malformed)
        {
            engine.Fail(error, DescribeBadHeader(engine, error));
        }
        return status == TlsReadStatus.Complete && _received.Length >= RecordHeader.Size + header.Length;
    }

    /// <summary>Opens the record at the front; its plaintext is then to be taken by <see cref="TakePlaintext"/>.</summary>
    private void OpenRecord(TlsEngine engine, RecordHeader header)
    {
        Span<byte> record = _received.Available[..(RecordHeader.Size + header.Length)];
        engine.Receive(header, record[RecordHeader.Size..], out Span<byte> plaintext);
        _recordLength = record.Length;
        (_plainOffset, _plainLength) = (0, plaintext.Length);
        if (!plaintext.IsEmpty && !record.Overlaps(plaintext, out _plainOffset))
        {
            throw new InvalidOperationException("The engine returned data outside of the record.");
        }
    }

    /// <summary>Waits for bytes and adds them to the buffer. An end of the transport is a failure: close_notify has not come.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(TlsEngine engine, CancellationToken cancellationToken)
    {
        if (_received.Length == 0)
        {
            // Nothing is held while nothing comes.
            _received.Release();
            await _inner.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
        }
        int needed = RecordHeader.Size;
        if (RecordHeader.TryRead(_received.Available, engine.MaxFragmentLength, out RecordHeader header, out _) == TlsReadStatus.Complete)
        {
            needed += header.Length;
        }
        Memory<byte> room = _received.GetRoom(Math.Max(needed, _received.IsReleased ? ReceiveBytes : 0) - _received.Length);
        int count = await _inner.ReadAsync(room, cancellationToken).ConfigureAwait(false);
        if (count == 0)
        {
            engine.Fail(SmTlsError.Truncated, DescribeEnd(engine));
            ThrowIfFailed(engine);
        }
        _received.Commit(count);
    }

    private string DescribeEnd(TlsEngine engine) => engine.IsHandshakeComplete
        ? "The connection ended without close_notify: what came last may be missing."
        : $"The peer closed the connection during the handshake, without an alert{(_received.Length > 0 ? " and in the middle of a record" : "")}.";

    // A new exception each time, so that stack traces stay apart.
    private static void ThrowIfFailed(TlsEngine engine)
    {
        if (engine.Failure is { } failure)
        {
            throw failure.Error is SmTlsError.PeerAlert or SmTlsError.PeerCanceled && failure.Alert is { } alert
                ? new SmTlsException(alert, failure.Message)
                : new SmTlsException(failure.Error, failure.Message, failure.InnerException);
        }
    }

    private string DescribeBadHeader(TlsEngine engine, SmTlsError error)
    {
        ReadOnlySpan<byte> start = _received.Available[..Math.Min(_received.Length, 8)];
        string bytes = Convert.ToHexStringLower(start);
        if (error == SmTlsError.RecordOverflow)
        {
            return $"A record of the peer is longer than {engine.MaxFragmentLength} bytes ({bytes}).";
        }
        return engine.IsHandshakeComplete
            ? $"The peer sent bytes that are no record ({bytes})."
            : $"The peer does not speak TLCP or TLS on this connection: its bytes begin with {bytes} ('{ClientHelloPeek.Printable(start)}'). Is it the right port?";
    }

    private void EndReading()
    {
        if (_plainLength == 0)
        {
            _received.ReleaseIfEmpty();
        }
        Volatile.Write(ref _isReading, 0);
        if (_isDisposed)
        {
            DisposeIdle();
        }
    }
}
