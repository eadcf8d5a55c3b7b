using System.Diagnostics;
using Qanat.Hub.Membership;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;

namespace Qanat.Hub.Tests.Hosting;

/// <summary>All members come back at once after a restart. The full size is a benchmark (<c>QANAT_STORM_MEMBERS=5000</c>).</summary>
public sealed class ReconnectStormTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_storm_of_members_is_let_in_while_live_ones_are_served()
    {
        int members = int.TryParse(Environment.GetEnvironmentVariable("QANAT_STORM_MEMBERS"), out int wanted) ? wanted : 300;
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        NodeIdentity[] identities = [.. Enumerable.Range(0, members).Select(_ => NodeIdentity.Create())];
        for (int i = 0; i < members; i++)
        {
            EnrolmentResult result = hub.Server.Core.Directory.EnrolWithCertificate(
                identities[i].Mid, identities[i].SubjectPublicKeyInfo.ToArray(), $"m{i}", "storm");
            Assert.NotNull(result.Participant);
        }
        using NodeIdentity prober = NodeIdentity.Create();
        DialedLink live = await hub.DialAsync(prober, await hub.TokenAsync(), "prober");
        FrameInbox inbox = new();
        live.Link.Start(inbox, null);
        using CancellationTokenSource stop = new();
        List<double> probes = [];
        Task probing = Task.Run(async () =>
        {
            for (ulong i = 1; !stop.IsCancellationRequested; i++)
            {
                long sent = Stopwatch.GetTimestamp();
                live.Link.TrySend(new FrameHeader(FrameType.Ping, FrameReason.None, 0, prober.Mid, hub.Server.Core.Mid, i, 0), new byte[16]);
                await inbox.NextAsync(FrameType.Pong);
                probes.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
                await Task.Delay(5);
            }
        });
        long start = Stopwatch.GetTimestamp();
        DialedLink[] links = await Task.WhenAll(identities.Select(async identity =>
        {
            for (int attempt = 0; ; attempt++)
            {
                try
                {
                    return await hub.DialAsync(identity);
                }
                catch (TunnelException) when (attempt < 200)
                {
                    await Task.Delay(Random.Shared.Next(50, 500));
                }
            }
        }));
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        // WELCOME goes out just before the link is entered.
        await Mesh.MeshTests.Until(() => hub.Server.Core.Router.MemberCount == members + 1);
        await stop.CancelAsync();
        // Every probe has been answered, over the one link that was there before the storm.
        await probing;
        Assert.False(live.Link.Completion.IsCompleted);
        Assert.NotEmpty(probes);
        probes.Sort();
        double p99 = probes[(int)((probes.Count - 1) * 0.99)];
        output.WriteLine($"{members} members in {took.TotalSeconds:F2} s; {probes.Count} probes, p50 {probes[probes.Count / 2]:F1} ms, p99 {p99:F1} ms, max {probes[^1]:F1} ms; working set {Environment.WorkingSet >> 20} MiB (both ends)");
        if (TimedRun.IsOn)
        {
            Assert.InRange(took.TotalSeconds, 0, Math.Max(10, members / 100.0));
            Assert.InRange(p99, 0, 1000);
        }
        await Task.WhenAll(links.Append(live).Select(l => l.Link.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task A_hostile_sender_to_a_reader_that_stands_still_is_bounded_and_others_are_served()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        NodeIdentity hostile = NodeIdentity.Create(), stuck = NodeIdentity.Create(), modest = NodeIdentity.Create();
        DialedLink attacker = await hub.DialAsync(hostile, await hub.TokenAsync(), "hostile");
        DialedLink victim = await hub.DialAsync(stuck, await hub.TokenAsync(), "stuck");
        DialedLink other = await hub.DialAsync(modest, await hub.TokenAsync(), "modest");
        FrameInbox fromOther = new();
        attacker.Link.Start(new FrameInbox(), null);
        other.Link.Start(fromOther, null);
        // The victim's link is never started: nothing is read from its socket.
        byte[] data = new byte[60000];
        Assert.True(hub.Server.Core.Router.TryGetMember(stuck.Mid, out var port));
        long offered = 0;
        ulong ping = 0;
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(120));
        while (offered < 200_000_000 || port.FramesDropped <= 1000)
        {
            if (attacker.Link.TrySend(new FrameHeader(FrameType.Data, FrameReason.None, 0, hostile.Mid, stuck.Mid, 1, 0), data))
            {
                offered += data.Length;
            }
            else
            {
                await Task.Delay(1, limit.Token);
            }
            if (offered / 20_000_000 > (long)ping)
            {
                other.Link.TrySend(new FrameHeader(FrameType.Data, FrameReason.None, 0, modest.Mid, modest.Mid, ++ping, 0), data);
                Assert.Equal(ping, (await fromOther.NextAsync(FrameType.Data)).Header.SessionId);
            }
        }
        // All that was offered is dropped, or lies in this queue or in sockets: the hub keeps nothing else.
        Assert.InRange(port.Link.QueuedBytes, 1, 4 << 20);
        Assert.Equal(0, hub.Server.Core.PendingFrames);
        await Task.WhenAll(attacker.Link.DisposeAsync().AsTask(), victim.Link.DisposeAsync().AsTask(), other.Link.DisposeAsync().AsTask());
    }
}
