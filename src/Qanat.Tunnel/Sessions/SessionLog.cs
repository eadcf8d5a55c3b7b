using Microsoft.Extensions.Logging;
using Qanat.Wire;

namespace Qanat.Tunnel.Sessions;

internal static partial class SessionLog
{
    [LoggerMessage(1100, LogLevel.Debug, "Session {SessionId:x16} with {Peer} opened (initiator: {IsInitiator})")]
    public static partial void Opened(this ILogger logger, ulong sessionId, Mid peer, bool isInitiator);

    [LoggerMessage(1101, LogLevel.Information, "Session {SessionId:x16} with {Peer} ended: {Reason}, {Sent} bytes sent, {Received} received, {Resumes} resumes")]
    public static partial void Ended(this ILogger logger, ulong sessionId, Mid peer, FrameReason reason, long sent, long received, long resumes);

    [LoggerMessage(1102, LogLevel.Information, "Session {SessionId:x16} of {Peer} refused: {Reason}")]
    public static partial void Refused(this ILogger logger, ulong sessionId, Mid peer, FrameReason reason);

    [LoggerMessage(1103, LogLevel.Information, "Sessions run over the link to {Hub}: {Count} to resume")]
    public static partial void Attached(this ILogger logger, Mid hub, int count);

    [LoggerMessage(1104, LogLevel.Warning, "The link to {Hub} is gone ({Cause}: {Detail}); {Count} sessions wait")]
    public static partial void Detached(this ILogger logger, Mid hub, Links.LinkCloseCause cause, string detail, int count);
}
