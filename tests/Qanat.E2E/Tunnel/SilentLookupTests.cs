using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Qanat.E2E.Harness;

namespace Qanat.E2E.Tunnel;

/// <summary>Case 9: a name question that is never answered, because the hub that could answer it says nothing.</summary>
public sealed class SilentLookupTests
{
    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Lookup_that_is_never_answered_is_a_typed_error_and_later_ones_work()
    {
        await using TestNetwork network = new();
        await using Backend backend = await Backend.StartAsync(app => app.MapGet("/x", () => Results.Text("found")));
        await network.AddHubsAsync("hub-a", "hub-b");
        ChaosProxy toA = network.Own(new ChaosProxy(network.Hubs["hub-a"].MeshPort));
        ChaosProxy toB = network.Own(new ChaosProxy(network.Hubs["hub-b"].MeshPort));
        await network.StartHubsAsync((_, other) => other.Name == "hub-a" ? toA.Port : toB.Port);
        string[] services = [$"web=http://127.0.0.1:{backend.Port},*"];
        await network.AddNodeAsync("far", [network.Hubs["hub-b"]], services);
        await network.AddNodeAsync("near", [network.Hubs["hub-a"]], services);
        TestNode asking = await network.AddNodeAsync("asking", [network.Hubs["hub-a"]]);
        using ProxyClient client = new(asking.ProxyPort);

        // The other hub takes everything and says nothing: an answer can neither come nor be ruled out.
        toA.Freeze();
        toB.Freeze();
        // Several for one name, and several names at once.
        Task<string>[] lookups = [.. ((string[])["far", "far", "far", "nobody-1", "nobody-2", "nobody-3"]).Select(name => client.GetAsync($"http://web.{name}.qanat/x"))];
        // Who is known at the own hub is found all the same.
        Assert.Equal("found", await client.GetAsync("http://web.near.qanat/x"));
        Assert.All(await Task.WhenAll(lookups), answer => Assert.Equal("502 hub-unreachable", answer));

        toA.Thaw();
        toB.Thaw();
        await client.WaitForAsync("http://web.far.qanat/x", "found");
        await client.WaitForAsync("http://web.nobody-1.qanat/x", "502 unknown-participant");
    }
}
