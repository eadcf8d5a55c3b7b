using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Qanat.Node.Http;
using Qanat.Node.Options;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;

namespace Qanat.Node.Services;

/// <summary>
/// Connections to one target: pooled HTTP clients and raw sockets, all counted against one cap. The address is the operator's and nothing else's.
/// </summary>
internal sealed class ServiceBackend : IDisposable
{
    private readonly ServiceOptions _options;
    private readonly X509Certificate2Collection? _authorities;
    private readonly TimeProvider _time;
    private readonly Lazy<HttpMessageInvoker> _http1;
    private readonly Lazy<HttpMessageInvoker> _http2;
    private int _open;

    public ServiceBackend(ServiceOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        Target = new Uri(options.Target);
        Prefix = $"http://{Target.Authority}";
        _authorities = options.TargetCa is { } file ? CertificateFile.ReadAuthorities(file, "target CA") : null;
        _http1 = new Lazy<HttpMessageInvoker>(() => CreateClient(SslApplicationProtocol.Http11));
        _http2 = new Lazy<HttpMessageInvoker>(() => CreateClient(SslApplicationProtocol.Http2));
    }

    public Uri Target { get; }

    /// <summary>Start of request URIs. Always <c>http</c>: TLS to the target happens in the connect callback, so that the peer's Host header has no say in it.</summary>
    public string Prefix { get; }

    public bool IsRaw => Target.Scheme == "tcp";

    public bool IsHttp2Only => Target.Scheme == "h2c";

    /// <summary>Connections to the target now.</summary>
    public int OpenConnections => Volatile.Read(ref _open);

    public HttpMessageInvoker Http1 => _http1.Value;

    public HttpMessageInvoker Http2 => _http2.Value;

    /// <summary>True when connections made for <paramref name="other"/> would be just like these.</summary>
    public bool Matches(ServiceOptions other) => _options.Target == other.Target && _options.TargetCa == other.TargetCa
        && _options.MaxBackendConnections == other.MaxBackendConnections && _options.ConnectSeconds == other.ConnectSeconds;

    /// <summary>Connects a counted socket to the target.</summary>
    /// <exception cref="TunnelException">Typed: refused, timed out, or the cap is reached.</exception>
    public async ValueTask<BackendStream> ConnectAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _open) > _options.MaxBackendConnections)
        {
            Release();
            throw new TunnelException(TunnelError.TooManyConnections, "The service has as many connections as its operator allows.");
        }
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(_options.ConnectSeconds), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await socket.ConnectAsync(Target.IdnHost.Trim('[', ']'), Target.Port, either.Token);
            return new BackendStream(socket, this);
        }
        catch (Exception e)
        {
            socket.Dispose();
            Release();
            throw e switch
            {
                OperationCanceledException when !cancellationToken.IsCancellationRequested => new TunnelException(TunnelError.ServiceTimeout, $"The service's address did not accept a connection within {_options.ConnectSeconds} s.", e),
                SocketException { SocketErrorCode: SocketError.TimedOut } => new TunnelException(TunnelError.ServiceTimeout, "The service's address did not accept a connection in time.", e),
                SocketException => new TunnelException(TunnelError.ServiceRefused, "The service's address refused the connection.", e),
                _ => e,
            };
        }
    }

    public void Dispose()
    {
        if (_http1.IsValueCreated)
        {
            _http1.Value.Dispose();
        }
        if (_http2.IsValueCreated)
        {
            _http2.Value.Dispose();
        }
    }

    private void Release() => Interlocked.Decrement(ref _open);

    private HttpMessageInvoker CreateClient(SslApplicationProtocol protocol) => new(new FlushingHandler(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        ConnectTimeout = Timeout.InfiniteTimeSpan,
        MaxConnectionsPerServer = _options.MaxBackendConnections,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        EnableMultipleHttp2Connections = true,
        MaxResponseHeadersLength = 128,
        ConnectCallback = (_, cancellationToken) => ConnectStreamAsync(protocol, cancellationToken),
    }));

    private async ValueTask<Stream> ConnectStreamAsync(SslApplicationProtocol protocol, CancellationToken cancellationToken)
    {
        BackendStream stream = await ConnectAsync(cancellationToken);
        if (Target.Scheme != "https")
        {
            return stream;
        }
        var tls = new BackendTls(stream);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(_options.ConnectSeconds), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            var options = new SslClientAuthenticationOptions { TargetHost = Target.IdnHost, ApplicationProtocols = [protocol] };
            if (_authorities is not null)
            {
                var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                policy.CustomTrustStore.AddRange(_authorities);
                options.CertificateChainPolicy = policy;
            }
            await tls.AuthenticateAsClientAsync(options, either.Token);
            return tls;
        }
        catch (Exception e)
        {
            await tls.DisposeAsync();
            throw e is OperationCanceledException && !cancellationToken.IsCancellationRequested
                ? new TunnelException(TunnelError.ServiceTimeout, $"The service's TLS handshake took more than {_options.ConnectSeconds} s.", e)
                : e is OperationCanceledException ? e
                : new TunnelException(TunnelError.ServiceRefused, "The service's TLS handshake failed; its certificate may not be trusted here.", e);
        }
    }

    /// <summary>A socket to the target, counted until disposed.</summary>
    internal sealed class BackendStream(Socket socket, ServiceBackend owner) : NetworkStream(socket, ownsSocket: true)
    {
        private ServiceBackend? _owner = owner;

        public new Socket Socket => base.Socket;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.WriteAsync(RequestTrailers.Rewrite(buffer), cancellationToken);

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            Interlocked.Exchange(ref _owner, null)?.Release();
        }
    }

    private sealed class BackendTls(Stream inner) : SslStream(inner)
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.WriteAsync(RequestTrailers.Rewrite(buffer), cancellationToken);
    }
}
