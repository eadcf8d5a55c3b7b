using System.Diagnostics;

namespace Qanat.Bench.Processes;

/// <summary>A process that the bench started: keeps the end of what it wrote, and is killed with its descendants on dispose.</summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptLines = 40;
    private readonly Process _process;
    private readonly Queue<string> _tail = [];

    private ChildProcess(Process process, string role)
    {
        _process = process;
        Role = role;
    }

    /// <summary>What it is, such as <c>hub</c>.</summary>
    public string Role { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public StreamWriter Input => _process.StandardInput;

    public Process Process => _process;

    /// <summary>The last lines of standard output and standard error.</summary>
    public string Tail
    {
        get
        {
            lock (_tail)
            {
                return string.Join('\n', _tail);
            }
        }
    }

    /// <summary>Starts a program. Standard output goes to <paramref name="onOutput"/> when given, else with standard error into <see cref="Tail"/>.</summary>
    public static ChildProcess Start(string role, ProcessStartInfo start, Action<string>? onOutput = null)
    {
        start.UseShellExecute = false;
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        Process process = new() { StartInfo = start };
        ChildProcess child = new(process, role);
        process.OutputDataReceived += (_, line) => child.Take(line.Data, onOutput);
        process.ErrorDataReceived += (_, line) => child.Take(line.Data, null);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Runs a program to its end and returns its standard output.</summary>
    /// <exception cref="InvalidOperationException">Exit code other than 0; the message holds its output.</exception>
    public static async Task<string> RunAsync(string program, params IEnumerable<string> arguments)
    {
        List<string> lines = [];
        ProcessStartInfo start = new(program, arguments);
        await using ChildProcess child = Start(program, start, line =>
        {
            lock (lines)
            {
                lines.Add(line);
            }
        });
        child.Input.Close();
        await child._process.WaitForExitAsync().ConfigureAwait(false);
        return child._process.ExitCode == 0
            ? string.Join('\n', lines)
            : throw new InvalidOperationException($"{program} ended with {child._process.ExitCode}: {child.Tail} {string.Join('\n', lines)}");
    }

    /// <summary>Full path of a program, or null when it is not installed.</summary>
    public static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>SIGKILL to this process only.</summary>
    public void Kill() => _process.Kill();

    public Task WaitForExitAsync() => _process.WaitForExitAsync();

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
                await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(5)).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            // It ended by itself, or the kernel needs longer to take it away; nothing more to do here.
        }
        _process.Dispose();
    }

    private void Take(string? line, Action<string>? onOutput)
    {
        if (line is null)
        {
            return;
        }
        if (onOutput is not null)
        {
            onOutput(line);
            return;
        }
        lock (_tail)
        {
            if (_tail.Count == KeptLines)
            {
                _tail.Dequeue();
            }
            _tail.Enqueue(line);
        }
    }
}
