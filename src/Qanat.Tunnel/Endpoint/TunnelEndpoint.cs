using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Tunnel.Access;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Tunnel.Mux;
using Qanat.Tunnel.Security;
using Qanat.Tunnel.Sessions;
using Qanat.Wire;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel;

/// <summary>
/// A participant's end of the network: one link to a hub, kept up; one tunnel per peer, made on demand and shared by all connections; connections to
/// services as <see cref="ConnectionContext"/>. Members are safe to call from any thread.
/// </summary>
public sealed partial class TunnelEndpoint : IConnectionFactory, IPeerDirectory, IAsyncDisposable
{
    /// <summary>Name of the activity source.</summary>
    public const string ActivitySourceName = "Qanat.Tunnel";

    private static readonly ActivitySource s_activities = new(ActivitySourceName);
    private readonly TunnelOptions _options;
    private readonly ILinkConnector _connector;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SessionMetrics _sessionMetrics;
    private readonly MuxMetrics? _muxMetrics;
    private readonly SessionTable _table;
    private readonly LinkSupervisor _supervisor;
    private readonly LayerTwo _layerTwo;
    private readonly HubRequests _requests;
    private readonly NameResolver _names;
    private readonly ConcurrentDictionary<Mid, PeerTunnels> _peers = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _janitor;
    private readonly Lock _echoGate = new();
    private RateMeter _echoes;
    private int _inboundHandshakes;
    private int _disposed;

    /// <summary>Creates an endpoint that does nothing until <see cref="StartAsync"/>.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="identity">Own key; must live longer than the endpoint.</param>
    /// <param name="connector">Makes links to hubs, in production a <see cref="HubConnector"/>.</param>
    /// <param name="time">Clock; null is the system's.</param>
    /// <param name="loggers">Logs; null for none.</param>
    /// <param name="meters">Meters; null for unshared ones.</param>
    public TunnelEndpoint(
        TunnelOptions options, NodeIdentity identity, ILinkConnector connector, TimeProvider? time = null, ILoggerFactory? loggers = null, IMeterFactory? meters = null)
    {
        _options = options;
        _connector = connector;
        _time = time ?? TimeProvider.System;
        Identity = identity;
        loggers ??= NullLoggerFactory.Instance;
        _logger = loggers.CreateLogger<TunnelEndpoint>();
        _sessionMetrics = new SessionMetrics(meters);
        _muxMetrics = meters is null ? null : new MuxMetrics(meters);
        _table = new SessionTable(
            identity.Mid, options.Session, new SessionMemory(options.SessionMemoryMaxBytes), _time, _sessionMetrics, loggers.CreateLogger<SessionTable>())
        {
            Admit = AdmitSession,
            Accepted = stream => _ = ServeInboundAsync(stream),
            Control = OnControl,
        };
        _supervisor = new LinkSupervisor(connector, options.Hubs, options.LearnedHubs, options.Links, _time, loggers.CreateLogger<LinkSupervisor>(), options.PinnedHubs)
        {
            Attach = OnLinked,
            HubsLearned = hubs => Call(() => HubsLearned?.Invoke(hubs)),
            HubPinned = hub => Call(() => HubPinned?.Invoke(hub)),
        };
        _layerTwo = new LayerTwo(identity, options.LayerTwo, _time);
        _requests = new HubRequests(identity.Mid, _table, _supervisor, _time);
        _echoes = new RateMeter(_time, EchoBurst, EchoesPerSecond);
        _names = new NameResolver(_requests, options, _time, _logger) { Pinned = (name, mid) => Call(() => PeerPinned?.Invoke(name, mid)) };
        _acceptor = new ForwardingAcceptor(this);
        _janitor = _time.CreateTimer(static endpoint => ((TunnelEndpoint)endpoint!).LookAround(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Own key.</summary>
    public NodeIdentity Identity { get; }

    /// <summary>Own mid.</summary>
    public Mid Mid => Identity.Mid;

    /// <summary>Decides on and serves what peers open; null refuses every connection (UnknownService). May be changed at any time.</summary>
    public IStreamAcceptor? Acceptor { get; set; }

    /// <summary>Which peers may have a tunnel to this node at all, by the mid that layer 2 will prove; null lets every member in (the acceptor decides on each connection).</summary>
    public Func<Mid, bool>? AdmitPeer { get; set; }

    /// <summary>Called with the hubs learned from the network whenever they change; keep them for <see cref="TunnelOptions.LearnedHubs"/>.</summary>
    public Action<IReadOnlyList<HubAddress>>? HubsLearned { get; set; }

    /// <summary>
    /// Called when a hub configured without a mid was met for the first time: only that key is accepted there from then on. Keep it for
    /// <see cref="TunnelOptions.PinnedHubs"/>, so that a restart does not open the question again.
    /// </summary>
    public Action<HubAddress>? HubPinned { get; set; }

    /// <summary>Called with a new membership ticket; keep it for the next start.</summary>
    public Action<byte[]>? TicketRenewed { get; set; }

    /// <summary>
    /// Called when a participant name was resolved for the first time; it means that mid from then on. Keep it, and give it to <see cref="PinPeer"/>
    /// at the next start, so that a restart does not open the question again.
    /// </summary>
    public Action<string, Mid>? PeerPinned { get; set; }

    /// <summary>
    /// Says which mid a participant name means, whatever a hub says: from an earlier run, or learned outside of the network. Connections to the name
    /// fail (<see cref="TunnelError.PeerMidMismatch"/>) while the hub says otherwise.
    /// </summary>
    /// <param name="participant">Participant name as it will be asked for, lower-case.</param>
    /// <param name="mid">Its mid.</param>
    public void PinPeer(string participant, Mid mid) => _names.Pin(participant, mid);

    /// <summary>Begins to keep the link up. Returns at once; <see cref="WaitForLinkAsync"/> waits for the first link.</summary>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _supervisor.Start();
        _janitor.Change(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        return Task.CompletedTask;
    }

    /// <summary>Completes when a link to a hub is up.</summary>
    public Task WaitForLinkAsync(CancellationToken cancellationToken) => _supervisor.WaitForLinkAsync(cancellationToken);

    /// <summary>Replaces the configured hubs (live reload). The link in use stays until it ends.</summary>
    public void ConfigureHubs(IReadOnlyList<HubAddress> hubs) => _supervisor.Configure(hubs);

    /// <summary>
    /// Opens a connection to a service of a participant. The tunnel is made when there is none; the connection itself costs no round trip:
    /// a refusal by the peer fails the first read with a <see cref="TunnelException"/>.
    /// </summary>
    /// <exception cref="TunnelException">No tunnel to the participant could be had.</exception>
    public async ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        Mid peer = await ResolveAsync(target.Participant, cancellationToken).ConfigureAwait(false);
        if (peer == Mid)
        {
            throw new TunnelException(TunnelError.InvalidAddress, $"'{target.Participant}' is this node itself; reach its services directly.");
        }
        for (int attempt = 0; ; attempt++)
        {
            Task<Tunnel>? getting;
            while ((getting = TunnelsOf(peer).GetAsync(DialAsync)) is null)
            {
                // Retired just now.
            }
            Tunnel tunnel = await getting.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                ConnectionContext connection = tunnel.Mux.Open(target.Service);
                tunnel.ProbeOften(true);
                return connection;
            }
            catch (TunnelException e) when (attempt < 2 && e.Error != TunnelError.TooManyConnections && !tunnel.CanOpen)
            {
                // The tunnel ended between the look and the open: take another one.
            }
        }
    }

    /// <inheritdoc/>
    async ValueTask<ConnectionContext> IConnectionFactory.ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken) =>
        await ConnectAsync(
            endpoint as QanatEndPoint ?? throw new TunnelException(TunnelError.InvalidAddress, $"'{endpoint}' is not a Qanat address."), cancellationToken).ConfigureAwait(false);

    /// <summary>The mid of a participant name, as the own hub knows it, or of a mid in text form.</summary>
    /// <exception cref="TunnelException">UnknownParticipant, PeerMidMismatch, HubUnreachable.</exception>
    public ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken = default) => _names.ResolveAsync(participant, cancellationToken);

    /// <summary>Who a participant is and which hub it is linked to now, as the own hub knows it; asked anew at every call.</summary>
    /// <exception cref="TunnelException">UnknownParticipant, HubUnreachable.</exception>
    public async ValueTask<PeerLocation> LocateAsync(string participant, CancellationToken cancellationToken = default)
    {
        Wire.Control.ResolveAnswer answer = await _names.LocateAsync(participant, cancellationToken).ConfigureAwait(false);
        return new PeerLocation(answer.Member, answer.Name, answer.Hub, answer.Online);
    }

    /// <summary>A view for status pages.</summary>
    public TunnelStatus GetStatus()
    {
        SupervisedLink? link = _supervisor.Current;
        return new TunnelStatus(
            Mid,
            link is null ? null : new LinkStatus(link.Link.PeerMid, link.HubName, link.Hub.Address, link.ParticipantName, link.Since, link.Link.RoundTrip, link.Link.QueuedBytes),
            _supervisor.LinkCount,
            _supervisor.LastError,
            _supervisor.LastError is null ? null : TunnelException.ToCode(_supervisor.LastErrorKind),
            [.. _supervisor.Hubs.Select(hub => hub.Address.ToString())],
            [.. AllTunnels().Select(tunnel => tunnel.GetStatus())],
            _table.GetStatus(),
            _table.Memory.ReservedBytes,
            _table.Memory.BlockBytesInUse);
    }

    /// <summary>Drains the tunnels for a bounded time, tells the peers, closes the link.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }
        await _janitor.DisposeAsync().ConfigureAwait(false);
        IReadOnlyList<Tunnel> tunnels = AllTunnels();
        using (CancellationTokenSource drain = new(_options.DrainTimeout, _time))
        {
            await Task.WhenAll(tunnels.Select(tunnel => DrainAsync(tunnel, drain.Token))).ConfigureAwait(false);
        }
        await _stop.CancelAsync().ConfigureAwait(false);
        _table.AbortAll(FrameReason.ShuttingDown);
        await _table.FlushAsync(TimeSpan.FromMilliseconds(500)).ConfigureAwait(false);
        await _supervisor.DisposeAsync().ConfigureAwait(false);
        _table.Dispose();
        _sessionMetrics.Dispose();
        _stop.Dispose();
    }

    private static async Task DrainAsync(Tunnel tunnel, CancellationToken cancellationToken)
    {
        try
        {
            await tunnel.Mux.GoAwayAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Time is up: what is still open is reset.
        }
        await tunnel.Mux.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Peers with tunnels, or lately so.</summary>
    internal int PeerCount => _peers.Count;

    /// <summary>Questions for names under way.</summary>
    internal int NameQuestionCount => _names.QuestionCount;

    private PeerTunnels TunnelsOf(Mid peer)
    {
        while (true)
        {
            PeerTunnels tunnels = _peers.GetOrAdd(peer, static mid => new PeerTunnels(mid));
            if (!tunnels.IsRetired)
            {
                return tunnels;
            }
            _peers.TryRemove(new KeyValuePair<Mid, PeerTunnels>(peer, tunnels));
        }
    }

    private List<Tunnel> AllTunnels() => [.. _peers.Values.SelectMany(peer => peer.Snapshot())];

    private void OnLinked(HubLink link)
    {
        _table.Attach(link.Link);
        if (link.Ticket is { } ticket)
        {
            TakeTicket(link.Link, ticket);
        }
    }

    private void Call(Action callback)
    {
        try
        {
            callback();
        }
#pragma warning disable CA1031 // Application code; the endpoint must live on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _logger.CallbackFailed(e);
        }
    }
}
