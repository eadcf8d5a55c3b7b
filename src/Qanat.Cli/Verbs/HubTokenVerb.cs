using System.CommandLine;
using System.Text.Json.Nodes;
using Qanat.Cli.Admin;
using Qanat.Cli.Output;
using Qanat.Cli.Servers;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat hub token create|list|delete</c>: one-time enrolment tokens.</summary>
internal static class HubTokenVerb
{
    public static Command Create(QanatCommand cli, ConfigOptions config) =>
        new("token", "One-time enrolment tokens.") { CreateCreate(cli, config), CreateList(cli, config), CreateDelete(cli, config) };

    private static Command CreateCreate(QanatCommand cli, ConfigOptions config)
    {
        Option<string?> name = new("--name") { Description = "The token enrols under this participant name only." };
        Option<double?> hours = new("--hours") { Description = "How long it lasts; else enrolment.token-hours of the hub.", CustomParser = OptionValues.Number };
        Command command = new("create", "Make a token. It is shown once and works once.") { name, hours };
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using AdminClient hub = config.Admin(parsed);
            JsonNode token = await hub.SendAsync(HttpMethod.Post, "/api/v1/tokens", new { name = parsed.GetValue(name), hours = parsed.GetValue(hours) }, cancellationToken);
            output.Write(token, console => console.WriteLine((string)token["token"]!));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateList(QanatCommand cli, ConfigOptions config)
    {
        Command command = new("list", "List tokens, without their secrets.");
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using AdminClient hub = config.Admin(parsed);
            JsonNode tokens = await hub.GetAsync("/api/v1/tokens", cancellationToken);
            output.Write(tokens, console => console.Write(JsonTables.Of(tokens, "id", "name", "status", "createdAt", "expiresAt", "spentBy")));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateDelete(QanatCommand cli, ConfigOptions config)
    {
        Argument<string> id = new("ID");
        Command command = new("delete", "Delete a token that was not used.") { id };
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using AdminClient hub = config.Admin(parsed);
            await hub.SendAsync(HttpMethod.Delete, $"/api/v1/tokens/{Uri.EscapeDataString(parsed.GetRequiredValue(id))}", null, cancellationToken);
            output.Write(new { ok = true }, console => console.WriteLine("deleted"));
            return ExitCode.Done;
        });
        return command;
    }
}
