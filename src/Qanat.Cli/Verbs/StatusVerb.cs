using System.CommandLine;
using System.Text.Json.Nodes;
using Qanat.Cli.Admin;
using Qanat.Cli.Output;
using Qanat.Cli.Servers;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat status</c>: what a running hub or node says of itself.</summary>
internal static class StatusVerb
{
    private static readonly string[] s_usualFiles = ["hub.yaml", "node.yaml", "/etc/qanat/hub.yaml", "/etc/qanat/node.yaml"];

    private static readonly string[] s_hubLists = ["participants", "hubs", "links"];

    public static Command Create(QanatCommand cli)
    {
        Option<string?> config = new("--config") { Description = "The server's YAML file; else hub.yaml or node.yaml here or in /etc/qanat.", HelpName = "FILE" };
        Option<string?> data = new("--data") { Description = "The folder that init made; the YAML file in it is used.", HelpName = "DIR" };
        Option<double?> wait = new("--wait") { Description = "Wait at most so long until the server is ready: a hub serves, a node is linked.", HelpName = "SECONDS", CustomParser = OptionValues.Number };
        Command command = new("status", "Show links, members and tunnels of a running hub or node.") { config, data, wait };
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            string file = parsed.GetValue(config) ?? InFolder(parsed.GetValue(data)) ?? s_usualFiles.FirstOrDefault(File.Exists)
                ?? throw new CliException("usage", "--config FILE is required: there is no hub.yaml or node.yaml here or in /etc/qanat", ExitCode.Usage);
            ServerRole server = ServerRole.Load(file, null);
            using AdminClient admin = server.Connect();
            await WaitAsync(admin, server, TimeSpan.FromSeconds(parsed.GetValue(wait) ?? 0), cancellationToken);
            JsonNode status = await admin.GetAsync("/api/v1/status", cancellationToken);
            JsonObject all = new() { ["role"] = server.Role, ["status"] = status };
            if (server.Role == ServerRole.Hub)
            {
                foreach (string list in s_hubLists)
                {
                    all[list] = await admin.GetAsync($"/api/v1/{list}", cancellationToken);
                }
            }
            output.Write(all, console => Show(console, server, all));
            return ExitCode.Done;
        });
        return command;
    }

    private static string? InFolder(string? folder) => folder is null
        ? null
        : s_usualFiles[..2].Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new CliException("usage", $"--data {folder}: there is no hub.yaml or node.yaml in it", ExitCode.Usage);

    private static async Task WaitAsync(AdminClient admin, ServerRole server, TimeSpan limit, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (limit > TimeSpan.Zero && !await admin.IsReadyAsync(cancellationToken))
        {
            if (TimeProvider.System.GetElapsedTime(start) > limit)
            {
                throw new CliException("not-ready", $"{server.Role} {server.Name} was not ready within {limit.TotalSeconds:0.#} s; its log says why");
            }
            await Task.Delay(100, cancellationToken);
        }
    }

    private static void Show(IAnsiConsole console, ServerRole server, JsonObject all)
    {
        JsonNode status = all["status"]!;
        console.MarkupLine($"{server.Role} [bold]{Markup.Escape((string?)status["name"] ?? server.Name)}[/], mid {(string?)status["mid"]}");
        if (server.Role == ServerRole.Hub)
        {
            console.Write(JsonTables.Properties(status, "version", "ready", "draining", "nodeAddresses", "hubAddresses", "routes", "framesRelayed", "bytesRelayed", "framesDropped", "uptimeSeconds"));
            ShowTable(console, "participants", all["participants"], "name", "mid", "status", "linked", "linkedAt", "sessions", "bytesFrom", "bytesTo");
            ShowTable(console, "hubs", all["hubs"], "name", "mid", "configured", "linked", "hubAddresses");
            ShowTable(console, "links", all["links"], "role", "name", "roundTripMilliseconds", "queuedBytes", "framesOut", "bytesOut", "framesDropped");
            return;
        }
        console.Write(JsonTables.Properties(status, "proxy", "linkErrorCode", "linkError"));
        ShowTable(console, "link", status["link"] is { } link ? new JsonArray(link.DeepClone()) : null, "hubName", "hubMid", "address", "roundTripMilliseconds");
        ShowTable(console, "tunnels", status["tunnels"], "peerName", "peerMid", "cipher", "connections", "bytesRead", "bytesWritten");
        ShowTable(console, "services", status["services"], "name", "scheme", "connections", "backendConnections");
    }

    private static void ShowTable(IAnsiConsole console, string title, JsonNode? rows, params string[] columns)
    {
        if (rows is not JsonArray { Count: > 0 })
        {
            console.MarkupLine($"[bold]{title}[/]: none");
            return;
        }
        console.MarkupLine($"[bold]{title}[/]");
        console.Write(JsonTables.Of(rows, columns));
    }
}
