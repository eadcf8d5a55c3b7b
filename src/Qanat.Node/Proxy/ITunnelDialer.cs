using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel;

namespace Qanat.Node.Proxy;

/// <summary>Opens connections to services of other participants. The tunnel endpoint in production, an in-memory pair in tests.</summary>
public interface ITunnelDialer
{
    /// <summary>Opens a connection. Optimistic: it may return before the peer has decided; a refusal then fails the first read.</summary>
    /// <exception cref="TunnelException">No tunnel to the participant could be had.</exception>
    ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken);
}
