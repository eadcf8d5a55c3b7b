using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Node.Services;

/// <summary>Connection feature: who is calling which service.</summary>
internal sealed class ServiceBinding(ConnectionContext connection, ITunnelPeerFeature peer, string service)
{
    public ConnectionContext Connection => connection;

    public string Service => service;

    public Mid PeerMid => peer.PeerMid;

    public string PeerMidText { get; } = peer.PeerMid.ToString();

    public string PeerName => peer.PeerName;
}
