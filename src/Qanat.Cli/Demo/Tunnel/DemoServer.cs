using System.Diagnostics;
using System.Text.Json.Nodes;
using Qanat.Cli.Admin;
using Qanat.Cli.Demo.Running;
using Qanat.Wire;

namespace Qanat.Cli.Demo.Tunnel;

/// <summary>A running hub or node of the demo, and its admin listener.</summary>
internal sealed class DemoServer(ChildProcess process, string admin, string tokenFile, Mid mid) : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(20);

    private AdminClient? _client;

    public ChildProcess Process => process;

    public Mid Mid => mid;

    /// <summary>The admin API; the token is read at the first use, when the server has made it.</summary>
    public AdminClient Client => _client ??= new AdminClient(admin, tokenFile);

    /// <summary>Waits until <c>/readyz</c> answers 200; fails at once when the process ends.</summary>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        using AdminClient probe = new(admin, null);
        while (!await probe.IsReadyAsync(cancellationToken))
        {
            if (!process.IsRunning || Stopwatch.GetElapsedTime(start) > s_startLimit)
            {
                string why = process.IsRunning ? $"is not ready after {s_startLimit.TotalSeconds} s" : $"ended with exit code {process.ExitCode}";
                throw new CliException("demo-not-ready", $"{process.Name} {why}");
            }
            await Task.Delay(s_pollInterval, cancellationToken);
        }
    }

    /// <summary>A one-time enrolment token of this hub.</summary>
    public async Task<string> CreateTokenAsync(CancellationToken cancellationToken)
    {
        JsonNode answer = await Client.SendAsync(HttpMethod.Post, "/api/v1/tokens", new { }, cancellationToken);
        return (string)answer["token"]!;
    }

    public ValueTask DisposeAsync()
    {
        _client?.Dispose();
        return ValueTask.CompletedTask;
    }
}
