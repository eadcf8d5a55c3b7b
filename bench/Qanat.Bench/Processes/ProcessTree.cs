using System.Globalization;

namespace Qanat.Bench.Processes;

/// <summary>What a set of processes and all their descendants have used so far.</summary>
/// <param name="CpuSeconds">User and system time, with that of children that have ended and been waited for. Resolution 10 ms.</param>
/// <param name="ResidentBytes">Sum of resident set sizes.</param>
/// <param name="Count">Live processes.</param>
public readonly record struct ProcessUsage(double CpuSeconds, long ResidentBytes, int Count);

/// <summary>Reads <c>/proc</c> (proc(5)) for the cost of process trees.</summary>
public static class ProcessTree
{
    private const double TicksPerSecond = 100; // USER_HZ is 100 on every Linux architecture that .NET supports.
    private static readonly long s_pageSize = Environment.SystemPageSize;

    /// <summary>Usage of the trees under <paramref name="roots"/>; a process under two roots counts once.</summary>
    public static ProcessUsage Measure(IEnumerable<int> roots)
    {
        Dictionary<int, Entry> all = ReadAll();
        ILookup<int, int> children = all.ToLookup(entry => entry.Value.Parent, entry => entry.Key);
        HashSet<int> seen = [];
        Stack<int> open = new(roots);
        double ticks = 0;
        long pages = 0;
        while (open.TryPop(out int pid))
        {
            if (!seen.Add(pid) || !all.TryGetValue(pid, out Entry entry))
            {
                continue;
            }
            ticks += entry.Ticks;
            pages += entry.ResidentPages;
            foreach (int child in children[pid])
            {
                open.Push(child);
            }
        }
        return new ProcessUsage(ticks / TicksPerSecond, pages * s_pageSize, seen.Count(all.ContainsKey));
    }

    private static Dictionary<int, Entry> ReadAll()
    {
        Dictionary<int, Entry> all = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                try
                {
                    all[pid] = Parse(File.ReadAllText($"{folder}/stat"));
                }
                catch (IOException)
                {
                    // It ended between the listing and the read.
                }
            }
        }
        return all;
    }

    private static Entry Parse(string stat)
    {
        // The second field is the program's name in parentheses and may hold anything; fields are counted after the last ')'.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        static long Number(string field) => long.Parse(field, CultureInfo.InvariantCulture);
        return new Entry((int)Number(fields[1]), Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]), Number(fields[21]));
    }

    private readonly record struct Entry(int Parent, long Ticks, long ResidentPages);
}
