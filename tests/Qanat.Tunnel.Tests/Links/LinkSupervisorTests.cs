using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Testing;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Links;

public sealed class LinkSupervisorTests : ILinkConnector
{
    private static readonly Mid s_node = Mid.FromSubjectPublicKeyInfo([1]), s_hub = Mid.FromSubjectPublicKeyInfo([2]);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly List<InMemoryLinkPair> _pairs = [];

    Task<HubLink> ILinkConnector.ConnectAsync(HubAddress hub, CancellationToken cancellationToken)
    {
        InMemoryLinkPair pair = new(s_node, s_hub, rightRole: LinkRole.Hub);
        _pairs.Add(pair);
        return Task.FromResult(new HubLink(pair.Left, "hub", "node", null, []));
    }

    [Fact]
    public async Task A_failure_that_nobody_expected_is_not_the_end_of_the_link_for_ever()
    {
        int attached = 0;
        LinkSupervisorOptions options = new() { MaxBackOff = TimeSpan.FromMilliseconds(1) };
        await using LinkSupervisor supervisor = new(this, [new HubAddress(new Uri("ws://hub"), s_hub)], [], options, TimeProvider.System, NullLogger.Instance)
        {
            Attach = _ =>
            {
                if (++attached == 1)
                {
                    throw new InvalidOperationException("broken");
                }
            },
        };
        supervisor.Start();
        await supervisor.WaitForLinkAsync(CancellationToken.None).WaitAsync(s_limit);
        Assert.Equal(2, attached);
        Assert.Same(_pairs[1].Left, supervisor.Current!.Link);
        await _pairs[0].Left.Completion.WaitAsync(s_limit);
    }

    /// <summary>A hub killed again and again may let an attempt of our own replace a link now and then; that is no other process with this identity, and nobody must pause for it.</summary>
    [Fact]
    public async Task A_link_lost_between_two_replaced_ones_means_that_nobody_fights_for_it()
    {
        using SemaphoreSlim attached = new(0);
        LinkSupervisorOptions options = new() { MaxBackOff = TimeSpan.FromMilliseconds(1), ReplacedPause = TimeSpan.FromHours(1) };
        await using LinkSupervisor supervisor = new(this, [new HubAddress(new Uri("ws://hub"), s_hub)], [], options, TimeProvider.System, NullLogger.Instance)
        {
            Attach = _ => attached.Release(),
        };
        supervisor.Start();
        foreach (LinkCloseCause cause in (LinkCloseCause[])[LinkCloseCause.Replaced, LinkCloseCause.TransportFailed, LinkCloseCause.Replaced])
        {
            Assert.True(await attached.WaitAsync(s_limit));
            _pairs[^1].Cut(cause);
        }
        Assert.True(await attached.WaitAsync(s_limit));
    }
}
