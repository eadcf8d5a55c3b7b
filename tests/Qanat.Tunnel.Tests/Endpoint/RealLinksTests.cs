using System.Security.Cryptography;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel.Tests.Endpoint;

public sealed class RealLinksTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Streams_over_websocket_links_outlive_a_killed_hub_many_times()
    {
        FakeNetwork network = new();
        await using SocketHub hub = new(network);
        hub.Start();
        await using EndpointNode a = new(network, "a", [hub.Address]);
        await using EndpointNode b = new(network, "b", [hub.Address]);
        byte[] bytes = RandomNumberGenerator.GetBytes(12_000_000);
        Task<byte[]>[] transfers = [.. Enumerable.Range(0, 6).Select(i => i % 2 == 0 ? a.EchoAsync("b", bytes) : b.EchoAsync("a", bytes))];
        await Until.TrueAsync(() => a.Served + b.Served == 6);
        HashSet<ulong> sessions = Sessions(a);
        // The kills follow the bytes, not the clock: however slow or fast the machine is, they fall into the transfers.
        for (int i = 1; i <= 8; i++)
        {
            long mark = transfers.Length * (long)bytes.Length * i / 10;
            await Until.TrueAsync(() => a.Echoed + b.Echoed >= mark);
            await hub.KillAsync();
            hub.Start();
        }
        Assert.All(await Task.WhenAll(transfers).WaitAsync(s_limit), got => Assert.Equal(bytes, got));
        Assert.Equal(sessions, Sessions(a));
        Assert.Contains(a.Endpoint.GetStatus().Sessions, session => session.Counters.Resumes > 0);
    }

    [Fact]
    public async Task A_hub_that_is_back_is_found_again()
    {
        FakeNetwork network = new();
        await using SocketHub hub = new(network);
        hub.Start();
        await using EndpointNode a = new(network, "a", [hub.Address]);
        await a.Endpoint.WaitForLinkAsync(CancellationToken.None).WaitAsync(s_limit);
        await Until.TrueAsync(() => hub.LinkCount == 1);
        await hub.KillAsync();
        await Until.TrueAsync(() => a.Endpoint.GetStatus().Link is null);
        // It has been tried, and was not there.
        await Until.TrueAsync(() => a.Endpoint.GetStatus().LastError is not null);
        hub.Start();
        await a.Endpoint.WaitForLinkAsync(CancellationToken.None).WaitAsync(s_limit);
    }

    private static HashSet<ulong> Sessions(EndpointNode node) =>
        [.. node.Endpoint.GetStatus().Sessions.Where(session => session.Phase == SessionPhase.Established).Select(session => session.SessionId)];
}
