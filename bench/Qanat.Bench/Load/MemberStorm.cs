using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Bench.Workers;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Bench.Load;

/// <param name="Hub">WebSocket address of the hub.</param>
/// <param name="HubMid">Its mid.</param>
/// <param name="Tokens">One enrolment token for each member.</param>
public sealed record StormArguments(string Hub, string HubMid, string[] Tokens);

public sealed record StormCall(int Handle, double Seconds);

/// <param name="Back">Members linked again.</param>
/// <param name="LastSeconds">When the last of them was, from the first lost link.</param>
public sealed record StormResult(int Back, double FirstSeconds, double MedianSeconds, double LastSeconds);

/// <summary>
/// Many members of one hub, each with its own key, mid and link, kept up by the same supervisor that nodes use. After the hub was killed,
/// tells when each had its new link.
/// </summary>
public sealed class MemberStorm : IWorkerService, ILinkHandler
{
    private readonly List<(NodeIdentity Identity, LinkSupervisor Supervisor)> _members = [];
    private long[] _linkedAt = [];
    private int _linked;
    private long _firstLoss;

    public int Port => 0;

    public int Count => Volatile.Read(ref _linked);

    /// <summary>Makes the members and returns when all are linked.</summary>
    public static async Task<MemberStorm> JoinAsync(StormArguments arguments)
    {
        MemberStorm storm = new() { _linkedAt = new long[arguments.Tokens.Length] };
        HubAddress[] hubs = [new HubAddress(new Uri(arguments.Hub), Mid.Parse(arguments.HubMid))];
        using SemaphoreSlim atOnce = new(64);
        await Task.WhenAll(arguments.Tokens.Select(async (token, index) =>
        {
            await atOnce.WaitAsync().ConfigureAwait(false);
            try
            {
                NodeIdentity identity = NodeIdentity.Create();
                HubConnector connector = new(new LinkDialer(identity), new HubConnectorOptions { Token = EnrolmentToken.Parse(token), RequestedName = $"member-{index}" });
                LinkSupervisor supervisor = new(connector, hubs, [], new LinkSupervisorOptions(), TimeProvider.System, NullLogger.Instance) { Attach = link => storm.Attach(index, link) };
                lock (storm._members)
                {
                    storm._members.Add((identity, supervisor));
                }
                supervisor.Start();
                await supervisor.WaitForLinkAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60)).ConfigureAwait(false);
            }
            finally
            {
                atOnce.Release();
            }
        })).ConfigureAwait(false);
        return storm;
    }

    /// <summary>Waits until every member has a link that is younger than the next loss, or the time is over. Call before the loss.</summary>
    public async Task<StormResult> WatchAsync(double seconds)
    {
        Volatile.Write(ref _firstLoss, 0);
        long limit = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        while (true)
        {
            double[] back = Back();
            if (back.Length == _linkedAt.Length && Count == _linkedAt.Length || Stopwatch.GetTimestamp() >= limit)
            {
                return back.Length == 0 ? new StormResult(0, 0, 0, 0) : new StormResult(back.Length, back[0], back[back.Length / 2], back[^1]);
            }
            await Task.Delay(20).ConfigureAwait(false);
        }
    }

    /// <summary>Seconds from the loss to each new link, in order.</summary>
    private double[] Back()
    {
        long loss = Volatile.Read(ref _firstLoss);
        return loss == 0 ? [] : [.. Enumerable.Range(0, _linkedAt.Length)
            .Select(index => Volatile.Read(ref _linkedAt[index])).Where(at => at > loss).Select(at => Stopwatch.GetElapsedTime(loss, at).TotalSeconds).Order()];
    }

    public void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        // Members of a storm carry no sessions.
    }

    public ValueTask OnBatchAsync(Link link, int wireBytes) => ValueTask.CompletedTask;

    public void Dispose() => Task.WhenAll(_members.Select(async member =>
    {
        await member.Supervisor.DisposeAsync().ConfigureAwait(false);
        member.Identity.Dispose();
    })).Wait(TimeSpan.FromSeconds(10));

    private void Attach(int member, HubLink hub)
    {
        hub.Link.Start(this, null);
        Interlocked.Increment(ref _linked);
        Volatile.Write(ref _linkedAt[member], Stopwatch.GetTimestamp());
        _ = hub.Link.Completion.ContinueWith(_ =>
        {
            Interlocked.Decrement(ref _linked);
            Interlocked.CompareExchange(ref _firstLoss, Stopwatch.GetTimestamp(), 0);
        }, TaskScheduler.Default);
    }
}
