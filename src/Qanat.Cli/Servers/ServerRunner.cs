using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qanat.Configuration;

namespace Qanat.Cli.Servers;

/// <summary>Runs a hub or node in the foreground: configuration with live reload, systemd, SIGTERM drains, SIGINT too.</summary>
internal static class ServerRunner
{
    /// <summary>Who logs a failed start with a stack trace, beside the line that is written here.</summary>
    public const string HostCategory = "Microsoft.Extensions.Hosting.Internal.Host";

    /// <summary>Runs until stopped.</summary>
    /// <param name="configFile">The YAML file.</param>
    /// <param name="validator">Checks of its settings.</param>
    /// <param name="build">Builds the host from the live settings.</param>
    /// <param name="untilStdinCloses">Also stop when standard input ends: the process that started this one is gone.</param>
    /// <param name="cancellationToken">Stops the server.</param>
    public static async Task<int> RunAsync<T>(
        string configFile, IValidateOptions<T>? validator, Func<IOptionsMonitor<T>, Action<IHostApplicationBuilder>, IHost> build, bool untilStdinCloses,
        CancellationToken cancellationToken) where T : class, new()
    {
        using LateLogger log = new();
        using ConfigurationMonitor<T> monitor = new(configFile, validator, log, TimeProvider.System, reloadOnHangup: !OperatingSystem.IsWindows());
        using IHost host = Build(monitor, build);
        log.Target = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Qanat.Configuration");
        IHostApplicationLifetime lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        using CancellationTokenRegistration stop = cancellationToken.Register(lifetime.StopApplication);
        // A second signal while draining ends at once, as a person at a terminal expects.
        using PosixSignalRegistration again = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = !lifetime.ApplicationStopping.IsCancellationRequested);
        if (untilStdinCloses)
        {
            _ = StopWhenInputEndsAsync(lifetime);
        }
        await StartAsync(host, cancellationToken);
        await host.WaitForShutdownAsync(CancellationToken.None);
        return ExitCode.Done;
    }

    private static IHost Build<T>(ConfigurationMonitor<T> monitor, Func<IOptionsMonitor<T>, Action<IHostApplicationBuilder>, IHost> build) where T : class, new()
    {
        try
        {
            return build(monitor, builder => builder.Services.AddSystemd());
        }
        catch (Exception e) when (e is InvalidDataException or System.Net.Sockets.SocketException or InvalidOperationException)
        {
            throw new CliException("start-failed", e.Message, inner: e);
        }
    }

    private static async Task StartAsync(IHost host, CancellationToken cancellationToken)
    {
        try
        {
            await host.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException or InvalidOperationException or InvalidDataException or AggregateException)
        {
            await StopAsync(host);
            // A tunnel error has a code of its own, such as invalid-identity.
            throw e is Tunnel.TunnelException ? e : new CliException("start-failed", e is AggregateException { InnerExceptions: { } all } ? string.Join(" ", all.Select(one => one.Message)) : e.Message, inner: e);
        }
    }

    /// <summary>Stops what has started.</summary>
    private static async Task StopAsync(IHost host)
    {
        try
        {
            await host.StopAsync(CancellationToken.None);
        }
        catch (ArgumentNullException)
        {
            // The services could not even be made: the host has no list of them, and says so this way.
        }
    }

    private static async Task StopWhenInputEndsAsync(IHostApplicationLifetime lifetime)
    {
        await using Stream input = Console.OpenStandardInput();
        byte[] buffer = new byte[256];
        while (await input.ReadAsync(buffer) > 0)
        {
            // Nothing is expected; only the end matters.
        }
        lifetime.StopApplication();
    }
}
