using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Processes;

namespace Qanat.Bench;

/// <summary>Keeps our system under one load, so that profilers can be put on its processes.</summary>
public static class HoldRunner
{
    public static async Task<int> RunAsync(int hubs, int delay, string load)
    {
        await using Lab lab = delay == 0 ? await Lab.LoopbackAsync().ConfigureAwait(false) : await Lab.DelayedAsync(TimeSpan.FromMilliseconds(delay)).ConfigureAwait(false);
        QanatSystem system = new(hubs);
        if (!await lab.TryAddAsync(system).ConfigureAwait(false))
        {
            return 1;
        }
        Console.Out.WriteLine($"files {lab.Folder}; proxy {system.Http.Target} for {system.Http.Authority}; bulk {system.BulkEntry}; processes, hubs first: {string.Join(' ', system.Processes)}; generator {lab.Client.Id}, backend {lab.Backend.Id}");
        Task<string?> stop = Task.Run(Console.In.ReadLine); // ReadLineAsync of a redirected console blocks its caller.
        while (!stop.IsCompleted)
        {
            double[] before = [.. system.Processes.Select(pid => ProcessTree.Measure([pid]).CpuSeconds)];
            string done;
            double work;
            switch (load)
            {
                case "bulk":
                    BulkResult bulk = await system.BulkAsync(new BulkArguments("", 1, 0, BulkDirection.Down, Seconds: 2)).ConfigureAwait(false);
                    (done, work) = ($"{bulk.MegabytesPerSecond:f0} MB/s, CPU s/GB", bulk.Bytes / 1e9);
                    break;
                case "http":
                    HttpResult http = await lab.Client.CallAsync<HttpResult>("http", system.Http with { Clients = 16, Seconds = 2 }).ConfigureAwait(false);
                    (done, work) = ($"{http.PerSecond:f0} requests/s, p50 {http.MedianMilliseconds:f2} ms, {http.Failures} failed {http.FirstFailure}, CPU ms/request", http.Requests / 1000.0);
                    break;
                default:
                    await stop.ConfigureAwait(false);
                    continue;
            }
            IEnumerable<string> costs = system.Processes.Select((pid, i) => $"{(ProcessTree.Measure([pid]).CpuSeconds - before[i]) / work:f2}");
            Console.Out.WriteLine($"{done}: {string.Join(" / ", costs)}");
        }
        return 0;
    }
}
