using System.Globalization;
using Qanat.Fuzz;
using SharpFuzz;

const string Usage = """
    qanat-fuzz TARGET                               libFuzzer (through libfuzzer-dotnet)
    qanat-fuzz TARGET --afl                         afl-fuzz
    qanat-fuzz --seeds DIR                          write valid inputs to DIR/TARGET/
    qanat-fuzz --replay DIR [TARGET|all] [COUNT] [SEED]
                                                    run DIR/TARGET/* and COUNT mutations of it
    qanat-fuzz --list
    """;

switch (args)
{
    case ["--list"]:
        Console.WriteLine(string.Join('\n', FuzzTarget.All.Keys));
        return 0;

    case ["--seeds", string folder]:
        foreach (FuzzTarget target in FuzzTarget.All.Values)
        {
            string files = Directory.CreateDirectory(Path.Combine(folder, target.Name)).FullName;
            for (int i = 0; i < target.Seeds.Length; i++)
            {
                File.WriteAllBytes(Path.Combine(files, $"seed-{i:d2}"), target.Seeds[i]);
            }
        }
        return 0;

    case ["--replay", string folder, .. string[] rest]:
        IEnumerable<FuzzTarget> targets = rest.Length > 0 && FuzzTarget.All.TryGetValue(rest[0], out FuzzTarget? only) ? [only] : FuzzTarget.All.Values;
        int mutations = rest.Length > 1 ? int.Parse(rest[1], CultureInfo.InvariantCulture) : 0;
        int seed = rest.Length > 2 ? int.Parse(rest[2], CultureInfo.InvariantCulture) : 1;
        try
        {
            foreach (FuzzTarget target in targets)
            {
                Console.WriteLine($"{target.Name}: {Replay.Run(target, folder, mutations, seed)} inputs");
            }
            return 0;
        }
        catch (FuzzFinding finding)
        {
            Console.Error.WriteLine(finding.Message);
            return 1;
        }

    case [string name] when FuzzTarget.All.TryGetValue(name, out FuzzTarget? target):
        Fuzzer.LibFuzzer.Run(span => target.Run(span));
        return 0;

    case [string name, "--afl"] when FuzzTarget.All.TryGetValue(name, out FuzzTarget? target):
        Fuzzer.OutOfProcess.Run(stream =>
        {
            using MemoryStream input = new();
            stream.CopyTo(input);
            target.Run(input.ToArray());
        });
        return 0;

    default:
        Console.Error.WriteLine(Usage);
        return 2;
}
