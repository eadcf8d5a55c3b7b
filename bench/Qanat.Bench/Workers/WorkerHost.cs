using System.Collections.Concurrent;
using System.Text.Json;
using Qanat.Bench.Load;
using Qanat.Bench.Peers;

namespace Qanat.Bench.Workers;

/// <summary>The worker's end: reads verbs from standard input until it closes, runs each as a task, writes one line for each result.</summary>
public sealed class WorkerHost
{
    private readonly ConcurrentDictionary<int, IDisposable> _held = new();
    private readonly Lock _output = new();
    private int _lastHandle;

    public async Task<int> RunAsync()
    {
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            WorkerRequest request = JsonSerializer.Deserialize<WorkerRequest>(line, BenchJson.Line)!;
            _ = Task.Run(() => AnswerAsync(request));
        }
        return 0;
    }

    private async Task AnswerAsync(WorkerRequest request)
    {
        WorkerReply reply;
        try
        {
            object result = await RunVerbAsync(request.Verb, request.Arguments).ConfigureAwait(false);
            reply = new WorkerReply(request.Id, JsonSerializer.SerializeToElement(result, BenchJson.Line), null);
        }
        catch (Exception e)
        {
            reply = new WorkerReply(request.Id, default, $"{request.Verb}: {e.GetType().Name}: {e.Message} {e.InnerException?.Message}");
        }
        string line = reply.Error is null
            ? JsonSerializer.Serialize(reply, BenchJson.Line)
            : JsonSerializer.Serialize(new { reply.Id, reply.Error }, BenchJson.Line);
        lock (_output)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    private async Task<object> RunVerbAsync(string verb, JsonElement arguments)
    {
        switch (verb)
        {
            case "listen-bulk":
                return Hold(new BulkListener());
            case "listen-http":
                return Hold(new HttpBackend());
            case "listen-cutter":
                return Hold(new LinkCutter(Read<CutterArguments>(arguments)));
            case "cut":
                return new { pairs = ((LinkCutter)_held[Read<HandleArguments>(arguments).Handle]).Cut() };
            case "bulk":
                return await BulkClient.RunAsync(Read<BulkArguments>(arguments)).ConfigureAwait(false);
            case "http":
                return HttpClosedLoop.Run(Read<HttpArguments>(arguments));
            case "hold-streams":
                return await HoldAsync(HeldStreams.OpenAsync(Read<HeldStreamsArguments>(arguments))).ConfigureAwait(false);
            case "release":
                if (_held.TryRemove(Read<HandleArguments>(arguments).Handle, out IDisposable? held))
                {
                    held.Dispose();
                }
                return new { released = held is not null };
            case "collect":
                GC.Collect(2, GCCollectionMode.Aggressive, blocking: true);
                return new { };
            case "relay-listen":
                return Hold(RelayListener.Start(Read<RelayArguments>(arguments)));
            case "relay-bulk":
                return await RelayBulk.RunAsync(Read<RelayArguments>(arguments)).ConfigureAwait(false);
            case "nerdbank-listen":
                return Hold(new NerdbankListener(Read<NerdbankArguments>(arguments)));
            case "nerdbank-connect":
                return await HoldAsync(NerdbankClient.ConnectAsync(Read<NerdbankArguments>(arguments))).ConfigureAwait(false);
            case "nerdbank-bulk":
                {
                    NerdbankCall call = Read<NerdbankCall>(arguments);
                    return await ((NerdbankClient)_held[call.Handle]).BulkAsync(call.Bytes).ConfigureAwait(false);
                }
            case "nerdbank-opens":
                {
                    NerdbankCall call = Read<NerdbankCall>(arguments);
                    return await ((NerdbankClient)_held[call.Handle]).OpensAsync(call.Clients, call.Seconds).ConfigureAwait(false);
                }
            case "storm-join":
                return await HoldAsync(MemberStorm.JoinAsync(Read<StormArguments>(arguments))).ConfigureAwait(false);
            case "storm-watch":
                {
                    StormCall call = Read<StormCall>(arguments);
                    return await ((MemberStorm)_held[call.Handle]).WatchAsync(call.Seconds).ConfigureAwait(false);
                }
            default:
                throw new ArgumentException($"unknown verb '{verb}'");
        }
    }

    private ServiceReply Hold(IWorkerService service)
    {
        int handle = Interlocked.Increment(ref _lastHandle);
        _held[handle] = service;
        return new ServiceReply(handle, service.Port, service.Count);
    }

    private async Task<object> HoldAsync<T>(Task<T> starting) where T : IWorkerService => Hold(await starting.ConfigureAwait(false));

    private static T Read<T>(JsonElement arguments) => arguments.Deserialize<T>(BenchJson.Line) ?? throw new ArgumentException("empty arguments");
}

/// <summary>Something that a worker keeps until it is released or ends.</summary>
public interface IWorkerService : IDisposable
{
    /// <summary>Port it listens on, or 0.</summary>
    int Port { get; }

    /// <summary>How many things it holds, where that makes sense.</summary>
    int Count { get; }
}

public sealed record HandleArguments(int Handle);

public sealed record ServiceReply(int Handle, int Port, int Count);
