using System.Security.Cryptography;
using Qanat.E2E.Harness;

namespace Qanat.E2E.Tunnel;

/// <summary>
/// SPEC T8. Case 1 of the hardest cases: a hub is killed (-9) at random bytes while 64 connections carry checked data both ways. Every byte must be right, no
/// connection may break, the TLS session must be the same. How long each direction stood still after the hub is back is printed, and held against its
/// bound on a quiet machine (<see cref="TimedRun"/>).
/// </summary>
public sealed class HubKillTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_stallBound = TimeSpan.FromMilliseconds(700), s_moveBound = TimeSpan.FromMilliseconds(1500);

    private static int Kills => FullRun.IsOn ? 100 : 25;

    [Fact]
    [Trait("Kind", "E2E")]
    public Task One_hub_killed_again_and_again_breaks_nothing() => KillAgainAndAgainAsync(["hub-a"], "hub-a", "hub-a");

    [Fact]
    [Trait("Kind", "E2E")]
    public Task Two_hub_path_killed_again_and_again_breaks_nothing() => KillAgainAndAgainAsync(["hub-a", "hub-b"], "hub-a", "hub-b");

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Hub_to_hub_link_cut_again_and_again_breaks_nothing()
    {
        await using TestNetwork network = new();
        await using StreamPairs streams = new();
        await network.AddHubsAsync("hub-a", "hub-b");
        ChaosProxy toA = network.Own(new ChaosProxy(network.Hubs["hub-a"].MeshPort));
        ChaosProxy toB = network.Own(new ChaosProxy(network.Hubs["hub-b"].MeshPort));
        await network.StartHubsAsync((_, other) => other.Name == "hub-a" ? toA.Port : toB.Port);
        TestNode a = await StartStreamsAsync(network, streams, "hub-a", "hub-b");
        string tunnelBefore = await TunnelIdentityAsync(a);
        int cut = 0;
        for (int i = 0; i < (FullRun.IsOn ? 50 : 15); i++)
        {
            // The cuts follow the bytes, not the clock, and each finds a link to cut.
            await streams.WaitForBytesAsync(RandomNumberGenerator.GetInt32(1, 4_000_000));
            int links;
            while ((links = toA.Cut() + toB.Cut()) == 0)
            {
                await streams.WaitForBytesAsync(1);
            }
            cut += links;
            streams.MarkBack();
            await streams.WaitForProgressAsync();
        }
        output.WriteLine($"{cut} hub-hub links cut");
        await FinishAsync(streams, a, tunnelBefore);
    }

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Hub_gone_for_good_moves_the_tunnels_to_the_next_hub()
    {
        await using TestNetwork network = new();
        await using StreamPairs streams = new();
        await network.AddHubsAsync("hub-a", "hub-b");
        await network.StartHubsAsync();
        await network.AddNodeAsync("node-b", [network.Hubs["hub-b"]], [$"bytes=tcp://127.0.0.1:{streams.ServicePort},node-a"]);
        TestNode a = await network.AddNodeAsync("node-a", [network.Hubs["hub-a"], network.Hubs["hub-b"]], forwards: [("node-b", "bytes")]);
        await streams.StartAsync(64, a, a.ForwardPorts[0]);
        string tunnelBefore = await TunnelIdentityAsync(a);
        network.Hubs["hub-a"].Process.Kill();
        streams.MarkBack();
        await streams.WaitForProgressAsync();
        await FinishAsync(streams, a, tunnelBefore, s_moveBound);
    }

    private async Task KillAgainAndAgainAsync(string[] hubs, string hubOfA, string hubOfB)
    {
        await using TestNetwork network = new();
        await using StreamPairs streams = new();
        await network.AddHubsAsync(hubs);
        await network.StartHubsAsync();
        TestNode a = await StartStreamsAsync(network, streams, hubOfA, hubOfB);
        string tunnelBefore = await TunnelIdentityAsync(a);
        for (int i = 0; i < Kills; i++)
        {
            await streams.WaitForBytesAsync(RandomNumberGenerator.GetInt32(1, 4_000_000));
            TestHub victim = network.Hubs[hubs[i % hubs.Length]];
            victim.Process.Kill();
            await victim.DisposeAsync();
            victim.Start();
            await victim.WaitListeningAsync();
            streams.MarkBack();
            try
            {
                await streams.WaitForProgressAsync();
            }
            catch (Exception e) when (e is TimeoutException or InvalidOperationException)
            {
                Assert.Fail($"Kill {i} of {victim.Name}: {e.Message}\n{network.Logs()}");
            }
        }
        await FinishAsync(streams, a, tunnelBefore);
    }

    private static async Task<TestNode> StartStreamsAsync(TestNetwork network, StreamPairs streams, string hubOfA, string hubOfB)
    {
        await network.AddNodeAsync("node-b", [network.Hubs[hubOfB]], [$"bytes=tcp://127.0.0.1:{streams.ServicePort},node-a"]);
        TestNode a = await network.AddNodeAsync("node-a", [network.Hubs[hubOfA]], forwards: [("node-b", "bytes")]);
        try
        {
            await streams.StartAsync(64, a, a.ForwardPorts[0]);
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            Assert.Fail($"The streams did not start: {e.Message}\n{network.Logs()}");
        }
        return a;
    }

    private async Task FinishAsync(StreamPairs streams, TestNode node, string tunnelBefore, TimeSpan? bound = null)
    {
        output.WriteLine($"{streams.VerifiedBytes:N0} bytes checked; {streams.DescribeStalls()}");
        Assert.Equal(tunnelBefore, await TunnelIdentityAsync(node));
        await streams.FinishAsync();
        Assert.NotEmpty(streams.Stalls);
        if (TimedRun.IsOn)
        {
            Assert.InRange(streams.StallPercentile(0.99), TimeSpan.Zero, bound ?? s_stallBound);
        }
    }

    /// <summary>Session id and TLS session of the one tunnel: the same before and after means no new handshake.</summary>
    private static async Task<string> TunnelIdentityAsync(TestNode node) => await TunnelStatus.IdentityAsync(node);
}
