using System.Net;
using Microsoft.Extensions.Logging;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Links;

/// <summary>Log events of links, ids 1000 to 1099.</summary>
internal static partial class LinkLog
{
    [LoggerMessage(1000, LogLevel.Information, "Link to {Peer} ({Role}) is up")]
    public static partial void LinkUp(this ILogger logger, Mid peer, LinkRole role);

    [LoggerMessage(1001, LogLevel.Information, "Link to {Peer} ended: {Cause}, {Detail}")]
    public static partial void LinkEnded(this ILogger logger, Mid peer, LinkCloseCause cause, string detail);

    [LoggerMessage(1002, LogLevel.Error, "Link to {Peer}: its handler failed")]
    public static partial void HandlerFailed(this ILogger logger, Exception exception, Mid peer);

    [LoggerMessage(1010, LogLevel.Information, "Listening for {Kind} links on {EndPoint}")]
    public static partial void Listening(this ILogger logger, LinkKind kind, EndPoint endPoint);

    [LoggerMessage(1011, LogLevel.Warning, "Refused {Peer} from {Address}: {Refusal}, {Line}")]
    public static partial void Refused(this ILogger logger, Mid peer, IPAddress address, LinkRefusal refusal, string line);

    [LoggerMessage(1012, LogLevel.Debug, "Handshake from {Address} failed: {Detail}")]
    public static partial void HandshakeFailed(this ILogger logger, IPAddress address, string detail);

    [LoggerMessage(1013, LogLevel.Warning, "Dropped a connection from {Address}: too many unfinished handshakes")]
    public static partial void TooManyHandshakes(this ILogger logger, IPAddress address);

    [LoggerMessage(1014, LogLevel.Error, "Accepting failed; trying again")]
    public static partial void AcceptFailed(this ILogger logger, Exception exception);

    [LoggerMessage(1015, LogLevel.Error, "Admission of {Peer} failed")]
    public static partial void AdmissionFailed(this ILogger logger, Exception exception, Mid peer);
}
