using Qanat.E2E.Harness;
using Qanat.Testing;

namespace Qanat.E2E.Tunnel;

/// <summary>T8: the cable of a node's whole network is pulled for 15 s, in a real network namespace.</summary>
public sealed class NetworkCutTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_stallBound = TimeSpan.FromMilliseconds(700);

    [Fact]
    [Trait("Kind", "Netns")]
    public async Task Node_without_network_for_15_seconds_loses_nothing()
    {
        Requirement.Namespaces();
        const string HubAddress = "10.77.15.1";
        using NetworkNamespace outside = NetworkNamespace.Create("qe2e-hub");
        using NetworkNamespace inside = NetworkNamespace.Create("qe2e-node");
        NetworkNamespace.Connect(outside, "qe0", HubAddress + "/24", inside, "qe1", "10.77.15.2/24");
        outside.SetDevice("lo", up: true);
        inside.SetDevice("lo", up: true);

        await using TestNetwork network = new();
        await using StreamPairs streams = outside.Run(() => new StreamPairs());
        TestHub hub = new(network, "hub-a") { ListenAddress = "0.0.0.0", Namespace = outside };
        await network.AddHubAsync(hub);
        await network.StartHubsAsync();
        await network.AddNodeAtAsync("node-b", $"ws://127.0.0.1:{hub.Port}", hub.Mid, [$"bytes=tcp://127.0.0.1:{streams.ServicePort},node-a"], await hub.CreateTokenAsync(), ns: outside);
        TestNode a = await network.AddNodeAtAsync("node-a", $"ws://{HubAddress}:{hub.Port}", hub.Mid, [], await hub.CreateTokenAsync(), [("node-b", "bytes")], inside);
        await streams.StartAsync(64, a, a.ForwardPorts[0]);
        string tunnelBefore = await TunnelStatus.IdentityAsync(a);

        outside.SetDevice("qe0", up: false);
        await Task.Delay(TimeSpan.FromSeconds(15));
        streams.ThrowIfBroken();
        outside.SetDevice("qe0", up: true);
        streams.MarkBack();
        await streams.WaitForProgressAsync();
        output.WriteLine($"after the cable was back: {streams.DescribeStalls()}");
        // Every one of the 128 directions has moved again.
        Assert.Equal(128, streams.Stalls.Count);
        if (TimedRun.IsOn)
        {
            Assert.InRange(streams.StallPercentile(0.99), TimeSpan.Zero, s_stallBound);
        }
        Assert.Equal(tunnelBefore, await TunnelStatus.IdentityAsync(a));
        await streams.FinishAsync();
    }
}
