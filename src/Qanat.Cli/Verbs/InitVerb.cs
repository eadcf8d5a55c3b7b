using System.CommandLine;
using Qanat.Cli.Output;
using Qanat.Cli.Starting;
using Qanat.Wire;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat init hub|node</c>: a key and a commented configuration to start from.</summary>
internal static class InitVerb
{
    public static Command Create(QanatCommand cli) =>
        new("init", "Make the key and a starter configuration of a new hub or node.") { Hub(cli), Node(cli) };

    private static Command Hub(QanatCommand cli)
    {
        Option<string> data = DataFolder("hub");
        Option<string> name = new("--name") { Description = "The hub's name, one DNS label; its members are PARTICIPANT.NAME.", Required = true };
        Option<string[]> listen = new("--listen") { Description = "WebSocket address for nodes.", DefaultValueFactory = _ => ["ws://0.0.0.0:7000"] };
        Option<string[]> advertise = new("--advertise") { Description = "That address as nodes reach it." };
        Option<string> mesh = new("--mesh") { Description = "TCP address for other hubs.", DefaultValueFactory = _ => "tcp://0.0.0.0:7001" };
        Option<string?> meshAdvertise = new("--mesh-advertise") { Description = "That address as other hubs reach it." };
        Option<string[]> peer = new("--peer") { Description = "Another hub: NAME=MID@tcp://HOST:PORT; without @ADDRESS only it dials." };
        Option<string> admin = new("--admin") { Description = "Admin listener.", DefaultValueFactory = _ => "http://127.0.0.1:7070" };
        Command command = new("hub", "Make a hub's folder.") { data, name, listen, advertise, mesh, meshAdvertise, peer, admin };
        cli.Handle(command, (parsed, output, _) =>
        {
            HubStarter starter = new(Path.GetFullPath(parsed.GetRequiredValue(data)), parsed.GetRequiredValue(name))
            {
                Listen = parsed.GetRequiredValue(listen),
                Advertise = parsed.GetValue(advertise) ?? [],
                Mesh = parsed.GetRequiredValue(mesh),
                MeshAdvertise = parsed.GetValue(meshAdvertise),
                Admin = parsed.GetRequiredValue(admin),
                Peers = [.. (parsed.GetValue(peer) ?? []).Select(PeerArgument.Parse)],
            };
            Mid mid = starter.Write();
            return Report(output, "hub", starter.Name, mid, starter.ConfigFile,
            [
                .. starter.Listen.Any(address => address.StartsWith("wss:", StringComparison.OrdinalIgnoreCase)) ? [$"set tls-certificate and tls-key in {starter.ConfigFile}: wss:// needs them"] : Array.Empty<string>(),
                $"qanat hub --config {starter.ConfigFile}",
                $"qanat hub token create --config {starter.ConfigFile}      # one for each new participant",
                $"in mesh.peers of other hubs: - {{ name: {starter.Name}, mid: {mid}, address: \"{starter.MeshAdvertise ?? starter.Mesh}\" }}{(starter.MeshAdvertise is null && starter.Mesh.Contains("0.0.0.0", StringComparison.Ordinal) ? "      # with its real address" : "")}",
            ]);
        });
        return command;
    }

    private static Command Node(QanatCommand cli)
    {
        Option<string> data = DataFolder("node");
        Option<string> name = new("--name") { Description = "The participant's name, one DNS label.", Required = true };
        Option<string[]> hub = new("--hub") { Description = "A hub's address, ws://HOST:PORT or wss://HOST:PORT; the first is preferred.", Required = true };
        Option<string[]> hubMid = new("--hub-mid") { Description = "The mid of each hub, in the same order." };
        Option<string?> tokenFile = new("--token-file") { Description = "File with the one-time enrolment token from 'qanat hub token create'; - is standard input.", HelpName = "FILE" };
        Option<string?> token = new("--token") { Description = "The token itself; other users of this machine can see it in the list of processes." };
        Option<string> proxy = new("--proxy") { Description = "Where platforms reach the node.", DefaultValueFactory = _ => "127.0.0.1:7080" };
        Option<string> admin = new("--admin") { Description = "Admin listener.", DefaultValueFactory = _ => "http://127.0.0.1:7081" };
        Option<string[]> service = new("--service") { Description = "Publish a service: NAME=TARGET or NAME=TARGET,PEER,PEER." };
        Command command = new("node", "Make a node's folder.") { data, name, hub, hubMid, tokenFile, token, proxy, admin, service };
        cli.Handle(command, (parsed, output, _) =>
        {
            NodeStarter starter = new(Path.GetFullPath(parsed.GetRequiredValue(data)), parsed.GetRequiredValue(name))
            {
                Hubs = Pair(parsed.GetRequiredValue(hub), parsed.GetValue(hubMid) ?? []),
                Token = TokenArgument.Read(parsed.GetValue(token), parsed.GetValue(tokenFile), cli.Input),
                Proxy = parsed.GetRequiredValue(proxy),
                Admin = parsed.GetRequiredValue(admin),
                Services = [.. (parsed.GetValue(service) ?? []).Select(ParseService)],
            };
            Mid mid = starter.Write();
            return Report(output, "node", starter.Name, mid, starter.ConfigFile,
            [
                $"qanat node --config {starter.ConfigFile}",
                $"curl -x http://{starter.Proxy} http://SERVICE.PARTICIPANT.qanat/",
            ]);
        });
        return command;
    }

    private static Option<string> DataFolder(string what) =>
        new("--data") { Description = $"The {what}'s own folder; made when missing.", HelpName = "DIR", Required = true };

    private static List<(string Url, Mid? Mid)> Pair(string[] urls, string[] mids)
    {
        if (mids.Length > urls.Length)
        {
            throw new CliException("usage", "more --hub-mid than --hub", ExitCode.Usage);
        }
        return [.. urls.Select((url, i) => (url, i < mids.Length ? (Mid?)ParseMid(mids[i]) : null))];
    }

    private static Mid ParseMid(string text) =>
        Mid.TryParse(text, out Mid mid) ? mid : throw new CliException("usage", $"--hub-mid '{text}' is not a mid: 26 base32 characters in groups", ExitCode.Usage);

    private static (string, string, IReadOnlyList<string>) ParseService(string text)
    {
        string[] nameAndRest = text.Split('=', 2);
        if (nameAndRest.Length != 2)
        {
            throw new CliException("usage", $"--service '{text}' is not NAME=TARGET", ExitCode.Usage);
        }
        string[] parts = nameAndRest[1].Split(',');
        return (nameAndRest[0], parts[0], parts[1..]);
    }

    private static Task<int> Report(CliOutput output, string role, string name, Mid mid, string config, string[] next)
    {
        output.Write(new { ok = true, role, name, mid = mid.ToString(), config }, console =>
        {
            console.MarkupLine($"{role} [bold]{Markup.Escape(name)}[/], mid [bold]{mid}[/]");
            console.WriteLine($"configuration: {config}");
            console.WriteLine("next:");
            foreach (string line in next)
            {
                console.WriteLine("  " + line);
            }
        });
        return Task.FromResult(ExitCode.Done);
    }
}
