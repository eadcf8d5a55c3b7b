using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Http;
using Qanat.Node.Naming;
using Qanat.Node.Options;
using Qanat.Tunnel;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Proxy;

/// <summary>The one local port: HTTP/1.x proxy, CONNECT, h2c with prior knowledge and SOCKS5, told apart by their first bytes.</summary>
internal sealed class ProxyServer : IAsyncDisposable
{
    private readonly EmbeddedHttpServer _server;
    private readonly ConnectHandler _connect;
    private readonly Socks5Handler _socks;
    private readonly HttpMessageInvoker _client;
    private readonly TimeSpan _firstByte;
    private readonly TimeProvider _time;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _logger;

    public ProxyServer(ProxyOptions options, TunnelConnector connector, IHttpForwarder forwarder, string pseudonym, TimeProvider time, NodeMetrics metrics, ILoggerFactory loggers)
    {
        _logger = loggers.CreateLogger("Qanat.Node.Proxy");
        _time = time;
        _metrics = metrics;
        _firstByte = TimeSpan.FromSeconds(options.FirstByteSeconds);
        _connect = new ConnectHandler(connector, options.HeaderMaxBytes, _logger);
        _socks = new Socks5Handler(connector, _logger);
        _client = CreateClient(options, connector);
        var application = new ProxyApplication(forwarder, _client, connector, TimeSpan.FromSeconds(options.ActivitySeconds), pseudonym, metrics, _logger);
        if (!NodeOptionsValidator.TryParseListen(options.Listen, out IPEndPoint? listen))
        {
            throw new ArgumentException($"proxy.listen: '{options.Listen}' is not IP:PORT.", nameof(options));
        }
        var limits = new HttpServerLimits(options.MaxConnections, TimeSpan.FromSeconds(options.HeaderSeconds), TimeSpan.FromSeconds(options.KeepAliveSeconds), options.HeaderMaxBytes);
        _server = new EmbeddedHttpServer(listen, application, limits, loggers, ServeAsync);
    }

    /// <summary>The address bound, once started.</summary>
    public IPEndPoint? EndPoint => _server.BoundEndPoint;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _server.StartAsync(cancellationToken);
        _logger.ProxyListening(EndPoint);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _client.Dispose();
    }

    private async Task ServeAsync(ConnectionContext client, ConnectionDelegate http1, ConnectionDelegate http2)
    {
        PhaseDeadline? deadline = null;
        SniffedProtocol protocol;
        try
        {
            ValueTask<SniffedProtocol> sniffing = ProtocolSniffer.SniffAsync(client.Transport.Input);
            if (!sniffing.IsCompleted)
            {
                deadline = PhaseDeadline.Start(client, _firstByte, _time, _logger);
            }
            protocol = await sniffing;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return;
        }
        _metrics.Connection(NameOf(protocol));
        if (protocol is SniffedProtocol.Http1 or SniffedProtocol.Http2)
        {
            // The server has its own deadlines from here on.
            deadline?.Clear();
            await (protocol == SniffedProtocol.Http1 ? http1 : http2)(client);
            return;
        }
        try
        {
            if (protocol is SniffedProtocol.Connect or SniffedProtocol.Socks5)
            {
                deadline ??= PhaseDeadline.Start(client, _firstByte, _time, _logger);
                await (protocol == SniffedProtocol.Connect ? _connect.ServeAsync(client, deadline) : _socks.ServeAsync(client, deadline));
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            client.Abort(new ConnectionAbortedException("The client went away.", e));
        }
    }

    private static HttpMessageInvoker CreateClient(ProxyOptions options, TunnelConnector connector) => new(
        new FlushingHandler(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = Timeout.InfiniteTimeSpan,
            MaxConnectionsPerServer = options.MaxConnectionsPerService,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(options.PoolIdleSeconds),
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            EnableMultipleHttp2Connections = true,
            MaxResponseHeadersLength = Math.Max(64, options.HeaderMaxBytes / 1024),
            ConnectCallback = async (context, cancellationToken) =>
            {
                QanatName.Parse(context.DnsEndPoint.Host, out QanatEndPoint? target);
                return new DialedStream(await connector.ConnectAsync(target!, cancellationToken));
            },
        }));

    private static string NameOf(SniffedProtocol protocol) => protocol switch
    {
        SniffedProtocol.Http1 => "http1",
        SniffedProtocol.Http2 => "http2",
        SniffedProtocol.Connect => "connect",
        SniffedProtocol.Socks5 => "socks5",
        SniffedProtocol.Tls => "tls",
        _ => "none",
    };
}
