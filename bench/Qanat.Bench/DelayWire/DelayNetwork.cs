using System.Net;
using Qanat.Bench.Processes;
using Qanat.Testing;

namespace Qanat.Bench.DelayWire;

/// <summary>
/// Three namespaces in a row, A - hub - B, with a delay wire on each leg: what crosses from A to B, through a relay or routed straight on, takes two legs.
/// </summary>
public sealed class DelayNetwork : IAsyncDisposable
{
    private const string HubSideOfA = "10.61.1.2";
    private readonly List<NetworkNamespace> _namespaces = [];
    private readonly List<ChildProcess> _wires = [];

    private DelayNetwork()
    {
    }

    public required Site A { get; init; }

    public required Site Hub { get; init; }

    public required Site B { get; init; }

    /// <summary>Null when this process may build one; otherwise why not.</summary>
    public static string? WhyNot()
    {
        if (!NetworkNamespace.IsSupported(out string reason))
        {
            return reason;
        }
        return File.Exists("/dev/net/tun") ? null : "no /dev/net/tun here";
    }

    /// <param name="roundTrip">Round trip between A and B; each leg has a quarter of it each way.</param>
    public static async Task<DelayNetwork> StartAsync(TimeSpan roundTrip)
    {
        NetworkNamespace a = NetworkNamespace.Create("qbA"), hub = NetworkNamespace.Create("qbH"), b = NetworkNamespace.Create("qbB");
        DelayNetwork network = new()
        {
            A = new Site("A", IPAddress.Parse("10.61.1.1"), a),
            Hub = new Site("hub", IPAddress.Parse(HubSideOfA), hub), // One of its own addresses; reached over either wire.
            B = new Site("B", IPAddress.Parse("10.61.2.2"), b),
        };
        network._namespaces.AddRange([a, hub, b]);
        try
        {
            await network.AddWireAsync(a, "10.61.1.1/30", hub, $"{HubSideOfA}/30", "leg1", roundTrip).ConfigureAwait(false);
            await network.AddWireAsync(hub, "10.61.2.1/30", b, "10.61.2.2/30", "leg2", roundTrip).ConfigureAwait(false);
            a.Ip("route", "add", "default", "via", HubSideOfA);
            b.Ip("route", "add", "default", "via", "10.61.2.1");
            hub.Run(() =>
            {
                File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1"); // Resolved for the network namespace of the calling thread.
                return true;
            });
        }
        catch
        {
            await network.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        return network;
    }

    public async Task SetRoundTripAsync(TimeSpan roundTrip)
    {
        foreach (ChildProcess wire in _wires)
        {
            await wire.Input.WriteLineAsync(Quarter(roundTrip)).ConfigureAwait(false);
            await wire.Input.FlushAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ChildProcess wire in _wires)
        {
            await wire.DisposeAsync().ConfigureAwait(false);
        }
        _namespaces.ForEach(ns => ns.Dispose());
    }

    private async Task AddWireAsync(NetworkNamespace left, string leftAddress, NetworkNamespace right, string rightAddress, string name, TimeSpan roundTrip)
    {
        TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ChildProcess wire = ChildProcess.Start(name, new System.Diagnostics.ProcessStartInfo(Environment.ProcessPath!, ["wire", left.Name, name, right.Name, name, Quarter(roundTrip)]), line => ready.TrySetResult());
        _wires.Add(wire);
        await Task.WhenAny(ready.Task, wire.WaitForExitAsync()).ConfigureAwait(false);
        if (wire.HasExited)
        {
            throw new InvalidOperationException($"The delay wire ended: {wire.Tail}");
        }
        foreach ((NetworkNamespace end, string address) in new[] { (left, leftAddress), (right, rightAddress) })
        {
            end.Ip("addr", "add", address, "dev", name);
            end.Ip("link", "set", name, "mtu", "9000", "txqueuelen", "10000", "up");
        }
    }

    private static string Quarter(TimeSpan roundTrip) => FormattableString.Invariant($"{roundTrip.TotalMilliseconds / 4}");
}
