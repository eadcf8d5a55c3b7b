using System.CommandLine;
using System.Globalization;
using Qanat.Cli.Gm;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm speed</c>: how fast SM2, SM3 and SM4 are here, and by which code paths.</summary>
internal static class GmSpeedVerb
{
    public static Command Create(QanatCommand cli)
    {
        Option<double> seconds = new("--seconds") { Description = "Time for each of the 18 measurements, 0.001 to 60.", DefaultValueFactory = _ => 0.4 };
        Command command = new("speed", "Measure SM2, SM3 and SM4 on one thread of this machine.") { seconds };
        cli.Handle(command, (parsed, output, _) =>
        {
            double each = parsed.GetValue(seconds);
            if (!(each >= 0.001 && each <= 60))
            {
                throw new CliException("usage", "--seconds is not within 0.001 to 60", ExitCode.Usage);
            }
            SpeedRow[] rows = [.. new SpeedTest(TimeSpan.FromSeconds(each)).Run()];
            output.Write(new { ok = true, paths = SpeedTest.Paths, speeds = rows.Select(row => new { name = row.Name, rate = row.Rate, unit = row.Unit }) }, console =>
            {
                console.Profile.Out.Writer.WriteLine(SpeedTest.Paths);
                Table table = new Table().Border(TableBorder.Minimal).AddColumns("operation, one thread", "rate", "unit");
                table.Columns[1].RightAligned();
                foreach (SpeedRow row in rows)
                {
                    table.AddRow(new Text(row.Name), new Text(row.Rate.ToString(row.Unit == "/s" ? "N0" : "N1", CultureInfo.InvariantCulture)), new Text(row.Unit));
                }
                console.Write(table);
            });
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
