using Qanat.Tunnel.Tests.Endpoint;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Security;

/// <summary>A name is only as honest as the hub that answers for it: what it meant first stays.</summary>
public sealed class NamePinTests
{
    [Fact]
    public async Task A_hub_that_gives_a_known_name_to_another_member_is_not_believed()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub], options => options with { ResolveTtl = TimeSpan.Zero });
        await using EndpointNode b = new(network, "b", [hub]);
        await using EndpointNode evil = new(network, "evil", [hub]);
        Assert.Equal([1], await a.EchoAsync("b", [1]));
        network.Names["b"] = evil.Identity.Mid;
        Assert.Equal(TunnelError.PeerMidMismatch, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", [2]))).Error);
        Assert.Equal(0, evil.Served);
        network.Names["b"] = b.Identity.Mid;
        Assert.Equal([3], await a.EchoAsync("b", [3]));
    }

    [Fact]
    public async Task A_pin_from_outside_is_believed_at_first_contact_and_new_pins_are_told()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub], options => options with { ResolveTtl = TimeSpan.Zero });
        await using EndpointNode b = new(network, "b", [hub]);
        await using EndpointNode c = new(network, "c", [hub]);
        List<(string, Mid)> told = [];
        a.Endpoint.PeerPinned = (name, mid) => told.Add((name, mid));
        a.Endpoint.PinPeer("b", c.Identity.Mid);
        Assert.Equal(TunnelError.PeerMidMismatch, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", [1]))).Error);
        Assert.Equal([1], await a.EchoAsync("c", [1]));
        Assert.Equal([2], await a.EchoAsync("c", [2]));
        Assert.Equal([("c", c.Identity.Mid)], told);
        a.Endpoint.PinPeer("b", b.Identity.Mid);
        Assert.Equal([3], await a.EchoAsync("b", [3]));
        Assert.Equal(2, c.Served);
    }

    [Theory]
    [InlineData("b.hub", "b.hub")]
    [InlineData("hospital-a.hub", "b")]
    [InlineData("b.hub, forged", "b")]
    [InlineData("bank.hub", "b")]
    public async Task The_name_shown_for_a_peer_is_the_one_that_was_asked_for(string answered, string shown)
    {
        FakeNetwork network = new() { FullNames = _ => answered };
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        Assert.Equal([1], await a.EchoAsync("b", [1]));
        Assert.Equal(shown, Assert.Single(a.Endpoint.GetStatus().Tunnels).PeerName);
    }
}
