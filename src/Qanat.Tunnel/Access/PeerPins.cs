using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Qanat.Tunnel.Identity;
using Qanat.Wire;

namespace Qanat.Tunnel.Access;

/// <summary>
/// Participant names, in allow lists or connected to, resolved to mids once and pinned: a hub that later gives the name to another mid changes nothing here.
/// With a file, a restart does not open the question again. Thread-safe.
/// </summary>
public sealed class PeerPins
{
    /// <summary>Longer than hub and endpoint remember that a name is unknown, so that every question is a fresh one.</summary>
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(500);
    private readonly ConcurrentDictionary<string, Mid> _pins = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _pending = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _lastTry = new(StringComparer.Ordinal);
    private readonly Lock _fileLock = new();
    private readonly IPeerDirectory _directory;
    private readonly string? _file;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <param name="directory">Where names are asked for.</param>
    /// <param name="file">Where pins are kept, readable by the owner only; null keeps them for the life of the program.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Log.</param>
    /// <exception cref="IOException">The file cannot be read; a <see cref="TunnelException"/> (<see cref="TunnelError.InvalidIdentity"/>) that names it when it is damaged.</exception>
    public PeerPins(IPeerDirectory directory, string? file, TimeProvider time, ILogger logger)
    {
        (_directory, _file, _time, _logger) = (directory, file, time, logger);
        if (file is not null && File.Exists(file))
        {
            try
            {
                foreach ((string name, string mid) in JsonSerializer.Deserialize(File.ReadAllBytes(file), PinsJson.Default.DictionaryStringString) ?? [])
                {
                    _pins[name] = Mid.Parse(mid);
                }
            }
            catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
            {
                throw StateFile.Damaged(file, "what the hub says next of each name is believed", e);
            }
        }
    }

    /// <summary>All pins, by name.</summary>
    public IReadOnlyDictionary<string, Mid> All => _pins;

    /// <summary>What a name means, if that is known.</summary>
    public bool TryGet(string name, out Mid mid) => _pins.TryGetValue(name, out mid);

    /// <summary>Keeps what a name was found to mean, unless it has a pin.</summary>
    public void Keep(string name, Mid mid)
    {
        if (_pins.TryAdd(name, mid))
        {
            Save();
            _logger.PeerPinned(name, mid);
        }
    }

    /// <summary>
    /// Asks the directory for a name without a pin; one question per name at a time, and a pause between two. Whoever comes in the pause waits for the
    /// next answer: a participant that has only just enrolled must not be refused for what was true before. Never throws.
    /// </summary>
    public Task ResolveAsync(string name)
    {
        if (_pins.ContainsKey(name))
        {
            return Task.CompletedTask;
        }
        if (_pending.TryGetValue(name, out Task? running))
        {
            return running;
        }
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task task = _pending.GetOrAdd(name, done.Task);
        if (task == done.Task)
        {
            _ = RunAsync(name, done);
        }
        return task;
    }

    /// <summary>Compares a pin with what the directory says now, and logs a conflict. Never throws.</summary>
    public async Task VerifyAsync(string name, CancellationToken cancellationToken)
    {
        if (!_pins.TryGetValue(name, out Mid pinned))
        {
            await ResolveAsync(name).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }
        try
        {
            Mid now = await _directory.ResolveAsync(name, cancellationToken).ConfigureAwait(false);
            if (now != pinned)
            {
                _logger.PeerPinConflict(name, pinned, now);
            }
        }
        catch (Exception e) when (e is TunnelException or OperationCanceledException)
        {
            _logger.PeerUnresolved(name, e.Message);
        }
    }

    private async Task RunAsync(string name, TaskCompletionSource done)
    {
        try
        {
            TimeSpan pause = _lastTry.TryGetValue(name, out long last) ? s_retry - _time.GetElapsedTime(last) : TimeSpan.Zero;
            if (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause, _time).ConfigureAwait(false);
            }
            _lastTry[name] = _time.GetTimestamp();
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(10), _time);
            Mid mid = await _directory.ResolveAsync(name, timeout.Token).ConfigureAwait(false);
            if (!mid.IsNone)
            {
                Keep(name, mid);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or UnauthorizedAccessException)
        {
            _logger.PeerUnresolved(name, e.Message);
        }
        finally
        {
            _pending.TryRemove(name, out _);
            done.TrySetResult();
        }
    }

    private void Save()
    {
        if (_file is null)
        {
            return;
        }
        lock (_fileLock)
        {
            StateFile.Replace(_file, JsonSerializer.SerializeToUtf8Bytes(
                _pins.OrderBy(p => p.Key, StringComparer.Ordinal).ToDictionary(p => p.Key, p => p.Value.ToString()), PinsJson.Default.DictionaryStringString));
        }
    }
}

[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSourceGenerationOptions(WriteIndented = true)]
internal sealed partial class PinsJson : JsonSerializerContext;
