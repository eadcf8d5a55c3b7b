namespace Qanat.Bench.Report;

/// <summary>The report as a table for a terminal.</summary>
public static class ConsoleTable
{
    public static void Print(AreaReport report)
    {
        Console.Out.WriteLine($"{"metric",-52} {"ours",12} {"against",-36} {"value",10} {"ratio",7} {"floor",6} {"goal",6}  met");
        foreach (ReportRow row in report.Rows)
        {
            string met = row.Floor is null && row.Goal is null ? "" : row.Met;
            Console.Out.WriteLine($"{row.Metric,-52} {ResultsBook.Number(row.Ours) + " " + row.Unit,12} {row.Peer,-36} {ResultsBook.Number(row.PeerValue),10} {ResultsBook.Number(row.Ratio),7} {ResultsBook.Number(row.Floor),6} {ResultsBook.Number(row.Goal),6}  {met}");
            if (row.Note is not null)
            {
                Console.Out.WriteLine($"    {row.Note}");
            }
        }
        Console.Out.WriteLine($"{report.Rows.Count} rows, {report.Rounds} rounds, {report.Seconds} s, load {report.Machine.LoadAtStart} to {report.Machine.LoadAtEnd}");
    }
}
