using System.Diagnostics;

namespace Qanat.Cli.Demo.Running;

/// <summary>One program of the demo, with its output in a log file. Can be killed and started again with the same arguments.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly ProcessStartInfo _info;
    private readonly Lock _logLock = new();
    private readonly StreamWriter _log;
    private Process? _process;

    public ChildProcess(string name, string logFolder, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        Name = name;
        LogFile = Path.Combine(logFolder, name + ".log");
        _log = new StreamWriter(LogFile) { AutoFlush = true };
        // Standard input stays open for as long as we live; servers started with --until-stdin-closes end with us, whatever happens to us.
        _info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = logFolder,
        };
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>())
        {
            _info.Environment[key] = value;
        }
    }

    /// <summary>Told every line of standard output.</summary>
    public event Action<string>? OutputLine;

    /// <summary>Told every line of standard error.</summary>
    public event Action<string>? ErrorLine;

    public string Name { get; }

    public string LogFile { get; }

    public bool IsRunning => _process is { HasExited: false };

    public int ProcessId => _process?.Id ?? 0;

    public int? ExitCode => _process is { HasExited: true } ended ? ended.ExitCode : null;

    public void Start()
    {
        _process = Process.Start(_info) ?? throw new CliException("demo-start-failed", $"cannot start {_info.FileName}");
        _process.OutputDataReceived += (_, line) => Take(line.Data, OutputLine);
        _process.ErrorDataReceived += (_, line) => Take(line.Data, ErrorLine);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Waits for its own end and for the last of its output.</summary>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await _process!.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Ends the process at once (SIGKILL), as a power cut would, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process)
        {
            return;
        }
        process.Kill(entireProcessTree: true);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(5));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Killed but not yet collected by the kernel, or its output is still held open: it will not run again.
        }
        process.Dispose();
        _process = null;
    }

    /// <summary>The last lines of its log.</summary>
    public string LogTail(int lines)
    {
        using StreamReader reader = new(new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return string.Join('\n', reader.ReadToEnd().TrimEnd().Split('\n').TakeLast(lines));
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        lock (_logLock)
        {
            _log.Dispose();
        }
    }

    private void Take(string? line, Action<string>? listeners)
    {
        if (line is null)
        {
            return;
        }
        lock (_logLock)
        {
            if (_log.BaseStream is { CanWrite: true })
            {
                _log.WriteLine(line);
            }
        }
        listeners?.Invoke(line);
    }
}
