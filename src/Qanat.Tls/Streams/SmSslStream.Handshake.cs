using Qanat.Tls.Engine;
using Qanat.Tls.Records;

namespace Qanat.Tls;

public sealed partial class SmSslStream
{
    /// <summary>Read at once while a ClientHello is expected: all common ones fit.</summary>
    internal const int HelloRoomBytes = 4096;

    /// <summary>Does the handshake as client.</summary>
    /// <param name="options">What is wanted; copied, so later changes do not count.</param>
    /// <param name="cancellationToken">Ends the wait. The stream is of no use any more then.</param>
    /// <exception cref="SmTlsException">
    /// The handshake failed: <see cref="SmTlsException.Error"/> says why, sorted by blame. <see cref="SmTlsError.InvalidOptions"/>: nothing was sent;
    /// <see cref="SmTlsError.HandshakeTimeout"/>: see <see cref="SmSslAuthenticationOptions.HandshakeTimeout"/>.
    /// </exception>
    /// <exception cref="IOException">The transport failed.</exception>
    /// <exception cref="InvalidOperationException">A handshake was begun before.</exception>
    public Task AuthenticateAsClientAsync(SmSslClientAuthenticationOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        SmSslClientAuthenticationOptions copy = options.Snapshot();
        return AuthenticateAsync(copy, _ => ValueTask.FromResult(SmSslEngines.CreateClient(copy)), cancellationToken);
    }

    /// <summary>Does the handshake as server. The client's hello decides between TLCP and TLS 1.3.</summary>
    /// <param name="options">What is wanted; copied, so later changes do not count.</param>
    /// <param name="cancellationToken">Ends the wait. The stream is of no use any more then.</param>
    /// <exception cref="SmTlsException">As for <see cref="AuthenticateAsClientAsync"/>.</exception>
    /// <exception cref="IOException">The transport failed.</exception>
    /// <exception cref="InvalidOperationException">A handshake was begun before.</exception>
    public Task AuthenticateAsServerAsync(SmSslServerAuthenticationOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return AuthenticateAsServerAsync(options.Snapshot(), known: null, cancellationToken);
    }

    internal Task AuthenticateAsServerAsync(SmSslServerAuthenticationOptions copy, ClientHelloPeek? known, CancellationToken cancellationToken) =>
        AuthenticateAsync(copy, async either =>
        {
            ClientHelloPeek peek = known ?? await ClientHelloPeek.ReadAsync(_inner, _received, either).ConfigureAwait(false);
            return await SmSslEngines.CreateServerAsync(_inner, peek, copy, either).ConfigureAwait(false);
        }, cancellationToken);

    private async Task AuthenticateAsync(SmSslAuthenticationOptions options, Func<CancellationToken, ValueTask<TlsEngine>> create, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!TryEnter(ref _isAuthenticating))
        {
            throw new InvalidOperationException("A handshake was begun on this stream before; make a new stream for a new connection.");
        }
        // The handshake is a reader: until it ends, nobody gives the receive buffer back or zeroes the keys under it.
        ObjectDisposedException.ThrowIf(!TryEnter(ref _isReading), this);
        _time = options.TimeProvider;
        using CancellationTokenSource timeout = new(options.HandshakeTimeout, options.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            _engine = await create(either.Token).ConfigureAwait(false);
            await HandshakeAsync(_engine, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            string message = $"The handshake was not done within {options.HandshakeTimeout.TotalSeconds:0.###} s ({Progress()}).";
            if (_engine is { } engine)
            {
                engine.Fail(SmTlsError.HandshakeTimeout, message);
                StartFlush(engine);
            }
            throw new SmTlsException(SmTlsError.HandshakeTimeout, message, e);
        }
        catch (IOException e) when (_engine is { Failure: null } engine)
        {
            // A reset: a peer that gives up with bytes unread. The engine may learn from it, as from an end in order.
            engine.Fail(SmTlsError.Truncated, e.Message);
            throw;
        }
        finally
        {
            EndReading();
        }
    }

    private async Task HandshakeAsync(TlsEngine engine, CancellationToken cancellationToken)
    {
        engine.Start();
        Exception? sendFault = null;
        while (true)
        {
            try
            {
                await SendHandshakeAsync(engine, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException e) when (sendFault is null)
            {
                // A peer that refuses closes at once; its alert, which says why, may still be there to read.
                sendFault = e;
            }
            ThrowIfFailed(engine);
            if (engine.IsHandshakeComplete)
            {
                return;
            }
            try
            {
                RecordHeader header;
                while (!TryReadHeader(engine, out header))
                {
                    ThrowIfFailed(engine);
                    await FillAsync(engine, cancellationToken).ConfigureAwait(false);
                }
                OpenRecord(engine, header);
                TakePlaintext([]);
            }
            catch (IOException) when (sendFault is not null && engine.Failure is null or { Error: SmTlsError.Truncated })
            {
                throw sendFault;
            }
        }
    }

    /// <summary>Sends what the engine wants sent; after a failure that is its alert, for which nobody waits long.</summary>
    private async ValueTask SendHandshakeAsync(TlsEngine engine, CancellationToken cancellationToken)
    {
        if (engine.Failure is not null)
        {
            StartFlush(engine);
            return;
        }
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await SendOutputAsync(engine, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }

    private string Progress() => _engine switch
    {
        null => "the client's hello has not come",
        { IsServer: false, CipherSuite: SmCipherSuite.None } => "the server has not answered",
        _ => "the peer stopped in the middle of it",
    };
}
