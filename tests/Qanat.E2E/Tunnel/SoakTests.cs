using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Qanat.E2E.Harness;

namespace Qanat.E2E.Tunnel;

/// <summary>Many short HTTP connections (T7): nothing fails, nothing leaks, memory stands still.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    private const int Parts = 10;
    private const double MostDrift = 0.02;

    [Fact]
    [Trait("Kind", "Soak")]
    public async Task Short_connections_leak_neither_memory_nor_sockets_nor_streams()
    {
        long connections = FullRun.IsOn ? 2_000_000 : 200_000;
        await using TestNetwork network = new();
        await using Backend backend = await Backend.StartAsync(app => app.MapGet("/x", () => Results.Text("the answer is 42")));
        await network.AddHubsAsync("hub-a");
        await network.StartHubsAsync();
        TestNode b = await network.AddNodeAsync("node-b", [network.Hubs["hub-a"]], [$"web=http://127.0.0.1:{backend.Port},node-a"]);
        TestNode a = await network.AddNodeAsync("node-a", [network.Hubs["hub-a"]]);
        HttpLoad load = new(a.ProxyPort, "http://web.node-b.qanat/x", "the answer is 42");
        TestServer[] servers = [network.Hubs["hub-a"], a, b];

        await load.RunAsync(connections / 2, clients: 16);
        await TunnelStatus.WaitForIdleAsync(a, b);
        int[] sockets = [.. servers.Select(server => server.Process.OpenSockets())];
        List<long>[] resident = [.. servers.Select(_ => new List<long>())];
        TimeSpan took = TimeSpan.Zero;
        int parts = 0;
        // A process that has just been compiled anew by its runtime, or was given no turn to collect its garbage, grows for a while on a busy machine. It may
        // have up to three times as long to stand still. One that leaks never does.
        do
        {
            long start = Stopwatch.GetTimestamp();
            await load.RunAsync(connections / 2 / Parts, clients: 16);
            took += Stopwatch.GetElapsedTime(start);
            for (int i = 0; i < servers.Length; i++)
            {
                resident[i].Add(servers[i].Process.ResidentBytes());
            }
            parts++;
        }
        while (parts < Parts || (parts < 3 * Parts && resident.Any(samples => Drift([.. samples.TakeLast(Parts)]) > MostDrift)));

        Assert.True(load.Failures.IsEmpty, $"{string.Join("; ", load.Failures.Select(f => $"{f.Value} x {f.Key}"))}\n{network.Logs()}");
        Assert.Equal((connections / 2) + (parts * (connections / 2 / Parts)), load.Succeeded);
        await TunnelStatus.WaitForIdleAsync(a, b);
        output.WriteLine($"{parts * (connections / 2 / Parts) / took.TotalSeconds:N0} requests/s");
        for (int i = 0; i < servers.Length; i++)
        {
            double drift = Drift([.. resident[i].TakeLast(Parts)]);
            int socketsAfter = await WaitForSocketsAsync(servers[i], sockets[i] + 16);
            output.WriteLine($"{servers[i].Name}: RSS {string.Join(' ', resident[i].Select(bytes => $"{bytes >> 10:N0}"))} KiB ({drift:P2}); sockets {sockets[i]} then {socketsAfter}");
            Assert.True(drift <= MostDrift, $"{servers[i].Name} grew by {drift:P1}.");
            Assert.True(socketsAfter <= sockets[i] + 16, $"{servers[i].Name}: {sockets[i]} sockets before, {socketsAfter} after.");
        }
    }

    /// <summary>Open sockets once they are no more than <paramref name="most"/>, or after a minute.</summary>
    private static async Task<int> WaitForSocketsAsync(TestServer server, int most)
    {
        int open;
        for (int i = 0; (open = server.Process.OpenSockets()) > most && i < 600; i++)
        {
            await Task.Delay(100);
        }
        return open;
    }

    /// <summary>Growth over all parts by the Theil-Sen slope: one sample taken before a collection of garbage and one after it do not make a leak, nor hide one.</summary>
    private static double Drift(List<long> samples)
    {
        double[] slopes = [.. from i in Enumerable.Range(0, samples.Count) from j in Enumerable.Range(i + 1, samples.Count - i - 1) select (double)(samples[j] - samples[i]) / (j - i)];
        Array.Sort(slopes);
        return slopes[slopes.Length / 2] * (samples.Count - 1) / samples[0];
    }
}
