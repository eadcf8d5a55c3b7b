using Microsoft.Extensions.Logging;

namespace Qanat.Configuration;

internal static partial class ConfigurationLog
{
    [LoggerMessage(4001, LogLevel.Information, "Configuration {File} loaded again")]
    public static partial void Reloaded(this ILogger logger, string file);

    [LoggerMessage(4002, LogLevel.Error, "Configuration not changed ({Code}): {Error}")]
    public static partial void ReloadRefused(this ILogger logger, string code, string error);

    [LoggerMessage(4003, LogLevel.Error, "A part of the changed configuration is not in force: {Reason}")]
    public static partial void NotAllApplied(this ILogger logger, Exception? e, string reason);
}
