using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Qanat.E2E.Harness;

namespace Qanat.E2E.Tunnel;

/// <summary>Many short HTTP connections (T7): nothing fails, nothing leaks, memory stands still.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    private const int Parts = 10;

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
        for (int part = 0; part < Parts; part++)
        {
            long start = Stopwatch.GetTimestamp();
            await load.RunAsync(connections / 2 / Parts, clients: 16);
            took += Stopwatch.GetElapsedTime(start);
            for (int i = 0; i < servers.Length; i++)
            {
                resident[i].Add(servers[i].Process.ResidentBytes());
            }
        }

        Assert.True(load.Failures.IsEmpty, $"{string.Join("; ", load.Failures.Select(f => $"{f.Value} x {f.Key}"))}\n{network.Logs()}");
        Assert.Equal(connections, load.Succeeded);
        await TunnelStatus.WaitForIdleAsync(a, b);
        output.WriteLine($"{connections / 2 / took.TotalSeconds:N0} requests/s");
        for (int i = 0; i < servers.Length; i++)
        {
            double drift = Drift(resident[i]);
            int socketsAfter = servers[i].Process.OpenSockets();
            output.WriteLine($"{servers[i].Name}: RSS {string.Join(' ', resident[i].Select(bytes => $"{bytes >> 10:N0}"))} KiB ({drift:P2}); sockets {sockets[i]} then {socketsAfter}");
            Assert.True(drift <= 0.02, $"{servers[i].Name} grew by {drift:P1}.");
            Assert.True(socketsAfter <= sockets[i] + 16, $"{servers[i].Name}: {sockets[i]} sockets before, {socketsAfter} after.");
        }
    }

    /// <summary>Growth over all parts by the Theil-Sen slope: one sample taken before a collection of garbage and one after it do not make a leak, nor hide one.</summary>
    private static double Drift(List<long> samples)
    {
        double[] slopes = [.. from i in Enumerable.Range(0, samples.Count) from j in Enumerable.Range(i + 1, samples.Count - i - 1) select (double)(samples[j] - samples[i]) / (j - i)];
        Array.Sort(slopes);
        return slopes[slopes.Length / 2] * (samples.Count - 1) / samples[0];
    }
}
