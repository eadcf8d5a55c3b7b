using System.Diagnostics;
using System.Text;

namespace Qanat.Interop.Peers;

/// <summary>A peer's program as a process: its input is what it sends, its output has what it received.</summary>
internal sealed class PeerProcess : PeerRun
{
    private readonly Process _process;
    private readonly MemoryStream _output = new();
    private readonly StringBuilder _errors = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Lock _lock = new();
    private readonly Task _reading;
    private readonly byte[]? _fromFile;

    /// <summary>Starts the program.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="folder">Where it runs.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="libraries">A folder with its shared libraries; null when it finds them by itself.</param>
    /// <param name="fromFile">What it sends by itself, from a file that <paramref name="arguments"/> names; null: what it reads from its input.</param>
    public PeerProcess(string program, string folder, IEnumerable<string> arguments, string? libraries = null, byte[]? fromFile = null)
    {
        _fromFile = fromFile;
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (libraries is not null)
        {
            start.Environment["LD_LIBRARY_PATH"] = libraries;
        }
        Command = string.Join(' ', [Path.GetFileName(program), .. start.ArgumentList]);
        _process = Process.Start(start)!;
        _reading = Task.WhenAll(ReadOutputAsync(), ReadErrorsAsync());
    }

    /// <inheritdoc/>
    public override string Command { get; }

    /// <summary>What the program sends by itself; null when it has to be given by <see cref="SendAsync"/>.</summary>
    public byte[]? OwnPayload => _fromFile;

    /// <inheritdoc/>
    public override string Log
    {
        get
        {
            lock (_lock)
            {
                string output = Encoding.Latin1.GetString(_output.ToArray());
                string state = _process.HasExited ? $"exit code {_process.ExitCode}" : "running";
                return $"{_errors}\n[{state}] {(output.Length > 2000 ? output[..1000] + "\n...\n" + output[^1000..] : output)}";
            }
        }
    }

    /// <inheritdoc/>
    public override async Task SendAsync(byte[] payload, CancellationToken cancellationToken)
    {
        await _process.StandardInput.BaseStream.WriteAsync(payload, cancellationToken);
        await _process.StandardInput.BaseStream.FlushAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<bool> HasReceivedAsync(byte[] payload, CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_output.GetBuffer().AsSpan(0, (int)_output.Length).IndexOf(payload) >= 0)
                {
                    return true;
                }
            }
            if (_reading.IsCompleted)
            {
                return false;
            }
            await _arrived.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Waits for the program's end.</summary>
    public Task WaitForExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
        _arrived.Dispose();
    }

    private async Task ReadOutputAsync()
    {
        byte[] buffer = new byte[16 * 1024];
        int count;
        while ((count = await _process.StandardOutput.BaseStream.ReadAsync(buffer)) > 0)
        {
            lock (_lock)
            {
                _output.Write(buffer, 0, count);
            }
            _arrived.Release();
        }
        _arrived.Release();
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_lock)
            {
                _errors.AppendLine(line);
            }
        }
        _arrived.Release();
    }
}
