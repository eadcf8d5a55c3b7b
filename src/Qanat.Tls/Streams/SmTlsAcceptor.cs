using System.Net.Security;
using System.Security.Authentication;

namespace Qanat.Tls;

/// <summary>A connection that was accepted: a stream of the kind that the client spoke, authenticated.</summary>
/// <param name="Kind">What the client's hello offered.</param>
/// <param name="Stream">An <see cref="SmSslStream"/> or an <see cref="SslStream"/>. The receiver disposes it.</param>
public sealed record SmTlsConnection(SmConnectionKind Kind, Stream Stream)
{
    /// <summary>The stream when it speaks TLCP or TLS 1.3-SM.</summary>
    public SmSslStream? Sm => Stream as SmSslStream;

    /// <summary>The stream when it speaks ordinary TLS.</summary>
    public SslStream? Ordinary => Stream as SslStream;
}

/// <summary>
/// Serves TLCP, TLS 1.3 with SM suites and ordinary TLS on one port: reads the ClientHello, decides by it, and does the handshake of its kind with the bytes that were read.
/// Immutable after it was made; may serve many connections at once.
/// </summary>
public sealed class SmTlsAcceptor
{
    private readonly SmSslServerAuthenticationOptions? _sm;
    private readonly SslServerAuthenticationOptions? _ordinary;
    private readonly bool _preferSm;
    private readonly TimeProvider _time;
    private readonly TimeSpan _timeout;

    /// <summary>Makes an acceptor.</summary>
    /// <param name="options">What is served. Copied, but for the options of ordinary TLS.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>.</exception>
    public SmTlsAcceptor(SmTlsAcceptorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (_sm, _ordinary, _preferSm) = (options.Sm?.Snapshot(), options.Ordinary, options.PreferSm);
        (_time, _timeout) = (options.TimeProvider, options.HandshakeTimeout);
    }

    /// <summary>Accepts one connection.</summary>
    /// <param name="innerStream">The transport, as it was accepted. Disposed when the handshake fails, unless it is to stay open.</param>
    /// <param name="leaveInnerStreamOpen">True to leave the transport open when the connection ends.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SmTlsException">The client is not served, or the SM handshake failed.</exception>
    /// <exception cref="AuthenticationException">The ordinary handshake failed.</exception>
    /// <exception cref="IOException">The transport failed.</exception>
    public async Task<SmTlsConnection> AcceptAsync(Stream innerStream, bool leaveInnerStreamOpen = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(innerStream);
        ReceiveBuffer received = new();
        try
        {
            ClientHelloPeek peek = await WithTimeoutAsync(
                async token => await ClientHelloPeek.ReadAsync(innerStream, received, token).ConfigureAwait(false), "The ClientHello", cancellationToken).ConfigureAwait(false);
            return _ordinary is not null && IsOrdinary(peek.Kind)
                ? await AcceptOrdinaryAsync(peek, _ordinary, innerStream, received, leaveInnerStreamOpen, cancellationToken).ConfigureAwait(false)
                : await AcceptSmAsync(peek, innerStream, received, leaveInnerStreamOpen, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            received.Release();
            if (!leaveInnerStreamOpen)
            {
                await innerStream.DisposeAsync().ConfigureAwait(false);
            }
            throw;
        }
    }

    private bool IsOrdinary(SmConnectionKind kind) => kind switch
    {
        SmConnectionKind.OrdinaryTls => true,
        SmConnectionKind.Tls13Either => !_preferSm || _sm is null || !_sm.EnabledProtocols.Contains(SmProtocol.Tls13),
        _ => false,
    };

    private async Task<SmTlsConnection> AcceptSmAsync(ClientHelloPeek peek, Stream innerStream, ReceiveBuffer received, bool leaveOpen, CancellationToken cancellationToken)
    {
        if (_sm is null)
        {
            await SmSslEngines.SendRefusalAsync(innerStream, peek, cancellationToken).ConfigureAwait(false);
            throw new SmTlsException(SmTlsError.UnsupportedVersion, $"The client speaks {peek.Kind} and this server serves ordinary TLS only (its bytes begin with {peek.Start}).");
        }
        SmSslStream stream = new(innerStream, leaveOpen, received);
        try
        {
            await stream.AuthenticateAsServerAsync(_sm, peek, cancellationToken).ConfigureAwait(false);
            return new SmTlsConnection(peek.Kind, stream);
        }
        catch
        {
            // Nobody else has the stream, and with it the keys of a handshake that came to nothing.
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<SmTlsConnection> AcceptOrdinaryAsync(
        ClientHelloPeek peek, SslServerAuthenticationOptions options, Stream innerStream, ReceiveBuffer received, bool leaveOpen, CancellationToken cancellationToken)
    {
        SslStream stream = new(new PrefixedStream(innerStream, received, leaveOpen), leaveInnerStreamOpen: false);
        try
        {
            await WithTimeoutAsync(async token =>
            {
                await stream.AuthenticateAsServerAsync(options, token).ConfigureAwait(false);
                return true;
            }, "The handshake", cancellationToken).ConfigureAwait(false);
            return new SmTlsConnection(peek.Kind, stream);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<T> WithTimeoutAsync<T>(Func<CancellationToken, Task<T>> run, string what, CancellationToken cancellationToken)
    {
        using CancellationTokenSource timeout = new(_timeout, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await run(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new SmTlsException(SmTlsError.HandshakeTimeout, $"{what} was not done within {_timeout.TotalSeconds:0.###} s.", e);
        }
    }
}
