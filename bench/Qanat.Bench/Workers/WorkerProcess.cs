using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Qanat.Bench.Processes;

namespace Qanat.Bench.Workers;

/// <summary>A load generator, backend or peer end in a process of its own, so that its CPU time is told apart. Calls may overlap.</summary>
public sealed class WorkerProcess : IAsyncDisposable
{
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonElement>> _calls = new();
    private readonly ChildProcess _child;
    private long _lastId;

    private WorkerProcess(string role, ProcessStartInfo start, bool inline)
    {
        if (inline)
        {
            start.Environment["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1";
        }
        start.Environment["DOTNET_gcServer"] = "0";
        _child = ChildProcess.Start(role, start, OnLine);
        _ = _child.Process.WaitForExitAsync().ContinueWith(_ => FailAll(), TaskScheduler.Default);
    }

    public int Id => _child.Id;

    /// <param name="role">Name for messages.</param>
    /// <param name="site">Where.</param>
    /// <param name="inline">
    /// Continuations run on the socket engine's thread: one thread hop less for each event, as in a hand-written epoll loop. Only for workers whose
    /// asynchronous code never blocks.
    /// </param>
    public static WorkerProcess Start(string role, Site site, bool inline = false)
    {
        string host = Environment.ProcessPath ?? throw new InvalidOperationException("The bench does not know its own path.");
        return new WorkerProcess(role, site.StartInfo(host, "worker"), inline);
    }

    /// <summary>Runs a verb in the worker.</summary>
    /// <exception cref="InvalidOperationException">The verb failed there, or the worker ended.</exception>
    public async Task<T> CallAsync<T>(string verb, object arguments)
    {
        long id = Interlocked.Increment(ref _lastId);
        TaskCompletionSource<JsonElement> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[id] = completion;
        string line = JsonSerializer.Serialize(new WorkerRequest(id, verb, JsonSerializer.SerializeToElement(arguments, BenchJson.Line)), BenchJson.Line);
        lock (_child)
        {
            _child.Input.WriteLine(line);
            _child.Input.Flush();
        }
        JsonElement result = await completion.Task.ConfigureAwait(false);
        return result.Deserialize<T>(BenchJson.Line) ?? throw new InvalidOperationException($"{verb}: empty result");
    }

    public ValueTask DisposeAsync() => _child.DisposeAsync();

    private void OnLine(string line)
    {
        WorkerReply? reply = line.StartsWith('{') ? JsonSerializer.Deserialize<WorkerReply>(line, BenchJson.Line) : null;
        if (reply is not null && _calls.TryRemove(reply.Id, out TaskCompletionSource<JsonElement>? completion))
        {
            if (reply.Error is null)
            {
                completion.SetResult(reply.Result);
            }
            else
            {
                completion.SetException(new InvalidOperationException($"{_child.Role}: {reply.Error}"));
            }
        }
    }

    private void FailAll()
    {
        foreach (long id in _calls.Keys)
        {
            if (_calls.TryRemove(id, out TaskCompletionSource<JsonElement>? completion))
            {
                completion.TrySetException(new InvalidOperationException($"The worker {_child.Role} ended: {_child.Tail}"));
            }
        }
    }
}
