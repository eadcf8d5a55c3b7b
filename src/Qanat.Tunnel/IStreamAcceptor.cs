using Microsoft.AspNetCore.Connections;
using Qanat.Wire;

namespace Qanat.Tunnel;

/// <summary>Receives connections that peers open. Implemented by the node (services with access rules) and by the SDK.</summary>
public interface IStreamAcceptor
{
    /// <summary>
    /// Decides on one OPEN, every time, at the target. Runs on the tunnel's read loop: must not block.
    /// <see cref="MuxResetReason.None"/> accepts; anything else is sent to the opener as RESET.
    /// </summary>
    /// <param name="peerMid">Mid proven by layer-2 TLS.</param>
    /// <param name="service">Service name as received, not yet validated beyond its length and UTF-8.</param>
    MuxResetReason Authorize(Mid peerMid, string service);

    /// <summary>Serves an accepted connection; runs on the thread pool. The connection is disposed when the task ends.</summary>
    Task ServeAsync(ConnectionContext connection, string service);
}
