using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Qanat.Hub.Admin;
using Qanat.Hub.Hosting;

namespace Qanat.Hub;

/// <summary>Builds the hub as a .NET host: relay, directory, mesh and admin listener.</summary>
public static class HubHost
{
    // Logs failed starts with a stack trace; whoever runs the host gets the exception and says it in a line.
    private const string HostCategory = "Microsoft.Extensions.Hosting.Internal.Host";

    /// <summary>
    /// Builds a host; run it with <c>RunAsync</c>. SIGTERM and SIGINT drain. Changed settings are taken over when the monitor says so.
    /// </summary>
    /// <param name="options">Validated settings (<see cref="HubOptionsValidator"/>); watched for changes.</param>
    /// <param name="configure">Adds to the host: logging, systemd, a clock (<see cref="TimeProvider"/>).</param>
    public static IHost Build(IOptionsMonitor<HubOptions> options, Action<IHostApplicationBuilder>? configure = null)
    {
        HubOptions current = options.CurrentValue;
        if (string.IsNullOrEmpty(current.Admin.Listen))
        {
            HostApplicationBuilder plain = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
            AddHub(plain, options);
            configure?.Invoke(plain);
            return plain.Build();
        }
        WebApplicationBuilder web = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        HubOptionsValidator.TryEndPoint(current.Admin.Listen, "http", out System.Net.IPEndPoint admin);
        web.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.Listen(admin);
        });
        web.Services.AddRoutingCore();
        web.Services.AddProblemDetails();
        AddHub(web, options);
        web.Services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService("qanat-hub", autoGenerateServiceInstanceId: false)).WithMetrics(metrics => metrics
            .AddMeter("Qanat.*").AddMeter("System.Runtime").AddMeter("Microsoft.AspNetCore.Server.Kestrel").AddPrometheusExporter());
        configure?.Invoke(web);
        WebApplication app = web.Build();
        AdminApi.Map(app, app.Services.GetRequiredService<HubServer>(), options);
        return app;
    }

    private static void AddHub(IHostApplicationBuilder builder, IOptionsMonitor<HubOptions> options)
    {
        builder.Services.AddMetrics();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<HubServer>();
        builder.Services.AddHostedService(services => services.GetRequiredService<HubServer>());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.CurrentValue.Limits.DrainSeconds + 15));
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        // Asked at every event, so that log-level is live.
        builder.Logging.AddFilter((category, level) =>
            level >= options.CurrentValue.LogLevel && category != HostCategory && (level >= LogLevel.Warning || category?.StartsWith("Microsoft.", StringComparison.Ordinal) != true));
    }
}
