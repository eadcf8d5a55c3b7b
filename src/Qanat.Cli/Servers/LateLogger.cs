using Microsoft.Extensions.Logging;

namespace Qanat.Cli.Servers;

/// <summary>The configuration is loaded before the host that logs exists; until then there is nothing to say that is not an exception.</summary>
internal sealed class LateLogger : ILogger, IDisposable
{
    private volatile ILogger? _target;

    /// <summary>Where lines go from now on.</summary>
    public ILogger? Target
    {
        get => _target;
        set => _target = value;
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => _target?.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => _target?.IsEnabled(logLevel) == true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _target?.Log(logLevel, eventId, state, exception, formatter);

    public void Dispose() => _target = null;
}
