using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Qanat.Node.Http;

/// <summary>Limits of an <see cref="EmbeddedHttpServer"/>.</summary>
internal sealed record HttpServerLimits(int MaxConnections, TimeSpan Headers, TimeSpan KeepAlive, int HeaderMaxBytes);

/// <summary>
/// Kestrel without a web host. One front end point (a socket or in memory) whose connections go through <c>front</c> first; it sniffs and
/// passes them on to HTTP/1.1, to HTTP/2, or serves them itself. That costs no extra listener and no extra thread hop.
/// </summary>
internal sealed class EmbeddedHttpServer : IAsyncDisposable
{
    private readonly KestrelServer _server;
    private readonly NodeTransportFactory _transport;
    private readonly SlimHttpApplication _application;

    public EmbeddedHttpServer(EndPoint endPoint, SlimHttpApplication application, HttpServerLimits limits, ILoggerFactory loggers,
        Func<ConnectionContext, ConnectionDelegate, ConnectionDelegate, Task> front)
    {
        _application = application;
        _transport = new NodeTransportFactory(loggers);
        var options = new KestrelServerOptions { AddServerHeader = false, AllowHostHeaderOverride = true, AllowSynchronousIO = false, AllowResponseHeaderCompression = false };
        options.Limits.MaxConcurrentConnections = limits.MaxConnections;
        options.Limits.MaxConcurrentUpgradedConnections = limits.MaxConnections;
        options.Limits.MaxRequestBodySize = null;
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Limits.MaxRequestHeaderCount = 200;
        options.Limits.MaxRequestHeadersTotalSize = limits.HeaderMaxBytes;
        options.Limits.MaxRequestLineSize = Math.Min(limits.HeaderMaxBytes, 32 * 1024);
        options.Limits.RequestHeadersTimeout = limits.Headers;
        options.Limits.KeepAliveTimeout = limits.KeepAlive;
        options.Limits.Http2.InitialConnectionWindowSize = 8 << 20;
        options.Limits.Http2.InitialStreamWindowSize = 1 << 20;
        options.Limits.Http2.MaxStreamsPerConnection = 1000;
        options.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(60);

        // The HTTP/2 pipeline is built on an end point nobody dials; the front passes connections into it.
        ConnectionDelegate? http2 = null;
        options.Listen(new HandOverEndPoint("http2"), listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(next => http2 = next);
        });
        options.Listen(endPoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection => front(connection, next, http2!));
        });
        _server = new KestrelServer(Microsoft.Extensions.Options.Options.Create(options), _transport, loggers);
    }

    /// <summary>The socket address bound, when the end point is a socket.</summary>
    public IPEndPoint? BoundEndPoint => _transport.BoundEndPoint as IPEndPoint;

    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(_application, cancellationToken);

    /// <summary>Stops accepting, lets requests end until the token fires, then aborts the rest.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public ValueTask DisposeAsync()
    {
        _server.Dispose();
        return ValueTask.CompletedTask;
    }
}
