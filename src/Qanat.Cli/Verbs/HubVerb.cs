using System.CommandLine;
using Qanat.Cli.Servers;
using Qanat.Hub;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat hub</c>: runs a hub, and manages the members of a running one.</summary>
internal static class HubVerb
{
    public static Command Create(QanatCommand cli)
    {
        ConfigOptions config = new(ServerRole.Hub);
        Option<bool> untilStdinCloses = new("--until-stdin-closes") { Hidden = true };
        Command command = new("hub", "Run a hub; with a subcommand, manage a running one.")
        {
            untilStdinCloses,
            HubTokenVerb.Create(cli, config),
            HubMembersVerb.CreateParticipants(cli, config),
            HubMembersVerb.CreateRevoke(cli, config),
            HubMembersVerb.CreateQuota(cli, config),
        };
        config.AddTo(command);
        cli.Handle(command, (parsed, _, cancellationToken) =>
        {
            CompleteSocketsInline();
            return ServerRunner.RunAsync(ServerRole.Expect(config.File(parsed), ServerRole.Hub), ServerRole.HubValidator, HubHost.Build, parsed.GetValue(untilStdinCloses), cancellationToken);
        });
        return command;
    }

    /// <summary>
    /// A relay's work per read is smaller than a thread switch: what was received is passed on by the thread that polls the sockets. The runtime
    /// reads this when the first socket is opened. An operator's own value stands.
    /// </summary>
    private static void CompleteSocketsInline()
    {
        const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
        if (Environment.GetEnvironmentVariable(Variable) is null)
        {
            Environment.SetEnvironmentVariable(Variable, "1");
        }
    }
}
