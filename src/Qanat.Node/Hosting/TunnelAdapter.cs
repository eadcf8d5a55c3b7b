using Microsoft.AspNetCore.Connections;
using Qanat.Node.Proxy;
using Qanat.Tunnel;

namespace Qanat.Node.Hosting;

/// <summary>The tunnel endpoint as the node's parts see it.</summary>
internal sealed class TunnelAdapter(TunnelEndpoint endpoint) : ITunnelDialer
{
    public ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken) => endpoint.ConnectAsync(target, cancellationToken);
}
