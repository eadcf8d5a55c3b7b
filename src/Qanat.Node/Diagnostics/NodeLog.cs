using System.Net;
using Microsoft.Extensions.Logging;
using Qanat.Wire;

namespace Qanat.Node.Diagnostics;

/// <summary>Log events of the node, 3000 to 3099. Never a payload, path, header or token.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(3000, LogLevel.Information, "Proxy listens on {EndPoint}")]
    public static partial void ProxyListening(this ILogger logger, EndPoint? endPoint);

    [LoggerMessage(3001, LogLevel.Information, "Forward {Listen} -> {To} listens")]
    public static partial void ForwardListening(this ILogger logger, EndPoint? listen, string to);

    [LoggerMessage(3002, LogLevel.Information, "Forward {Listen} closed")]
    public static partial void ForwardClosed(this ILogger logger, string listen);

    [LoggerMessage(3003, LogLevel.Information, "Admin listens on {Address}")]
    public static partial void AdminListening(this ILogger logger, string address);

    [LoggerMessage(3004, LogLevel.Information, "Configuration applied: {Services} services, {Forwards} forwards")]
    public static partial void ConfigurationApplied(this ILogger logger, int services, int forwards);

    [LoggerMessage(3005, LogLevel.Warning, "Configuration key {Key} changed; it takes effect after a restart")]
    public static partial void RestartNeeded(this ILogger logger, string key);

    [LoggerMessage(3006, LogLevel.Warning, "Hub {Url} is configured without a mid: whatever key answers there first is trusted with who talks to whom")]
    public static partial void HubUnpinned(this ILogger logger, Uri url);

    [LoggerMessage(3007, LogLevel.Warning, "This member is enrolled as '{Given}', not as '{Wanted}': peers reach it by the name that the hub gave it")]
    public static partial void OtherName(this ILogger logger, string given, string wanted);

    [LoggerMessage(3010, LogLevel.Warning, "Request to {Target} failed: {Code} ({Detail})")]
    public static partial void RequestFailed(this ILogger logger, string target, string code, string detail);

    [LoggerMessage(3011, LogLevel.Warning, "Connection to {Target} failed: {Code} ({Detail})")]
    public static partial void ConnectFailed(this ILogger logger, string target, string code, string detail);

    [LoggerMessage(3012, LogLevel.Debug, "Connection to {Target} ended: {BytesOut} bytes out, {BytesIn} bytes in, {Code}")]
    public static partial void RelayEnded(this ILogger logger, string target, long bytesOut, long bytesIn, string code);

    [LoggerMessage(3013, LogLevel.Debug, "Client on the proxy port sent no complete request in time; closed")]
    public static partial void ClientTooSlow(this ILogger logger);

    [LoggerMessage(3014, LogLevel.Error, "A connection handler failed")]
    public static partial void HandlerFailed(this ILogger logger, Exception exception);

    [LoggerMessage(3020, LogLevel.Warning, "Peer {Peer} was refused service '{Service}': {Reason}")]
    public static partial void OpenRefused(this ILogger logger, Mid peer, string service, MuxResetReason reason);

    [LoggerMessage(3021, LogLevel.Warning, "Service '{Service}' failed for peer {Peer}: {Code}")]
    public static partial void ServiceFailed(this ILogger logger, string service, Mid peer, string code);
}
