using System.CommandLine;
using Qanat.Cli.Servers;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat node</c>: runs a node.</summary>
internal static class NodeVerb
{
    public static Command Create(QanatCommand cli)
    {
        ConfigOptions config = new(ServerRole.Node);
        Option<bool> untilStdinCloses = new("--until-stdin-closes") { Hidden = true };
        Command command = new("node", "Run a node: the proxy of this organisation's platforms.") { untilStdinCloses };
        config.AddTo(command);
        cli.Handle(command, (parsed, _, cancellationToken) =>
            ServerRunner.RunAsync(ServerRole.Expect(config.File(parsed), ServerRole.Node), ServerRole.NodeValidator, NodeServer.Build, parsed.GetValue(untilStdinCloses), cancellationToken));
        return command;
    }
}
