using System.Collections.Concurrent;
using System.Security.Cryptography;
using Qanat.Tunnel.Tests.Endpoint;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Security;

/// <summary>Whatever a hub does to frames: no wrong byte comes out of a connection, the error is typed, other tunnels go on.</summary>
public sealed class EvilHubTests
{
    private static readonly byte[] s_bytes = RandomNumberGenerator.GetBytes(400_000);

    [Fact]
    public async Task Misrouting_to_another_valid_member_is_caught_by_the_routed_mid()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        await using EndpointNode c = new(network, "c", [hub]);
        (Mid mb, Mid mc) = (b.Identity.Mid, c.Identity.Mid);
        network.Evil = (header, payload) =>
            [(header.Destination == mb ? header with { Destination = mc } : header.Source == mc ? header with { Source = mb } : header, payload)];
        Assert.Equal(TunnelError.PeerMidMismatch, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", s_bytes))).Error);
        Assert.Equal(0, b.Served + c.Served);
        // TLS 1.3: the server finishes before the client can refuse it; the client's reset ends what it has.
        await Until.TrueAsync(() => c.Endpoint.GetStatus().Tunnels.Count == 0);
    }

    [Fact]
    public async Task A_member_shown_under_another_mid_is_refused_by_the_acceptor()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        Mid other = Mid.FromSubjectPublicKeyInfo([77]);
        Mid ma = a.Identity.Mid;
        network.Evil = (header, payload) =>
            [(header.Source == ma ? header with { Source = other } : header.Destination == other ? header with { Destination = ma } : header, payload)];
        TunnelException error = await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", s_bytes));
        Assert.Equal(TunnelError.SecurityFailure, error.Error);
        Assert.Equal(0, b.Served);
    }

    [Fact]
    public async Task Reflected_frames_reach_nobody()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        Mid ma = a.Identity.Mid;
        // A's own frames come back to A as if B had sent them, besides going where they should.
        network.Evil = (header, payload) => header.Source == ma
            ? [(header, payload), (header with { Source = header.Destination, Destination = ma }, payload), (header with { Destination = ma }, payload)]
            : [(header, payload)];
        try
        {
            Assert.Equal(s_bytes, await a.EchoAsync("b", s_bytes));
        }
        catch (TunnelException e)
        {
            Assert.Contains(e.Error, new[] { TunnelError.SecurityFailure, TunnelError.ProtocolError, TunnelError.SessionLost });
        }
    }

    [Theory]
    [InlineData(FrameType.Data)]
    [InlineData(FrameType.Ack)]
    [InlineData(FrameType.Resume)]
    public async Task Flipped_bits_are_never_delivered(FrameType type)
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        int frames = 0;
        network.Evil = (header, payload) =>
        {
            if (header.Type == type && payload.Length > 0 && Interlocked.Increment(ref frames) % 5 == 4)
            {
                payload[frames % payload.Length] ^= 0x40;
            }
            return [(header, payload)];
        };
        try
        {
            Assert.Equal(s_bytes, await a.EchoAsync("b", s_bytes));
            Assert.NotEqual(FrameType.Data, type);
        }
        catch (TunnelException e)
        {
            Assert.Contains(e.Error, new[] { TunnelError.SecurityFailure, TunnelError.ProtocolError, TunnelError.SessionLost, TunnelError.ShuttingDown });
        }
    }

    [Fact]
    public async Task Truncated_and_forged_ends_are_never_a_silent_short_body()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        Mid mb = b.Identity.Mid;
        long sent = 0;
        // After some of B's bytes the hub claims, in B's name, that this was the end.
        network.Evil = (header, payload) =>
        {
            if (header.Source != mb || header.Type != FrameType.Data)
            {
                return [(header, payload)];
            }
            return Interlocked.Add(ref sent, payload.Length) < 100_000
                ? [(header, payload)]
                : [(header with { Type = FrameType.Close, Flags = 0 }, [])];
        };
        await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", s_bytes));
    }

    [Fact]
    public async Task Guessed_sessions_touch_no_other_tunnel()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        ConcurrentBag<FrameType> answers = [];
        Mid stranger = Mid.FromSubjectPublicKeyInfo([5]);
        network.Evil = (header, payload) =>
        {
            if (header.Destination == stranger)
            {
                answers.Add(header.Type);
                return [];
            }
            if (header.Type != FrameType.Data)
            {
                return [(header, payload)];
            }
            // Same id under another mid, and another id under the right mid.
            return [
                (header with { Source = stranger }, payload),
                (header with { Source = stranger, Type = FrameType.Reset, Reason = FrameReason.Normal }, []),
                (header with { SessionId = header.SessionId + 1, Type = FrameType.Resume }, new byte[17]),
                (header, payload),
            ];
        };
        Assert.Equal(s_bytes, await a.EchoAsync("b", s_bytes));
        Assert.All(answers, type => Assert.Equal(FrameType.Reset, type));
        Assert.NotEmpty(answers);
    }

    [Fact]
    public async Task A_forged_reset_is_a_typed_error_and_a_new_tunnel_works()
    {
        FakeNetwork network = new();
        FakeHub hub = network.AddHub();
        await using EndpointNode a = new(network, "a", [hub]);
        await using EndpointNode b = new(network, "b", [hub]);
        Mid mb = b.Identity.Mid;
        int data = 0;
        network.Evil = (header, payload) => header.Source == mb && header.Type == FrameType.Data && Interlocked.Increment(ref data) == 8
            ? [(header with { Type = FrameType.Reset, Reason = FrameReason.SecurityFailure }, [])]
            : [(header, payload)];
        Assert.Equal(TunnelError.SecurityFailure, (await Assert.ThrowsAsync<TunnelException>(() => a.EchoAsync("b", s_bytes))).Error);
        Assert.Equal([1, 2], await a.EchoAsync("b", [1, 2]));
    }
}
