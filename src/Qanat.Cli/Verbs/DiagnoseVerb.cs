using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qanat.Cli.Admin;
using Qanat.Cli.Diagnosis;
using Qanat.Cli.Output;
using Qanat.Cli.Servers;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat diagnose PARTICIPANT</c>: asks the running node to measure each hop, and names the guilty one.</summary>
internal static class DiagnoseVerb
{
    public static Command Create(QanatCommand cli)
    {
        ConfigOptions config = new(ServerRole.Node);
        Argument<string> participant = new("PARTICIPANT") { Description = "Name or mid of the peer." };
        Option<string?> service = new("--service") { Description = "Also measure HTTP requests (HEAD /) to this service of the peer." };
        Command command = new("diagnose", "Measure each hop to a participant and name the slow or broken one. Exit code 1 when a hop is broken.") { participant, service };
        config.AddTo(command);
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using AdminClient node = config.Admin(parsed);
            string target = parsed.GetRequiredValue(participant) + (parsed.GetValue(service) is { } name ? "/" + name : "");
            JsonNode answer = await node.GetAsync($"/api/v1/diagnose?participant={Uri.EscapeDataString(target)}", cancellationToken);
            PathReport report = answer.Deserialize<PathReport>(CliOutput.Json)!;
            output.Write(report, console => Show(console, report));
            return report.Ok ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static void Show(IAnsiConsole console, PathReport report)
    {
        console.MarkupLine($"the way to [bold]{Markup.Escape(report.Participant)}[/], mid {report.Mid}");
        Table table = new Table().Border(TableBorder.Minimal)
            .AddColumns("hop", "to", "min ms", "median ms", "p99 ms", "hop alone ms", "share", "MB/s", "");
        foreach (PathPoint point in report.Points)
        {
            table.AddRow(
                new Text(point.Hop, point.Hop == report.GuiltyHop ? new Style(Color.Red) : Style.Plain), new Text(point.To),
                Number(point.RoundTrip?.Min, "0.00"), Number(point.RoundTrip?.Median, "0.00"), Number(point.RoundTrip?.P99, "0.00"),
                Number(point.HopMilliseconds, "0.00"), Number(point.Share, "P0"), Number(point.BytesPerSecond / 1e6, "0.0"), new Text(point.Error ?? ""));
        }
        console.Write(table);
        console.WriteLine(report.Verdict);
    }

    private static Text Number(double? value, string format) => new(value?.ToString(format, CultureInfo.InvariantCulture) ?? "-");
}
