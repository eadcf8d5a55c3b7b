using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Qanat.Hub.Membership;
using Qanat.Hub.Mesh;
using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Hub;

/// <summary>What a <see cref="HubCore"/> is made of.</summary>
internal sealed record HubCoreParts
{
    public required string Name { get; init; }
    public required NodeIdentity Identity { get; init; }
    public required DirectoryStore Store { get; init; }
    public required IHubDialer Dialer { get; init; }
    public required TimeProvider Time { get; init; }
    public required ILogger Logger { get; init; }
    public RelayLimits Limits { get; init; } = new();
    public MemberQuotas DefaultQuotas { get; init; } = MemberQuotas.Unlimited;
    public TimeSpan TicketLifetime { get; init; } = TimeSpan.FromHours(24);
    public TimeSpan ResolveDeadline { get; init; } = TimeSpan.FromSeconds(2);
    public X509Certificate2Collection OrganisationCas { get; init; } = [];
}

/// <summary>
/// The hub without its sockets: relay, directory, mesh and quotas wired together. Links are handed in; hub links are dialled through
/// <see cref="IHubDialer"/>. Thread-safe.
/// </summary>
internal sealed partial class HubCore : IRouteControl, IAsyncDisposable
{
    private const int MaxSearches = 4096;
    private const int MaxMemberResolves = 32;
    private const int MaxMemberSearches = 256;
    private readonly ConcurrentDictionary<Mid, bool> _searches = new();
    private readonly ExpiringCache<Mid, FrameReason> _noRoute;
    private readonly ExpiringCache<(Mid Hub, Mid Member), bool> _askedToShow;
    private readonly PendingFrames _pending;
    private readonly HubQueries _queries;
    private readonly Resolver _resolver;
    private readonly LocalNames _local;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _saver;
    private readonly NodeIdentity _identity;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly TimeSpan _ticketLifetime;
    private MemberQuotas _defaults;
    private volatile bool _draining;

    public HubCore(HubCoreParts parts)
    {
        (Name, _identity, _logger, _time, _ticketLifetime, _defaults) =
            (parts.Name, parts.Identity, parts.Logger, parts.Time, parts.TicketLifetime, parts.DefaultQuotas);
        Directory = new MemberDirectory(parts.Store, _time);
        Router = new Router(_identity.Mid, this, parts.Limits, _time);
        Table = new HubTable(Name, _identity.Mid, parts.Store, _time, _logger);
        Links = new MeshLinks(Router, Table, parts.Dialer, _time, _logger, OnHubUp);
        Admission = new MemberAdmission(Name, _identity.Mid, Directory, Table, () => _defaults, parts.OrganisationCas, _time, _logger);
        _local = new LocalNames(Name, Directory, Router);
        _queries = new HubQueries(Router);
        _resolver = new Resolver(_local, Router, Table, Links, _queries, Directory, OnMoved, parts.ResolveDeadline, _time, _logger);
        _pending = new PendingFrames(parts.Limits);
        _noRoute = new ExpiringCache<Mid, FrameReason>(65536, _time);
        _askedToShow = new ExpiringCache<(Mid, Mid), bool>(4096, _time);
        Table.Changed += PushHubTable;
        Table.Unsaved += WakeSaver;
        _saver = Task.Run(SaveHeardAsync);
    }

    /// <summary>The hub's name.</summary>
    public string Name { get; }

    /// <summary>The hub's mid.</summary>
    public Mid Mid => _identity.Mid;

    public Router Router { get; }

    public MemberDirectory Directory { get; }

    public HubTable Table { get; }

    public MeshLinks Links { get; }

    public MemberAdmission Admission { get; }

    /// <summary>Quotas of members without their own.</summary>
    public MemberQuotas DefaultQuotas => Volatile.Read(ref _defaults);

    /// <summary>True once <see cref="StartDrain"/> was called.</summary>
    public bool Draining => _draining;

    /// <summary>Frames waiting for a route.</summary>
    public int PendingFrames => _pending.Count;

    /// <summary>Sets where this hub is reached and signs its record anew.</summary>
    public void Advertise(IReadOnlyList<string> nodeAddresses, IReadOnlyList<string> hubAddresses) =>
        Table.SetOwnRecord(new HubRecord(Name, _identity.SubjectPublicKeyInfo.ToArray(), (ulong)_time.GetUtcNow().ToUnixTimeMilliseconds(), nodeAddresses, hubAddresses)
            .Encode(_identity.Sign));

    /// <summary>Takes over the configured peers. Of a hub that is trusted no longer, the link, the routes and the members who came as its guests go.</summary>
    public void ConfigurePeers(IReadOnlyList<(Mid Mid, string Name, string? Address)> peers, bool acceptIntroduced)
    {
        foreach (Mid dropped in Table.Configure(peers, acceptIntroduced))
        {
            Links.Close(dropped, LinkCloseCause.Denied);
            Router.RemoveRoutesOf(dropped);
            foreach (MemberPort guest in Router.Members.Where(m => m.GuestTicket is not null && m.HomeHub == dropped))
            {
                _ = CloseAsync(guest, LinkCloseCause.Denied);
            }
        }
    }

    /// <summary>Meets every configured peer once, so that tables and revocations are exchanged. Peers that are away are met when they come.</summary>
    public Task GreetPeersAsync() =>
        Task.WhenAll(Table.Hubs.Where(h => h.Addresses.Any()).Select(async h => await Links.ConnectAsync(h.Mid, _stop.Token)));

    /// <summary>Default quotas changed: members without their own take them at once.</summary>
    public void SetDefaultQuotas(MemberQuotas defaults)
    {
        Volatile.Write(ref _defaults, defaults);
        foreach (MemberPort port in Router.Members)
        {
            port.Meter.Quotas = Directory.TryGet(port.Mid, out Participant? own) ? own.Quotas.Over(defaults) : defaults;
        }
    }

    /// <summary>Changes a member's own quotas, on disk and on its live link.</summary>
    /// <exception cref="DirectoryUnavailableException">The disk refused; nothing was changed.</exception>
    public bool SetQuotas(Mid member, QuotaOverrides quotas)
    {
        if (!Directory.SetQuotas(member, quotas))
        {
            return false;
        }
        if (_meters.TryGetValue(member, out MemberMeter? meter))
        {
            meter.Quotas = quotas.Over(_defaults);
        }
        return true;
    }

    /// <summary>Revokes a member: on disk first, then its link is closed and the other hubs are told.</summary>
    /// <exception cref="DirectoryUnavailableException">The disk refused; nothing was changed.</exception>
    public bool Revoke(Mid member)
    {
        if (!Directory.Revoke(member))
        {
            return false;
        }
        _logger.MemberRevoked(member);
        Router.RemoveRoute(member, _ => true);
        if (Router.TryGetMember(member, out MemberPort? port))
        {
            _ = CloseAsync(port, LinkCloseCause.Denied);
        }
        _ = TellRevocationsAsync();
        return true;
    }

    /// <summary>Tells members and hubs to go elsewhere.</summary>
    public void StartDrain()
    {
        _draining = true;
        _logger.Draining(Router.MemberCount, Router.HubCount);
        foreach (Port port in Router.Members.Concat<Port>(Router.Hubs))
        {
            port.TrySendControl(new FrameHeader(FrameType.Drain, FrameReason.None, 0, Mid, port.Mid, 0, 0), default);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Table.Changed -= PushHubTable;
        Table.Unsaved -= WakeSaver;
        await _saver;
        await Task.WhenAll(Router.Members.Select(p => CloseAsync(p, LinkCloseCause.Draining)));
        await Links.DisposeAsync();
        SaveHeard();
        SaveBytes();
    }

    private static async Task CloseAsync(MemberPort port, LinkCloseCause cause)
    {
        await port.Link.CloseAsync(cause);
        await port.Link.DisposeAsync();
    }

    private void OnMoved(MemberPort stale, Mid hub)
    {
        _logger.MemberMoved(stale.Mid, hub);
        _ = CloseAsync(stale, LinkCloseCause.Replaced);
    }
}
