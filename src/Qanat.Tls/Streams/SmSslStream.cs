using System.Net.Security;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;

namespace Qanat.Tls;

/// <summary>
/// A stream protected by TLCP (GB/T 38636) or TLS 1.3 with SM suites (RFC 8998), used as .NET's <see cref="SslStream"/> is: made around a transport, authenticated once as client
/// or server, then read and written.
/// <para>
/// Threads: one read and one write may run at once; a second of either kind throws <see cref="NotSupportedException"/>. A read never waits for a write of the application.
/// </para>
/// <para>
/// End of stream: a read returns 0 only after the peer's close_notify. A transport that ends without it throws <see cref="SmTlsException"/> with
/// <see cref="SmTlsError.Truncated"/>, since an attacker can end a transport. After <see cref="ShutdownAsync"/> reading goes on, and after the peer's close_notify writing goes on.
/// </para>
/// <para>
/// Cancellation: a cancelled read loses nothing and the stream goes on. A cancelled write, or handshake, may have sent part of a record, so the stream cannot write any more.
/// While no data is there, no receive buffer is held. Nothing is allocated per record.
/// </para>
/// </summary>
public sealed partial class SmSslStream : Stream
{
    private readonly Stream _inner;
    private readonly bool _leaveInnerStreamOpen;
    private readonly ReceiveBuffer _received;
    private TlsEngine? _engine;
    private int _isAuthenticating;
    private volatile bool _isDisposed;

    /// <summary>Makes a stream around a transport; call one of the Authenticate methods next.</summary>
    /// <param name="innerStream">The transport: readable and writable at once, in both directions.</param>
    /// <param name="leaveInnerStreamOpen">True to leave the transport open when this stream is disposed.</param>
    public SmSslStream(Stream innerStream, bool leaveInnerStreamOpen = false)
        : this(innerStream, leaveInnerStreamOpen, new ReceiveBuffer())
    {
    }

    /// <summary>Makes a stream around a transport from which something was read already.</summary>
    internal SmSslStream(Stream innerStream, bool leaveInnerStreamOpen, ReceiveBuffer received)
    {
        ArgumentNullException.ThrowIfNull(innerStream);
        if (!innerStream.CanRead || !innerStream.CanWrite)
        {
            throw new ArgumentException("The transport must be readable and writable.", nameof(innerStream));
        }
        (_inner, _leaveInnerStreamOpen, _received) = (innerStream, leaveInnerStreamOpen, received);
    }

    /// <summary>True when the handshake is done and data may flow.</summary>
    public bool IsAuthenticated => _engine is { IsHandshakeComplete: true };

    /// <summary>True for the server's end.</summary>
    public bool IsServer => _engine is { IsServer: true };

    /// <summary>The protocol spoken; <see cref="SmProtocol.None"/> before the handshake is done.</summary>
    public SmProtocol NegotiatedProtocol => IsAuthenticated ? _engine!.Protocol : SmProtocol.None;

    /// <summary>The suite agreed on; <see cref="SmCipherSuite.None"/> before the handshake is done.</summary>
    public SmCipherSuite NegotiatedCipherSuite => IsAuthenticated ? _engine!.CipherSuite : SmCipherSuite.None;

    /// <summary>The group of the key exchange; <see cref="NamedGroup.None"/> for TLCP's ECC suites.</summary>
    public NamedGroup NegotiatedGroup => IsAuthenticated ? _engine!.Group : NamedGroup.None;

    /// <summary>The application protocol agreed on (RFC 7301); the default value when none was.</summary>
    public SslApplicationProtocol NegotiatedApplicationProtocol => IsAuthenticated ? _engine!.ApplicationProtocol : default;

    /// <summary>The name that the client asked for; null when it asked for none.</summary>
    public string? TargetHostName => IsAuthenticated ? _engine!.ServerName : null;

    /// <summary>What validation found about the peer's certificates; null when it showed none. After resumption: those of the first connection.</summary>
    public SmChainResult? RemoteCertificateChain => IsAuthenticated ? _engine!.PeerChain : null;

    /// <summary>The peer's signing certificate; null when it showed none.</summary>
    public SmCertificate? RemoteCertificate => RemoteCertificateChain?.SignCertificate;

    /// <summary>True when an earlier session was resumed.</summary>
    public bool IsResumed => IsAuthenticated && _engine!.IsResumed;

    /// <summary>How the client wrote the handshake of TLCP: as the standard says or as this peer wants it, see <see cref="SmTlcpDialect"/>. Null in TLS 1.3 and before the handshake is done.</summary>
    public SmTlcpDialect? NegotiatedDialect => IsAuthenticated && _engine is TlcpEngine tlcp ? tlcp.Dialect : null;

    /// <inheritdoc/>
    public override bool CanRead => IsAuthenticated && !_isDisposed;

    /// <inheritdoc/>
    public override bool CanWrite => IsAuthenticated && !_isDisposed && !_isShutdown;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Exports keying material of this connection (RFC 5705, RFC 8446 section 7.5), the same at both ends.</summary>
    /// <param name="label">The purpose, in ASCII, such as <c>EXPORTER-Channel-Binding</c> (RFC 9266; not with ECC suites of TLCP).</param>
    /// <param name="context">Mixed in; empty in TLCP is no context.</param>
    /// <param name="destination">Written. The caller clears it.</param>
    /// <exception cref="InvalidOperationException">
    /// The handshake is not done, or the label is that of channel bindings and the suite is an ECC one of TLCP. There the secrets do not depend on who the server is: a server that was
    /// connected to can make a connection of its own to another server with the same randoms and the same secrets, so <b>exported material tells nobody that both ends of one
    /// connection have it</b>.
    /// </exception>
    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination) =>
        RequireEngine().ExportKeyingMaterial(label, context, hasContext: !context.IsEmpty, destination);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            ValueTask ending = DisposeAsync();
            if (ending.IsCompleted)
            {
                ending.GetAwaiter().GetResult();
            }
        }
        base.Dispose(disposing);
    }

    /// <summary>
    /// Says close_notify if that was not done, then closes the transport unless it is to stay open. Never waits for a peer that does not read: close_notify is then left out, and
    /// the peer sees a truncated stream.
    /// </summary>
    public override async ValueTask DisposeAsync()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            await EndWritingAsync().ConfigureAwait(false);
            if (!_leaveInnerStreamOpen)
            {
                await _inner.DisposeAsync().ConfigureAwait(false);
            }
            DisposeIdle();
        }
        await base.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>The engine; null before the handshake. For tests.</summary>
    internal TlsEngine? Engine => _engine;

    /// <summary>True when no receive buffer is held.</summary>
    internal bool HoldsNoBuffer => _received.IsReleased;

    private TlsEngine RequireEngine()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return IsAuthenticated ? _engine! : throw new InvalidOperationException("This is possible only after a successful handshake (AuthenticateAsClientAsync, AuthenticateAsServerAsync).");
    }

    /// <summary>Zeroes keys and gives buffers back, unless an operation still uses them: that one does it at its end.</summary>
    private void DisposeIdle()
    {
        do
        {
            if (!_isDisposed || !TryEnter(ref _isReading))
            {
                return;
            }
            // Never left again: nothing can read or write any more.
            if (_sending.Wait(0))
            {
                _received.Release();
                _engine?.Dispose();
                _sending.Release();
                return;
            }
            Volatile.Write(ref _isReading, 0);
        }
        // A sender that ended just now found the reader's place taken, by this thread.
        while (_sending.CurrentCount > 0);
    }

    private static bool TryEnter(ref int flag) => Interlocked.CompareExchange(ref flag, 1, 0) == 0;
}
