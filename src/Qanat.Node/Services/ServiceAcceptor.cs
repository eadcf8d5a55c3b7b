using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Http;
using Qanat.Node.Proxy;
using Qanat.Tunnel;
using Qanat.Tunnel.Access;
using Qanat.Tunnel.Mux;
using Qanat.Wire;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Services;

/// <summary>Serves connections that peers open: access rules at every open, then HTTP forwarding or a raw relay to the operator's address.</summary>
internal sealed class ServiceAcceptor : IStreamAcceptor, IAsyncDisposable
{
    private static readonly TimeSpan s_firstByte = TimeSpan.FromSeconds(30);
    private readonly ServiceCatalog _catalog;
    private readonly PeerLimiter _limiter;
    private readonly PeerLogLimit _logLimit;
    private readonly EmbeddedHttpServer _server;
    private readonly HandOverEndPoint _handOver = new("services");
    private readonly TimeProvider _time;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _logger;

    public ServiceAcceptor(ServiceCatalog catalog, PeerLimiter limiter, IHttpForwarder forwarder, string pseudonym, TimeProvider time, NodeMetrics metrics, ILoggerFactory loggers)
    {
        (_catalog, _limiter, _logLimit, _time, _metrics) = (catalog, limiter, new PeerLogLimit(time), time, metrics);
        _logger = loggers.CreateLogger("Qanat.Node.Services");
        var application = new ServiceApplication(catalog, forwarder, pseudonym, metrics, _logger);
        // Keep-alive outlasts the pools of the other side, so that a pooled connection is never closed under a request.
        var limits = new HttpServerLimits(1_000_000, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(130), 1 << 20);
        _server = new EmbeddedHttpServer(_handOver, application, limits, loggers, ServeHttpAsync);
    }

    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <inheritdoc/>
    public MuxResetReason Authorize(Mid peerMid, string service)
    {
        MuxResetReason reason = Decide(peerMid, service);
        _metrics.Open(reason == MuxResetReason.None ? "accepted" : TunnelException.ToCode(TunnelException.FromMuxReset(reason)));
        if (reason != MuxResetReason.None)
        {
            LogRefusal(peerMid, service, reason);
        }
        return reason;
    }

    /// <inheritdoc/>
    public async Task ServeAsync(ConnectionContext connection, string service)
    {
        ITunnelPeerFeature peer = connection.Features.Get<ITunnelPeerFeature>() ?? throw new InvalidOperationException("A tunnel connection must carry ITunnelPeerFeature.");
        MuxResetReason reason = MuxResetReason.UnknownService;
        if (_catalog.Find(service) is { } published)
        {
            PeerLimiter.Peer caller = _limiter.Get(peer.PeerMid);
            reason = MuxResetReason.TooManyConnections;
            if (caller.Connections.TryEnter(_catalog.PeerLimits.MaxConnections))
            {
                try
                {
                    reason = await ServeCountedAsync(connection, peer, published);
                }
                finally
                {
                    caller.Connections.Leave();
                }
            }
        }
        if (reason != MuxResetReason.None)
        {
            LogRefusal(peer.PeerMid, service, reason);
            peer.Reset(reason);
        }
    }

    private async Task<MuxResetReason> ServeCountedAsync(ConnectionContext connection, ITunnelPeerFeature peer, PublishedService service)
    {
        if (!service.Connections.TryEnter(service.Options.MaxConnections))
        {
            return MuxResetReason.TooManyConnections;
        }
        _metrics.Serving(1);
        try
        {
            return await ServeAsync(connection, peer, service);
        }
        finally
        {
            _metrics.Serving(-1);
            service.Connections.Leave();
        }
    }

    // A peer that is refused thousands of times a second must not fill the disk: the metric counts all.
    private void LogRefusal(Mid peerMid, string service, MuxResetReason reason)
    {
        if (_logger.IsEnabled(LogLevel.Warning) && _logLimit.MayLog(peerMid))
        {
            _logger.OpenRefused(peerMid, Printable(service), reason);
        }
    }

    private MuxResetReason Decide(Mid peerMid, string service)
    {
        PeerLimiter.Peer caller = _limiter.Get(peerMid);
        if (!caller.TryOpen(_catalog.PeerLimits.OpensPerSecond) || caller.Connections.Value >= _catalog.PeerLimits.MaxConnections)
        {
            return MuxResetReason.TooManyConnections;
        }
        if (_catalog.Peers.Check(peerMid) == AccessDecision.Denied)
        {
            return MuxResetReason.Denied;
        }
        if (_catalog.Find(service) is not { } published)
        {
            return MuxResetReason.UnknownService;
        }
        // An undecided answer goes on: ServeAsync decides before a byte reaches the service.
        return published.Allow.Check(peerMid) == AccessDecision.Denied ? MuxResetReason.Denied
            : published.Connections.Value >= published.Options.MaxConnections ? MuxResetReason.TooManyConnections
            : MuxResetReason.None;
    }

    private async Task<MuxResetReason> ServeAsync(ConnectionContext connection, ITunnelPeerFeature peer, PublishedService service)
    {
        if (!await _catalog.Peers.AllowsAsync(peer.PeerMid) || !await service.Allow.AllowsAsync(peer.PeerMid))
        {
            return MuxResetReason.Denied;
        }
        if (service.Backend.IsRaw)
        {
            return await RelayAsync(connection, peer, service);
        }
        var lent = new HandedConnection(connection);
        connection.Features.Set(new ServiceBinding(connection, peer, service.Name));
        if (!_handOver.Listener.TryHandOver(lent))
        {
            return MuxResetReason.ShuttingDown;
        }
        await lent.Done;
        return MuxResetReason.None;
    }

    /// <summary>First in Kestrel's pipeline for a connection to an HTTP service: HTTP/1.1, HTTP/2, or TLS that is none of our business.</summary>
    private async Task ServeHttpAsync(ConnectionContext connection, ConnectionDelegate http1, ConnectionDelegate http2)
    {
        SniffedProtocol protocol;
        try
        {
            ValueTask<SniffedProtocol> sniffing = ProtocolSniffer.SniffAsync(connection.Transport.Input);
            PhaseDeadline? deadline = sniffing.IsCompleted ? null : PhaseDeadline.Start(connection, s_firstByte, _time, _logger);
            protocol = await sniffing;
            deadline?.Clear();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return;
        }
        switch (protocol)
        {
            case SniffedProtocol.Http2:
                await http2(connection);
                break;
            case SniffedProtocol.Tls when connection.Features.Get<ServiceBinding>() is { } binding && _catalog.Find(binding.Service) is { } service:
                ITunnelPeerFeature peer = connection.Features.GetRequiredFeature<ITunnelPeerFeature>();
                if (await RelayAsync(binding.Connection, peer, service) is var reason and not MuxResetReason.None)
                {
                    peer.Reset(reason);
                }
                break;
            case SniffedProtocol.Ended:
                break;
            default:
                await http1(connection);
                break;
        }
    }

    private async Task<MuxResetReason> RelayAsync(ConnectionContext connection, ITunnelPeerFeature peer, PublishedService service)
    {
        ServiceBackend.BackendStream backend;
        try
        {
            backend = await service.Backend.ConnectAsync(connection.ConnectionClosed);
        }
        catch (TunnelException e)
        {
            _logger.ServiceFailed(service.Name, peer.PeerMid, e.Code);
            return e.Error switch
            {
                TunnelError.ServiceTimeout => MuxResetReason.ServiceTimeout,
                TunnelError.TooManyConnections => MuxResetReason.TooManyConnections,
                _ => MuxResetReason.ServiceRefused,
            };
        }
        catch (OperationCanceledException)
        {
            return MuxResetReason.Cancelled;
        }
        await using (backend)
        {
            RelayResult result = await StreamRelay.RunAsync(connection, backend.Socket, CancellationToken.None);
            _metrics.Relayed(result.ToTunnel, result.FromTunnel);
        }
        return MuxResetReason.None;
    }

    /// <summary>A peer's text in a log: bounded, and nothing that could forge a line.</summary>
    private static string Printable(string text) => new([.. text.Take(63).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '?')]);
}
