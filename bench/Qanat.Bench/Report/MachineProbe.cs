using System.Globalization;
using System.Runtime.InteropServices;
using Qanat.Bench.Processes;

namespace Qanat.Bench.Report;

/// <summary>Reads what the machine is.</summary>
public static class MachineProbe
{
    public static string Load() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3]);

    public static MachineFacts Read(string loadAtStart)
    {
        string processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
        string memory = File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemTotal", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return new MachineFacts(processor, Environment.ProcessorCount, Math.Round(double.Parse(memory, CultureInfo.InvariantCulture) / 1024 / 1024, 1),
            Environment.OSVersion.Version.ToString(), RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription, loadAtStart, Load());
    }

    /// <summary>Short hash of the checked-out commit, with a plus sign when there are changes beside it.</summary>
    public static async Task<string> CommitAsync(string folder)
    {
        try
        {
            string commit = await ChildProcess.RunAsync("git", "-C", folder, "rev-parse", "--short=10", "HEAD").ConfigureAwait(false);
            string changes = await ChildProcess.RunAsync("git", "-C", folder, "status", "--porcelain", "--untracked-files=no").ConfigureAwait(false);
            return commit.Trim() + (changes.Length > 0 ? "+" : "");
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }
}
