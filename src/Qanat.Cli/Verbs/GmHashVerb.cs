using System.CommandLine;
using Qanat.Cli.Gm;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm hash</c>: SM3 of files.</summary>
internal static class GmHashVerb
{
    public static Command Create(QanatCommand cli)
    {
        Argument<string[]> files = new("FILE") { Description = "Files, or - for standard input.", Arity = ArgumentArity.OneOrMore };
        Command command = new("hash", "Print the SM3 hash of files.") { files };
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            List<(string File, string Sm3)> hashes = [];
            foreach (string file in parsed.GetRequiredValue(files))
            {
                hashes.Add((file, Convert.ToHexStringLower(await Sm3Stream.HashAsync(default, file, cancellationToken))));
            }
            output.Write(new { ok = true, hashes = hashes.Select(h => new { file = h.File, sm3 = h.Sm3 }) }, console =>
            {
                foreach ((string file, string sm3) in hashes)
                {
                    console.Profile.Out.Writer.WriteLine($"{sm3}  {file}");
                }
            });
            return ExitCode.Done;
        });
        return command;
    }
}
