namespace Qanat.Fuzz;

/// <summary>Runs a target without a fuzzer: over its seeds, over files, over mutations of both.</summary>
internal static class Replay
{
    /// <summary>Runs the seeds, the files of <paramref name="folder"/>'s subfolder of the target's name, then so many mutations.</summary>
    /// <returns>How many inputs ran.</returns>
    /// <exception cref="FuzzFinding">An input broke an invariant; the message holds the input in hex.</exception>
    internal static int Run(FuzzTarget target, string? folder, int mutations, int seed)
    {
        string files = Path.Combine(folder ?? "", target.Name);
        byte[][] corpus =
        [
            .. target.Seeds,
            .. folder is not null && Directory.Exists(files) ? Directory.GetFiles(files).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [],
        ];
        foreach (byte[] input in corpus)
        {
            RunOne(target, input);
        }
        Mutator mutator = new(corpus, seed);
        for (int i = 0; i < mutations; i++)
        {
            RunOne(target, mutator.Next());
        }
        return corpus.Length + mutations;
    }

    private static void RunOne(FuzzTarget target, byte[] input)
    {
        try
        {
            target.Run(input);
        }
        catch (Exception e)
        {
            string hex = Convert.ToHexStringLower(input.AsSpan(0, Math.Min(input.Length, 4096)));
            throw new FuzzFinding($"{target.Name}: {e.GetType().Name}: {e.Message}\n{input.Length} bytes: {hex}\n{e.StackTrace}");
        }
    }
}
