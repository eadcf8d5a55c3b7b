using System.Diagnostics;
using System.Text.Json.Nodes;
using Qanat.Cli.Demo.Running;
using Qanat.Cli.Output;
using Spectre.Console;

namespace Qanat.Cli.Demo;

/// <summary>Runs acts one after the other on one stage and reports on them.</summary>
internal sealed class DemoRunner(CliOutput output, bool keepFolder)
{
    private const int LogLines = 20;

    /// <summary>Runs the acts. All of them run, also after one has failed.</summary>
    public async Task<int> RunAsync(IReadOnlyList<IDemoAct> acts, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        List<ActResult> results = [];
        await using (DemoStage stage = new(keepFolder))
        {
            foreach (IDemoAct act in acts)
            {
                results.Add(await RunAsync(act, stage, cancellationToken));
            }
            if (results.Exists(r => !r.Ok))
            {
                ShowLogs(stage);
            }
            if (keepFolder)
            {
                await output.Error.WriteLineAsync($"logs and data: {stage.Folder}");
            }
        }
        bool ok = results.TrueForAll(r => r.Ok);
        double seconds = Seconds(start);
        output.Write(new { ok, seconds, acts = results }, console => ShowSummary(console, results, acts, ok, seconds));
        return ok ? ExitCode.Done : ExitCode.Failed;
    }

    private async Task<ActResult> RunAsync(IDemoAct act, DemoStage stage, CancellationToken cancellationToken)
    {
        await output.Error.WriteLineAsync($"{act.Id}: {act.Title} ...");
        ActReport report = new();
        long start = Stopwatch.GetTimestamp();
        try
        {
            await act.RunAsync(stage, report, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            report.Require(false, e is CliException known ? $"{known.Code}: {known.Message}" : e.ToString());
        }
        bool ok = report.Failures.Count == 0;
        if (!ok)
        {
            report.Note("failures", new JsonArray([.. report.Failures.Select(f => (JsonNode)f)]));
            foreach (string failure in report.Failures)
            {
                await output.Error.WriteLineAsync($"  FAILED {failure}");
            }
        }
        return new ActResult(act.Id, act.Spec, ok, Seconds(start), report.Details);
    }

    private void ShowLogs(DemoStage stage)
    {
        foreach (ChildProcess process in stage.Processes)
        {
            string state = process.ExitCode is { } code ? $"ended with exit code {code}" : process.IsRunning ? "running" : "stopped";
            output.Error.WriteLine($"--- {process.Name} ({state}), last {LogLines} lines of its log:");
            output.Error.WriteLine(process.LogTail(LogLines));
        }
    }

    private static void ShowSummary(IAnsiConsole console, List<ActResult> results, IReadOnlyList<IDemoAct> acts, bool ok, double seconds)
    {
        foreach ((ActResult result, IDemoAct act) in results.Zip(acts))
        {
            Table table = new Table().Border(TableBorder.None).HideHeaders().AddColumn("name").AddColumn("value");
            foreach ((string name, JsonNode? value) in result.Details)
            {
                table.AddRow(new Markup($"  [grey]{Markup.Escape(name)}[/]"), new Text(value is JsonValue simple ? simple.ToString() : value?.ToJsonString(CliOutput.Json) ?? ""));
            }
            string mark = result.Ok ? "[green]ok    [/]" : "[red]FAILED[/]";
            console.MarkupLine($"{mark} [bold]{Markup.Escape(result.Id)}[/] ({string.Join(", ", result.Spec)}) {result.Seconds:0.0} s");
            console.MarkupLine($"       {Markup.Escape(act.Title)}");
            console.Write(table);
        }
        console.MarkupLine(ok
            ? $"[green]All {results.Count} acts succeeded[/] in {seconds:0.0} s."
            : $"[red]{results.Count(r => !r.Ok)} of {results.Count} acts failed[/] in {seconds:0.0} s.");
    }

    private static double Seconds(long start) => Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2);
}
