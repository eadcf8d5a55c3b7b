using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Qanat.E2E.Harness;

/// <summary>One real <c>qanat</c> process with its log kept for the failure message. Killed when disposed.</summary>
internal sealed partial class QanatProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StreamWriter _log;

    private QanatProcess(string name, Process process, StreamWriter log, string logFile)
    {
        Name = name;
        _process = process;
        _log = log;
        LogFile = logFile;
    }

    public string Name { get; }

    public string LogFile { get; }

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>The built executable: what a user gets.</summary>
    public static string Executable { get; } = Path.Combine(Repository.Root, "artifacts", "bin", "Qanat.Cli", "release", "qanat");

    public static QanatProcess Start(string name, string workFolder, params string[] arguments) =>
        StartProgram(name, workFolder, Executable, arguments);

    public static QanatProcess StartProgram(string name, string workFolder, string program, params string[] arguments)
    {
        string logFile = Path.Combine(workFolder, $"{name}-{Guid.NewGuid().ToString("n")[..6]}.log");
        StreamWriter log = new(logFile) { AutoFlush = true };
        ProcessStartInfo info = new(program)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            WorkingDirectory = workFolder,
        };
        foreach (string argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }
        Process process = new() { StartInfo = info };
        void Line(object _, DataReceivedEventArgs e)
        {
            lock (log)
            {
                if (e.Data is not null && log.BaseStream is not null)
                {
                    log.WriteLine(e.Data);
                }
            }
        }
        process.OutputDataReceived += Line;
        process.ErrorDataReceived += Line;
        process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return new QanatProcess(name, process, log, logFile);
    }

    /// <summary>SIGKILL: no chance to say goodbye.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
    }

    public void Signal(PosixSignalNumber signal)
    {
        if (KillSystemCall(_process.Id, (int)signal) != 0)
        {
            throw new InvalidOperationException($"kill({Name}, {signal}) failed: errno {Marshal.GetLastPInvokeError()}.");
        }
    }

    public async Task<int> WaitForExitAsync(TimeSpan limit)
    {
        using CancellationTokenSource deadline = new(limit);
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    /// <summary>Resident set size in bytes, from the kernel.</summary>
    public long ResidentBytes()
    {
        string line = File.ReadLines($"/proc/{Pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }

    /// <summary>Open file descriptors that are sockets.</summary>
    public int OpenSockets() =>
        Directory.EnumerateFiles($"/proc/{Pid}/fd").Count(f => new FileInfo(f).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);

    public async ValueTask DisposeAsync()
    {
        Kill();
        // Also of a process that ended by itself: its last lines may still be on their way.
        await _process.WaitForExitAsync();
        _process.Dispose();
        lock (_log)
        {
            _log.Dispose();
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int KillSystemCall(int pid, int signal);
}

internal enum PosixSignalNumber
{
    Hangup = 1,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}

internal static class Repository
{
    /// <summary>The folder that holds Qanat.slnx.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Qanat.slnx")))
            {
                return folder.FullName;
            }
        }
        throw new DirectoryNotFoundException("Qanat.slnx is in no folder above the test.");
    }
}
