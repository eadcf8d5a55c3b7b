using System.Diagnostics;
using System.Text.Json;

namespace Qanat.E2E.Harness;

/// <summary>What the tests read from a node's status page.</summary>
internal static class TunnelStatus
{
    /// <summary>Session id and birth of the TLS session of every tunnel: the same text before and after means no new handshake.</summary>
    public static async Task<string> IdentityAsync(TestNode node)
    {
        JsonElement tunnels = Tunnels(await node.StatusAsync());
        Assert.NotEqual(0, tunnels.GetArrayLength());
        return string.Join(", ", tunnels.EnumerateArray().Select(t =>
            $"{t.GetProperty("peerMid")} {t.GetProperty("sessionId")} since {t.GetProperty("since")}").Order());
    }

    /// <summary>Connections open now in all tunnels.</summary>
    public static async Task<int> ConnectionsAsync(TestNode node) =>
        Tunnels(await node.StatusAsync()).EnumerateArray().Sum(t => t.GetProperty("connections").GetInt32());

    /// <summary>Waits until no multiplexed connection is in use but the pooled ones; fails when streams leak.</summary>
    public static async Task WaitForIdleAsync(params TestNode[] nodes)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            int open = 0;
            foreach (TestNode node in nodes)
            {
                open = Math.Max(open, await ConnectionsAsync(node));
            }
            if (open <= 64)
            {
                return;
            }
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > 120)
            {
                Assert.Fail($"{open} connections are still open.");
            }
            await Task.Delay(200);
        }
    }

    private static JsonElement Tunnels(JsonElement status) =>
        status.TryGetProperty("tunnel", out JsonElement inner) ? inner.GetProperty("tunnels") : status.GetProperty("tunnels");
}
