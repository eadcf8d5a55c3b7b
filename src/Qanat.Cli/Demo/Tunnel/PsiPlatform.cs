using System.Text.Json;
using System.Text.Json.Nodes;
using Qanat.Cli.Demo.Running;

namespace Qanat.Cli.Demo.Tunnel;

/// <summary>The example's private set intersection: an unmodified program that knows nothing of Qanat but <c>http_proxy</c>.</summary>
internal sealed class PsiPlatform(DemoStage stage)
{
    /// <summary>The two hospitals' tables of public data.</summary>
    public static string DataFile(char party) => Path.Combine(AppContext.BaseDirectory, "demo", $"births-{party}.csv");

    /// <summary>Starts a serving platform.</summary>
    /// <returns>Where it listens.</returns>
    public async Task<string> ServeAsync(string name, string file, CancellationToken cancellationToken)
    {
        TaskCompletionSource<string> first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ChildProcess process = stage.Prepare(name, Executable(), ["server", "--file", file, "--listen", "127.0.0.1:0"]);
        process.OutputLine += line => first.TrySetResult(line);
        process.Start();
        string line = await first.Task.WaitAsync(TimeSpan.FromSeconds(20), cancellationToken);
        return (string)JsonNode.Parse(line)!["url"]!;
    }

    /// <summary>The answer in the clear, computed from both tables by a process that uses no network.</summary>
    public Task<JsonNode> TruthAsync(string fileA, string fileB, CancellationToken cancellationToken) =>
        RunToEndAsync(stage.Prepare("truth", Executable(), ["truth", "--a", fileA, "--b", fileB, "--json"]), cancellationToken);

    /// <summary>Runs the asking platform to its end. It never tries a failed request again: one failure fails the run.</summary>
    /// <param name="name">Name of the run.</param>
    /// <param name="file">The asker's table.</param>
    /// <param name="server">The serving platform, such as <c>http://psi.hospital-b.qanat/</c>.</param>
    /// <param name="proxy">The asker's own node.</param>
    /// <param name="arguments">Further arguments.</param>
    /// <param name="onProgress">Told the share that is done.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<JsonNode> AskAsync(
        string name, string file, string server, string proxy, string[] arguments, Action<double>? onProgress, CancellationToken cancellationToken)
    {
        string[] all = ["run", "--file", file, "--server", server, "--retries", "0", "--json", "--progress", .. arguments];
        ChildProcess process = stage.Prepare(name, Executable(), all, new Dictionary<string, string> { ["http_proxy"] = proxy, ["no_proxy"] = "" });
        process.ErrorLine += line =>
        {
            if (onProgress is not null && line.StartsWith('{'))
            {
                onProgress((double)JsonNode.Parse(line)!["done"]!);
            }
        };
        return RunToEndAsync(process, cancellationToken);
    }

    private static async Task<JsonNode> RunToEndAsync(ChildProcess process, CancellationToken cancellationToken)
    {
        string? last = null;
        process.OutputLine += line => last = line;
        process.Start();
        await process.WaitForExitAsync(cancellationToken);
        try
        {
            return JsonNode.Parse(last ?? throw new JsonException("no output"))!;
        }
        catch (JsonException e)
        {
            throw new CliException("demo-platform-failed", $"{process.Name} ended with exit code {process.ExitCode} and no result:\n{process.LogTail(10)}", inner: e);
        }
    }

    private static string Executable()
    {
        // artifacts/bin/Qanat.Cli/CONFIGURATION/ beside artifacts/bin/Psi/CONFIGURATION/, or below us when installed.
        DirectoryInfo here = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string name = OperatingSystem.IsWindows() ? "psi-platform.exe" : "psi-platform";
        string[] places =
        [
            Path.Combine(here.FullName, "demo", "psi-platform", name),
            Path.Combine(here.Parent?.Parent?.FullName ?? "", "Psi", here.Name, name),
        ];
        return places.FirstOrDefault(File.Exists)
            ?? throw new CliException("demo-start-failed", $"{name} is not built; looked for {string.Join(" and ", places)}");
    }
}
