using Microsoft.Extensions.Logging;
using Qanat.Wire;

namespace Qanat.Client;

/// <summary>Log of the client library: event ids 1300 to 1399.</summary>
internal static partial class ClientLog
{
    [LoggerMessage(1300, LogLevel.Information, "Participant {Mid} starts, services: {Services}")]
    public static partial void ParticipantStarts(this ILogger logger, Mid mid, string services);

    [LoggerMessage(1301, LogLevel.Warning, "Peer {Peer} is not on the allow list of service '{Service}'")]
    public static partial void PeerDenied(this ILogger logger, Mid peer, string service);

    // The name is the peer's own text and stays out of the log.
    [LoggerMessage(1302, LogLevel.Information, "Peer {Peer} asked for a service that is not served here")]
    public static partial void ServiceUnknown(this ILogger logger, Mid peer);

    [LoggerMessage(1303, LogLevel.Warning, "The name '{Name}' on an allow list could not be resolved: {Code}")]
    public static partial void NameUnresolved(this ILogger logger, string name, string code);

    [LoggerMessage(1304, LogLevel.Warning, "Service '{Service}' has an empty allow list: nobody can use it")]
    public static partial void NobodyAllowed(this ILogger logger, string service);

    [LoggerMessage(1305, LogLevel.Warning, "Hub {Url} is configured without a mid: whatever key answers there first is trusted with who talks to whom")]
    public static partial void HubUnpinned(this ILogger logger, Uri url);
}
