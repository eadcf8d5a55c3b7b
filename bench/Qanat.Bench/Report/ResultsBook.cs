using System.Globalization;
using System.Text;
using System.Text.Json;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Report;

/// <summary><c>bench/results/*.json</c> and the page made from them, <c>bench/RESULTS.md</c>.</summary>
public sealed class ResultsBook(string benchFolder)
{
    private string ResultsFolder => Path.Combine(benchFolder, "results");

    /// <summary>The <c>bench</c> folder of the checkout this program was built from, or the current folder's.</summary>
    public static string FindBenchFolder()
    {
        foreach (string start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(Path.Combine(folder.FullName, "Qanat.slnx")))
                {
                    return Path.Combine(folder.FullName, "bench");
                }
            }
        }
        throw new InvalidOperationException("Run this inside the repository: Qanat.slnx was not found in any parent folder.");
    }

    /// <summary>Keeps a full run.</summary>
    public string Keep(AreaReport report)
    {
        Directory.CreateDirectory(ResultsFolder);
        string file = Path.Combine(ResultsFolder, $"{report.Date[..10]}-{report.Area}.json");
        Write(report, file);
        return file;
    }

    public static void Write(AreaReport report, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.WriteAllText(file, JsonSerializer.Serialize(report, BenchJson.Report) + "\n");
    }

    /// <summary>Writes the page anew from the newest kept run of each area.</summary>
    public string Regenerate()
    {
        StringBuilder page = new();
        page.Append("# Results\n\nMade by `dotnet run -c Release --project bench/Qanat.Bench -- results` from `bench/results/`; do not edit. ");
        page.Append("Every ratio is from one interleaved run (rounds alternate between the systems; medians). *Ratio*, *floor* and *goal* are on one scale: ours against the peer, above 1 is better for us. ");
        page.Append("CPU is that of all processes: the system's, the load generator's and the backend's.\n");
        var runs = Directory.Exists(ResultsFolder) ? Directory.EnumerateFiles(ResultsFolder, "*.json").Select(file => JsonSerializer.Deserialize<StoredReport>(File.ReadAllText(file), BenchJson.Report)!) : [];
        foreach (IGrouping<string, StoredReport> area in runs.GroupBy(run => run.Area).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            Append(page, area.OrderBy(run => run.Date, StringComparer.Ordinal).Last());
        }
        string target = Path.Combine(benchFolder, "RESULTS.md");
        File.WriteAllText(target, page.ToString());
        return target;
    }

    private void Append(StringBuilder page, StoredReport run)
    {
        MachineFacts machine = run.Machine;
        page.Append(CultureInfo.InvariantCulture, $"\n## {run.Area}\n{run.Date}, commit `{run.Commit}`, {run.Rounds} rounds, {run.Seconds:f0} s: `{run.Command}`  \n");
        page.Append(CultureInfo.InvariantCulture, $"{machine.Cores} cores of {machine.Processor}, {machine.MemoryGigabytes} GB, Linux {machine.Kernel}, {machine.Runtime}; load {machine.LoadAtStart} at the start, {machine.LoadAtEnd} at the end.\n\n");
        page.Append("| metric | ours | against | its value | ratio | floor | goal | met | CPU ours / peer | note |\n|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (StoredRow row in run.Rows)
        {
            string cost = row.OursCpu is null && row.PeerCpu is null ? "" : $"{Number(row.OursCpu)} / {Number(row.PeerCpu)} {row.CostUnit}";
            string met = row.Floor is null && row.Goal is null ? "·" : row.Met == "none" ? "**no**" : row.Met;
            page.Append(CultureInfo.InvariantCulture, $"| {row.Metric} | {Number(row.Ours)} {row.Unit} | {row.Peer} | {Number(row.PeerValue)} | {Number(row.Ratio)} | {Number(row.Floor)} | {Number(row.Goal)} | {met} | {cost} | {row.Note} |\n");
        }
        foreach ((string system, string why) in run.Missing)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n- **{system}** did not take part: {why}\n");
        }
        string limits = Path.Combine(benchFolder, $"limits-{run.Area}.md");
        if (File.Exists(limits))
        {
            page.Append('\n').Append(File.ReadAllText(limits).Trim()).Append('\n');
        }
    }

    public static string Number(double? value) => value switch
    {
        null => "-",
        0 => "0",
        _ when Math.Abs(value.Value) >= 100 => value.Value.ToString("N0", CultureInfo.InvariantCulture),
        _ when Math.Abs(value.Value) >= 10 => value.Value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.##", CultureInfo.InvariantCulture),
    };

    // What is computed when a report is written is data when it is read back.
    private sealed record StoredReport(string Area, string Date, string Commit, string Command, int Rounds, double Seconds, MachineFacts Machine, StoredRow[] Rows, Dictionary<string, string> Missing);

    private sealed record StoredRow(string Metric, double? Ours, string Unit, string Peer, double? PeerValue, double? Ratio, double? Floor, double? Goal, string Met, double? OursCpu, double? PeerCpu, string? CostUnit, string? Note);
}
