using System.CommandLine;
using Qanat.Gm;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm self-test</c>: known answers, pairwise consistency and random numbers on this machine.</summary>
internal static class GmSelfTestVerb
{
    public static Command Create(QanatCommand cli)
    {
        Command command = new("self-test", "Check SM2, SM3, SM4 and the random numbers of this machine, on every code path of its processor.");
        cli.Handle(command, (_, output, _) =>
        {
            GmSelfTestResult result = GmSelfTest.Run();
            object Describe(GmSelfTestCheck check) => new { name = check.Name, source = check.Source, kind = check.Kind, passed = check.Passed, failure = check.Failure };
            output.Write(new { ok = result.Passed, checks = result.Checks.Select(Describe) }, console =>
            {
                Table table = new Table().Border(TableBorder.Minimal).AddColumns("test", "answer from", "result");
                foreach (GmSelfTestCheck check in result.Checks)
                {
                    table.AddRow(new Text(check.Name), new Text(check.Source), new Text(check.Failure ?? "ok"));
                }
                console.Write(table);
                console.WriteLine(result.ToString());
            });
            return Task.FromResult(result.Passed ? ExitCode.Done : ExitCode.Failed);
        });
        return command;
    }
}
