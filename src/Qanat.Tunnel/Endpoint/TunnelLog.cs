using Microsoft.Extensions.Logging;
using Qanat.Wire;

namespace Qanat.Tunnel;

internal static partial class TunnelLog
{
    [LoggerMessage(1140, LogLevel.Information, "Tunnel with {Peer} is up (initiator: {IsInitiator}, {Cipher}, {Milliseconds} ms)")]
    public static partial void TunnelUp(this ILogger logger, Mid peer, bool isInitiator, string cipher, long milliseconds);

    [LoggerMessage(1141, LogLevel.Information, "Tunnel with {Peer} ended: {Error}")]
    public static partial void TunnelEnded(this ILogger logger, Mid peer, TunnelError error);

    [LoggerMessage(1142, LogLevel.Warning, "No tunnel to {Peer}: {Error}: {Detail}")]
    public static partial void TunnelFailed(this ILogger logger, Mid peer, TunnelError error, string detail);

    [LoggerMessage(1143, LogLevel.Warning, "Inbound tunnel of {Peer} refused: {Error}: {Detail}")]
    public static partial void InboundFailed(this ILogger logger, Mid peer, TunnelError error, string detail);

    [LoggerMessage(1144, LogLevel.Debug, "Idle tunnel with {Peer} is closed")]
    public static partial void TunnelIdle(this ILogger logger, Mid peer);

    [LoggerMessage(1145, LogLevel.Error, "A callback of the tunnel endpoint failed")]
    public static partial void CallbackFailed(this ILogger logger, Exception exception);

    [LoggerMessage(1146, LogLevel.Error, "Participant '{Name}' is pinned to {Pinned}, but the hub now says {Resolved}; refused")]
    public static partial void NameMoved(this ILogger logger, string name, Mid pinned, Mid resolved);

    [LoggerMessage(1150, LogLevel.Information, "Participant '{Name}' is {Mid} and stays pinned to it")]
    public static partial void PeerPinned(this ILogger logger, string name, Mid mid);

    [LoggerMessage(1151, LogLevel.Error, "Allow entry '{Name}' is pinned to {Pinned}, but the hub now says {Resolved}; the new one is refused. Remove the pin if the change is right.")]
    public static partial void PeerPinConflict(this ILogger logger, string name, Mid pinned, Mid resolved);

    [LoggerMessage(1152, LogLevel.Debug, "Allow entry '{Name}' is not resolved yet: {Reason}")]
    public static partial void PeerUnresolved(this ILogger logger, string name, string reason);
}
