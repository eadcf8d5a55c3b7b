using Microsoft.Extensions.Logging;
using Qanat.Wire;

namespace Qanat.Tunnel.Links;

internal static partial class SupervisorLog
{
    [LoggerMessage(1120, LogLevel.Information, "Linked to hub {Address} (mid {Mid}) as '{Name}'")]
    public static partial void LinkedTo(this ILogger logger, Uri address, Mid mid, string name);

    [LoggerMessage(1121, LogLevel.Warning, "The link to hub {Address} was lost ({Cause}: {Detail}); dialing again")]
    public static partial void LinkLost(this ILogger logger, Uri address, LinkCloseCause cause, string detail);

    [LoggerMessage(1122, LogLevel.Information, "Hub {Address} drains; moving to another one first")]
    public static partial void HubDrains(this ILogger logger, Uri address);

    [LoggerMessage(1123, LogLevel.Debug, "Hub {Address} cannot be used now: {Error}: {Detail}")]
    public static partial void DialFailed(this ILogger logger, Uri address, TunnelError error, string detail);

    [LoggerMessage(1127, LogLevel.Warning, "Hub {Address} cannot be used: {Code}: {Detail} Trying on; said again in a minute")]
    public static partial void HubUnusable(this ILogger logger, Uri address, string code, string detail);

    [LoggerMessage(1124, LogLevel.Information, "The hub told of {Count} hub addresses")]
    public static partial void HubsLearned(this ILogger logger, int count);

    [LoggerMessage(1126, LogLevel.Error, "Keeping the link up failed in an unexpected way; it goes on")]
    public static partial void SupervisorFailed(this ILogger logger, Exception e);

    [LoggerMessage(1125, LogLevel.Warning, "Hub {Address}, configured without a mid, proved {Mid}: it is trusted from now on, and no other key there")]
    public static partial void HubPinned(this ILogger logger, Uri address, Mid mid);
}
