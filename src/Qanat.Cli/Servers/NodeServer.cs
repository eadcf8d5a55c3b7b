using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Qanat.Cli.Diagnosis;
using Qanat.Configuration;
using Qanat.Node.Hosting;
using Qanat.Node.Options;

namespace Qanat.Cli.Servers;

/// <summary>A node as a .NET host: logging, live reload, drain on SIGTERM.</summary>
internal sealed class NodeServer(IOptionsMonitor<NodeOptions> options, ILoggerFactory loggers, TimeProvider time) : IHostedService, IAsyncDisposable
{
    private readonly NodeHost _node = new(options.CurrentValue, loggers, time);
    private PathMeasurement? _measurement;
    private IDisposable? _reload;

    /// <summary>Builds the host.</summary>
    public static IHost Build(IOptionsMonitor<NodeOptions> options, Action<IHostApplicationBuilder> configure)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.Services.AddHostedService<NodeServer>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(20));
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        // Asked at every event, so that log-level is live.
        builder.Logging.AddFilter((category, level) => level >= Least(category, options.CurrentValue.LogLevel));
        configure(builder);
        return builder.Build();
    }

    /// <summary>
    /// Libraries speak from warnings on. The forwarder's warnings are stack traces of what events 3010 and 3021 say in one line, and why a start failed
    /// is said by <see cref="ServerRunner"/>.
    /// </summary>
    private static LogLevel Least(string? category, LogLevel configured) => category switch
    {
        null => configured,
        _ when category.StartsWith("Qanat.", StringComparison.Ordinal) => configured,
        _ when category.StartsWith("Yarp.", StringComparison.Ordinal) => (LogLevel)Math.Max((int)configured, (int)LogLevel.Error),
        ServerRunner.HostCategory => LogLevel.None,
        _ => (LogLevel)Math.Max((int)configured, (int)LogLevel.Warning),
    };

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _measurement = new PathMeasurement(_node.Tunnel, time);
        _node.Diagnose = _measurement.AnswerAsync;
        _node.ReloadConfiguration = _ =>
        {
            return options is ConfigurationMonitor<NodeOptions> monitor && !monitor.Reload()
                ? Task.FromException(new InvalidDataException("The configuration file has errors, or a part of it could not be taken over; the node's log says what."))
                : Task.CompletedTask;
        };
        if (_node.Tunnel.Acceptor is { } services)
        {
            _node.Tunnel.Acceptor = new ProbeService(services, time);
        }
        await _node.StartAsync(cancellationToken);
        _reload = options.OnChange((changed, _) => _node.Reload(changed));
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _reload?.Dispose();
        await _node.StopAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _measurement?.Dispose();
    }
}
