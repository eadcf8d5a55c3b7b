using Microsoft.Extensions.Logging;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Hub;

/// <summary>Log events of the hub, 2000 to 2099.</summary>
internal static partial class HubLog
{
    [LoggerMessage(2000, LogLevel.Information, "Hub {Name} ({Mid}) listens on {Addresses}")]
    public static partial void HubStarted(this ILogger logger, string name, Mid mid, string addresses);

    [LoggerMessage(2001, LogLevel.Information, "Draining: {Members} members and {Hubs} hubs told to move")]
    public static partial void Draining(this ILogger logger, int members, int hubs);

    [LoggerMessage(2002, LogLevel.Information, "Hub stopped; {Remaining} links had not moved")]
    public static partial void HubStopped(this ILogger logger, int remaining);

    [LoggerMessage(2003, LogLevel.Information, "Settings reloaded: {What}")]
    public static partial void Reloaded(this ILogger logger, string what);

    [LoggerMessage(2010, LogLevel.Information, "Member {Name} ({Mid}) enrolled by {By}")]
    public static partial void MemberEnrolled(this ILogger logger, string name, Mid mid, string by);

    [LoggerMessage(2011, LogLevel.Information, "Member {Name} ({Mid}) linked")]
    public static partial void MemberLinked(this ILogger logger, string name, Mid mid);

    [LoggerMessage(2012, LogLevel.Information, "Member {Name} ({Mid}) left: {Cause}, {Detail}")]
    public static partial void MemberLeft(this ILogger logger, string name, Mid mid, LinkCloseCause cause, string detail);

    [LoggerMessage(2013, LogLevel.Warning, "Member {Mid} refused: {Refusal}, {Line}")]
    public static partial void MemberRefused(this ILogger logger, Mid mid, string refusal, string line);

    [LoggerMessage(2014, LogLevel.Warning, "Member {Mid} revoked")]
    public static partial void MemberRevoked(this ILogger logger, Mid mid);

    [LoggerMessage(2015, LogLevel.Information, "Member {Mid} has moved to hub {Hub}; its link here is closed")]
    public static partial void MemberMoved(this ILogger logger, Mid mid, Mid hub);

    [LoggerMessage(2020, LogLevel.Information, "Hub link to {Hub} up ({Direction})")]
    public static partial void HubLinked(this ILogger logger, Mid hub, string direction);

    [LoggerMessage(2021, LogLevel.Information, "Hub link to {Hub} down: {Cause}, {Detail}")]
    public static partial void HubUnlinked(this ILogger logger, Mid hub, LinkCloseCause cause, string detail);

    [LoggerMessage(2022, LogLevel.Warning, "Hub {Hub} cannot be dialled at {Address}: {Reason}")]
    public static partial void HubDialFailed(this ILogger logger, Mid hub, string address, string reason);

    [LoggerMessage(2023, LogLevel.Information, "Hub {Name} ({Mid}) learned from hub {From}")]
    public static partial void HubLearned(this ILogger logger, string name, Mid mid, Mid from);

    [LoggerMessage(2024, LogLevel.Warning, "Hub {Hub} showed an attachment of {Member} that does not hold; ignored")]
    public static partial void FalseAnnouncement(this ILogger logger, Mid hub, Mid member);

    [LoggerMessage(2025, LogLevel.Warning, "Hub {Mid} refused: it is no hub of this mesh; add it to mesh.peers to trust it")]
    public static partial void HubRefused(this ILogger logger, Mid mid);

    [LoggerMessage(2026, LogLevel.Warning, "The name '{Name}' means different members at different hubs; write participant.hub")]
    public static partial void AmbiguousName(this ILogger logger, string name);

    [LoggerMessage(2030, LogLevel.Error, "{Message}")]
    public static partial void DirectoryUnavailable(this ILogger logger, string message);

    [LoggerMessage(2031, LogLevel.Error, "Background work '{Work}' failed; it goes on")]
    public static partial void BackgroundFailed(this ILogger logger, Exception e, string work);
}
