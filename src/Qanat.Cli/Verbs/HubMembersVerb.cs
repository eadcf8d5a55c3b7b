using System.CommandLine;
using System.Text.Json.Nodes;
using Qanat.Cli.Admin;
using Qanat.Cli.Output;
using Qanat.Cli.Servers;
using Qanat.Configuration;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat hub participants|revoke|quota</c>.</summary>
internal static class HubMembersVerb
{
    public static Command CreateParticipants(QanatCommand cli, ConfigOptions config)
    {
        Command command = new("participants", "List members and guests.");
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using AdminClient hub = config.Admin(parsed);
            JsonNode participants = await hub.GetAsync("/api/v1/participants", cancellationToken);
            output.Write(participants, console => console.Write(JsonTables.Of(participants, "name", "mid", "status", "linked", "linkedAt", "sessions", "bytesFrom", "bytesTo")));
            return ExitCode.Done;
        });
        return command;
    }

    public static Command CreateRevoke(QanatCommand cli, ConfigOptions config)
    {
        Argument<string> who = Who();
        Command command = new("revoke", "End a membership for good: its links end now, here and at other hubs.") { who };
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using AdminClient hub = config.Admin(parsed);
            string name = parsed.GetRequiredValue(who);
            await hub.SendAsync(HttpMethod.Post, $"/api/v1/participants/{Uri.EscapeDataString(name)}/revoke", null, cancellationToken);
            output.Write(new { ok = true, revoked = name }, console => console.WriteLine($"revoked {name}"));
            return ExitCode.Done;
        });
        return command;
    }

    public static Command CreateQuota(QanatCommand cli, ConfigOptions config)
    {
        Argument<string> who = Who();
        (string Name, Option<string?> Option)[] limits =
        [
            ("bytesPerSecond", new("--bytes-per-second") { Description = "Such as 50MiB." }),
            ("sessions", new("--sessions") { Description = "Live sessions it has opened." }),
            ("opensPerSecond", new("--opens-per-second") { Description = "New sessions per second." }),
            ("queueBytes", new("--queue-bytes") { Description = "Bytes of its frames in one queue." }),
        ];
        Command command = new("quota", "Set a member's own quotas; 0 is no limit, 'default' the hub's. What is not named stays; with no option they are only shown.") { who };
        foreach ((_, Option<string?> option) in limits)
        {
            command.Add(option);
        }
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using AdminClient hub = config.Admin(parsed);
            string name = parsed.GetRequiredValue(who);
            JsonNode participants = await hub.GetAsync("/api/v1/participants", cancellationToken);
            JsonNode member = participants.AsArray().FirstOrDefault(p => IsNamed(p!, name)) ?? throw new CliException("unknown-participant", $"no participant '{name}' at this hub");
            JsonObject quotas = member["quotas"]?.DeepClone().AsObject() ?? [];
            foreach ((string key, Option<string?> option) in limits)
            {
                if (parsed.GetValue(option) is { } text)
                {
                    quotas[key] = Parse(option.Name, text);
                }
            }
            await hub.SendAsync(HttpMethod.Put, $"/api/v1/participants/{Uri.EscapeDataString(name)}/quotas", quotas, cancellationToken);
            output.Write(new { ok = true, participant = name, quotas }, console =>
                console.WriteLine($"{name}: {string.Join(", ", limits.Select(l => $"{l.Option.Name[2..]} {quotas[l.Name]?.ToString() ?? "default"}"))}"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Argument<string> Who() => new("PARTICIPANT") { Description = "Its name or mid." };

    private static bool IsNamed(JsonNode participant, string who)
    {
        string name = (string)participant["name"]!;
        return name == who || name.StartsWith(who + ".", StringComparison.Ordinal) || (string)participant["mid"]! == who;
    }

    private static JsonValue? Parse(string option, string text) =>
        text == "default" ? null
        : ByteCount.TryParse(text, out long number) ? JsonValue.Create(number)
        : throw new CliException("usage", $"{option} '{text}' is neither a number (such as 4096 or 50MiB) nor 'default'", ExitCode.Usage);
}
