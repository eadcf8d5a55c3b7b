using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Qanat.Testing;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>Which hubs are dialled, and when: on a clock of the test's own.</summary>
public sealed class HubSearchTests : ILinkConnector
{
    private static readonly Mid s_one = Mid.FromSubjectPublicKeyInfo([1]), s_two = Mid.FromSubjectPublicKeyInfo([2]);
    private readonly FakeTimeProvider _time = new();
    private int _failures;
    private readonly ConcurrentQueue<(HubAddress Hub, TaskCompletionSource<HubLink> Answer)> _dials = new();

    Task<HubLink> ILinkConnector.ConnectAsync(HubAddress hub, CancellationToken cancellationToken)
    {
        TaskCompletionSource<HubLink> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _dials.Enqueue((hub, answer));
        return answer.Task;
    }

    [Fact]
    public async Task A_hub_that_was_taken_out_of_the_list_is_not_dialled_again()
    {
        HubAddress gone = At("ws://gone", s_one), other = At("ws://other", s_two);
        Task<(HubAddress Hub, HubLink Link)> finding = Search().FindAsync(() => [other], last: gone, avoid: null);
        await Until.TrueAsync(() => _dials.Count == 1);
        Assert.Equal(other, _dials.First().Hub);
        _dials.First().Answer.SetResult(Link());
        Assert.Equal(other, (await finding).Hub);
    }

    [Fact]
    public async Task A_hub_that_is_taken_out_while_it_is_searched_for_is_left_when_its_attempt_has_failed()
    {
        HubAddress gone = At("ws://gone", s_one), other = At("ws://other", s_two);
        IReadOnlyList<HubAddress> hubs = [gone];
        Task<(HubAddress Hub, HubLink Link)> finding = Search().FindAsync(() => hubs, last: gone, avoid: null);
        await Until.TrueAsync(() => _dials.Count == 1);
        hubs = [other];
        _dials.First().Answer.SetException(new TunnelException(TunnelError.HubUnreachable, "down"));
        await Until.TrueAsync(() => _dials.Count == 2);
        Assert.Equal(other, _dials.Last().Hub);
        _dials.Last().Answer.SetResult(Link());
        Assert.Equal(other, (await finding).Hub);
    }

    [Fact]
    public async Task Two_addresses_of_one_hub_are_not_dialled_side_by_side()
    {
        LinkSupervisorOptions options = new() { Loyalty = TimeSpan.FromHours(1) };
        HubAddress first = At("ws://one", s_one), second = At("ws://one-too", s_one), other = At("ws://two", s_two);
        Task<(HubAddress Hub, HubLink Link)> finding = Search(options).FindAsync(() => [first, second, other], last: null, avoid: null);
        // The third has its turn after two staggers, the second not until the first attempt is old.
        await AdvanceUntilAsync(() => _dials.Count == 2, TimeSpan.FromMilliseconds(20));
        Assert.Equal([first, other], _dials.Select(dial => dial.Hub));
        await AdvanceUntilAsync(() => _dials.Count == 3, options.Loyalty);
        Assert.Equal(second, _dials.Last().Hub);
        _dials.Last().Answer.SetResult(Link());
        Assert.Equal(second, (await finding).Hub);
    }

    [Fact]
    public async Task The_other_address_of_a_hub_is_dialled_at_once_when_the_first_has_failed()
    {
        HubAddress first = At("ws://one", s_one), second = At("ws://one-too", s_one);
        Task<(HubAddress Hub, HubLink Link)> finding = Search().FindAsync(() => [first, second], last: null, avoid: null);
        await Until.TrueAsync(() => _dials.Count == 1);
        _dials.First().Answer.SetException(new TunnelException(TunnelError.HubUnreachable, "down"));
        await Until.TrueAsync(() => _dials.Count == 2);
        Assert.Equal([first, second], _dials.Select(dial => dial.Hub));
        _dials.Last().Answer.SetResult(Link());
        Assert.Equal(second, (await finding).Hub);
    }

    [Fact]
    public async Task A_lost_hub_alone_is_dialled_for_as_long_as_loyalty_goes_and_no_longer()
    {
        LinkSupervisorOptions options = new();
        HubAddress lost = At("ws://lost", s_one), other = At("ws://other", s_two);
        Task<(HubAddress Hub, HubLink Link)> finding = Search(options).FindAsync(() => [lost, other], last: lost, avoid: null);
        Assert.Equal(lost, Assert.Single(_dials).Hub);
        // The lost hub swallows everything. The search looks again within a second, and when the turn of another comes.
        _time.Advance(options.Loyalty - TimeSpan.FromMilliseconds(1));
        Assert.Single(_dials);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Until.TrueAsync(() => _dials.Count == 2);
        Assert.Equal(other, _dials.Last().Hub);
        _dials.Last().Answer.SetResult(Link());
        Assert.Equal(other, (await finding).Hub);
    }

    [Fact]
    public async Task A_hub_that_is_down_is_dialled_again_after_the_eager_pause_at_the_latest()
    {
        LinkSupervisorOptions options = new();
        HubAddress hub = At("ws://hub", s_one);
        Task<(HubAddress Hub, HubLink Link)> finding = Search(options).FindAsync(() => [hub], last: hub, avoid: null);
        // Eighty pauses fit into the time of eagerness, whatever chance makes of each.
        for (int failures = 1; failures <= 80; failures++)
        {
            _dials.Last().Answer.SetException(new TunnelException(TunnelError.HubUnreachable, "down"));
            // Told right after the pause has begun.
            await Until.TrueAsync(() => Volatile.Read(ref _failures) == failures);
            _time.Advance(options.EagerBackOff);
            await Until.TrueAsync(() => _dials.Count > failures);
        }
        _dials.Last().Answer.SetResult(Link());
        Assert.Equal(hub, (await finding).Hub);
    }

    // The search arms its timers on another thread: time goes on until it has seen enough of it.
    private Task AdvanceUntilAsync(Func<bool> condition, TimeSpan step) => Until.TrueAsync(() =>
    {
        if (condition())
        {
            return true;
        }
        _time.Advance(step);
        return false;
    });

    private HubSearch Search(LinkSupervisorOptions? options = null) => new(this, options ?? new LinkSupervisorOptions(), _time, (_, _) => Interlocked.Increment(ref _failures), TestContext.Current.CancellationToken);

    private static HubAddress At(string address, Mid mid) => new(new Uri(address), mid);

    private static HubLink Link() => new(new InMemoryLinkPair(s_two, s_one, rightRole: LinkRole.Hub).Left, null, null, null, []);
}
