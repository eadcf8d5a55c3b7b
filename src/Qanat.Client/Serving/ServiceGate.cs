using System.Collections.Frozen;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Qanat.Tunnel;
using Qanat.Tunnel.Access;
using Qanat.Wire;

namespace Qanat.Client.Serving;

/// <summary>Decides on every connection that a peer opens, here at the target, and hands it to Kestrel's listener of the service.</summary>
internal sealed class ServiceGate : IStreamAcceptor
{
    private readonly FrozenDictionary<string, AllowList> _services;
    private readonly TunnelConnectionListenerFactory _listeners;
    private readonly PeerLogLimit _logLimit;
    private readonly ILogger _logger;

    public ServiceGate(QanatServerOptions options, TunnelConnectionListenerFactory listeners, ParticipantNames names, TimeProvider time, ILogger<ServiceGate> logger)
    {
        PeerPins pins = new(names, file: null, time, logger);
        _services = options.Services.ToFrozenDictionary(service => service.Key, service => new AllowList(service.Value.Allow, pins), StringComparer.Ordinal);
        (_listeners, _logLimit, _logger) = (listeners, new PeerLogLimit(time), logger);
    }

    /// <inheritdoc/>
    public MuxResetReason Authorize(Mid peerMid, string service)
    {
        if (!_services.TryGetValue(service, out AllowList? allow) || !_listeners.TryGet(service, out _))
        {
            if (_logLimit.MayLog(peerMid))
            {
                _logger.ServiceUnknown(peerMid);
            }
            return MuxResetReason.UnknownService;
        }
        // Names that the hub has not been asked about yet are decided in ServeAsync: nothing may block here.
        if (allow.Check(peerMid) == AccessDecision.Denied)
        {
            LogDenied(peerMid, service);
            return MuxResetReason.Denied;
        }
        return MuxResetReason.None;
    }

    /// <inheritdoc/>
    public async Task ServeAsync(ConnectionContext connection, string service)
    {
        ITunnelPeerFeature? peer = connection.Features.Get<ITunnelPeerFeature>();
        if (peer is null || !_services.TryGetValue(service, out AllowList? allow))
        {
            connection.Abort();
        }
        else if (!await allow.AllowsAsync(peer.PeerMid).ConfigureAwait(false))
        {
            LogDenied(peer.PeerMid, service);
            peer.Reset(MuxResetReason.Denied);
        }
        else if (!_listeners.TryGet(service, out TunnelConnectionListener? listener))
        {
            peer.Reset(MuxResetReason.ShuttingDown);
        }
        else
        {
            await listener.ServeAsync(connection).ConfigureAwait(false);
        }
    }

    private void LogDenied(Mid peer, string service)
    {
        if (_logLimit.MayLog(peer))
        {
            _logger.PeerDenied(peer, service);
        }
    }
}
