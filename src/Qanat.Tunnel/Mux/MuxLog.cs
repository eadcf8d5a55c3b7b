using Microsoft.Extensions.Logging;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Mux;

internal static partial class MuxLog
{
    [LoggerMessage(1200, LogLevel.Debug, "Mux with {Peer} started as {Side}")]
    public static partial void MuxStarted(this ILogger logger, string peer, string side);

    [LoggerMessage(1201, LogLevel.Information, "Mux with {Peer} ended: {Error}; {Opened} connections opened, {Accepted} accepted")]
    public static partial void MuxEnded(this ILogger logger, string peer, TunnelError error, long opened, long accepted);

    [LoggerMessage(1202, LogLevel.Warning, "Peer {Peer} broke the mux protocol: {Fault}")]
    public static partial void MuxFault(this ILogger logger, string peer, MuxFault fault);

    [LoggerMessage(1203, LogLevel.Debug, "Connection of {Peer} to {Service} refused: {Reason}")]
    public static partial void OpenRefused(this ILogger logger, string peer, string service, MuxResetReason reason);

    [LoggerMessage(1204, LogLevel.Warning, "Serving {Service} for {Peer} failed")]
    public static partial void ServeFailed(this ILogger logger, Exception exception, string peer, string service);

    [LoggerMessage(1205, LogLevel.Error, "The acceptor threw while authorising {Service} for {Peer}; refused")]
    public static partial void AuthorizeFailed(this ILogger logger, Exception exception, string peer, string service);
}
