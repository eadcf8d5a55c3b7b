using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Node.Admin;
using Qanat.Node.Diagnostics;
using Qanat.Node.Forwards;
using Qanat.Node.Options;
using Qanat.Node.Proxy;
using Qanat.Node.Services;
using Qanat.Tunnel;
using Qanat.Tunnel.Access;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Tunnel.Mux;
using Qanat.Tunnel.Security;
using Qanat.Wire;
using Qanat.Wire.Mux;
using Qanat.Wire.Sessions;

namespace Qanat.Node.Hosting;

/// <summary>A whole node: tunnel endpoint, proxy port, published services, forwards and admin listener.</summary>
public sealed class NodeHost : IAsyncDisposable, IAdminBackend
{
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(5);
    private readonly NodeIdentity _identity;
    private readonly EnrolmentToken? _token;
    private readonly AdminServer _admin;
    private readonly PeerPins _pins;
    private readonly ServiceCatalog _catalog;
    private readonly ServiceAcceptor _acceptor;
    private readonly ProxyServer? _proxy;
    private readonly ForwardSet _forwards;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _reloadLock = new();
    private NodeOptions _options;
    private int _stopped;

    /// <summary>Builds a node from validated options. Nothing listens or dials until <see cref="StartAsync"/>.</summary>
    /// <param name="options">Options that <see cref="NodeOptionsValidator.Check"/> finds no error in.</param>
    /// <param name="loggers">Logs; null for none.</param>
    /// <param name="time">Clock; null is the system's.</param>
    /// <exception cref="ArgumentException">The options have errors.</exception>
    /// <exception cref="TunnelException">The identity cannot be used.</exception>
    public NodeHost(NodeOptions options, ILoggerFactory? loggers = null, TimeProvider? time = null)
    {
        if (NodeOptionsValidator.Check(options) is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(options));
        }
        loggers ??= NullLoggerFactory.Instance;
        time ??= TimeProvider.System;
        _options = options;
        _logger = loggers.CreateLogger<NodeHost>();
        var state = new NodeState(options.Identity);
        _identity = state.LoadIdentity(options, time);
        _admin = new AdminServer(options.Admin, state.LoadAdminToken(options.Admin.TokenFile), loggers);
        var metrics = new NodeMetrics(_admin.Meters);
        _token = options.EnrolmentToken is { } text ? EnrolmentToken.Parse(text) : null;
        Tunnel = CreateTunnel(options, state, loggers, time);
        var adapter = new TunnelAdapter(Tunnel);
        _pins = new PeerPins(Tunnel, state.PinsFile, time, _logger);
        foreach ((string name, Mid pinned) in _pins.All)
        {
            Tunnel.PinPeer(name, pinned);
        }
        Tunnel.PeerPinned = _pins.Keep;
        _catalog = new ServiceCatalog(_pins, time);
        _catalog.Apply(options);
        string mid = Mid.ToString()[..11];
        _acceptor = new ServiceAcceptor(_catalog, new PeerLimiter(time), _admin.Forwarder, $"qanat-service-{mid}", time, metrics, loggers);
        Tunnel.Acceptor = _acceptor;
        Tunnel.AdmitPeer = peer => _catalog.Peers.Check(peer) != AccessDecision.Denied;
        var refusals = new RefusalWatch(TimeSpan.FromMilliseconds(options.Proxy.RefusalWaitMilliseconds), time);
        var connector = new TunnelConnector(adapter, refusals, () => TimeSpan.FromSeconds(_options.Proxy.ConnectSeconds), time, metrics, _logger);
        _proxy = options.Proxy.Listen.Length == 0 ? null : new ProxyServer(options.Proxy, connector, _admin.Forwarder, $"qanat-proxy-{mid}", time, metrics, loggers);
        _forwards = new ForwardSet(connector, metrics, _logger);
    }

    /// <summary>Own mid.</summary>
    public Mid Mid => _identity.Mid;

    /// <summary>The tunnel endpoint, for status and measurements.</summary>
    public TunnelEndpoint Tunnel { get; }

    /// <summary>Address of the proxy port, once started; null when it is off.</summary>
    public IPEndPoint? ProxyEndPoint => _proxy?.EndPoint;

    /// <summary>Address of the admin listener, once started; null when it is off.</summary>
    public Uri? AdminAddress => _admin.Address;

    /// <summary>Addresses of the forwards, by the address configured.</summary>
    public IReadOnlyDictionary<string, IPEndPoint> ForwardEndPoints => _forwards.EndPoints;

    /// <summary>Answers <c>/api/v1/diagnose?participant=NAME</c>. Set before <see cref="StartAsync"/>.</summary>
    public Func<string, CancellationToken, Task<IResult>>? Diagnose { get; set; }

    /// <summary>Reads the configuration file again and applies it (<c>POST /api/v1/reload</c>). Set before <see cref="StartAsync"/>.</summary>
    public Func<CancellationToken, Task>? ReloadConfiguration { get; set; }

    /// <summary>True when a link to a hub is up and the node is not stopping.</summary>
    public bool IsReady => Volatile.Read(ref _stopped) == 0 && Tunnel.GetStatus().Link is not null;

    /// <summary>Starts everything. The link to the hub is made in the background; <see cref="WaitForLinkAsync"/> waits for it.</summary>
    /// <exception cref="IOException">A port is in use; the message names its key.</exception>
    /// <exception cref="AggregateException">Ports of forwards are in use.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await _acceptor.StartAsync(cancellationToken);
        await Tunnel.StartAsync(cancellationToken);
        if (_proxy is not null)
        {
            await ListenAsync("proxy.listen", () => _proxy.StartAsync(cancellationToken));
        }
        _forwards.Apply(_options.Forwards);
        await ListenAsync("admin.listen", () => _admin.StartAsync(this, cancellationToken));
        _logger.ConfigurationApplied(_options.Services.Count, _options.Forwards.Count);
        _ = VerifyPinsAsync();
        _ = CompareNamesAsync();
    }

    /// <summary>Completes when a link to a hub is up.</summary>
    public Task WaitForLinkAsync(CancellationToken cancellationToken) => Tunnel.WaitForLinkAsync(cancellationToken);

    /// <summary>Puts changed services, forwards, peers and hubs in force without dropping a stream. Other changed keys are named in the log; they need a restart.</summary>
    /// <exception cref="ArgumentException">The options have errors; nothing was changed.</exception>
    /// <exception cref="AggregateException">A forward could not be bound; everything else is in force.</exception>
    public void Reload(NodeOptions options)
    {
        if (NodeOptionsValidator.Check(options) is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(options));
        }
        lock (_reloadLock)
        {
            foreach (string key in RestartKeys(_options, options))
            {
                _logger.RestartNeeded(key);
            }
            _catalog.Apply(options);
            Tunnel.ConfigureHubs(ToHubs(options));
            _options = options;
            _forwards.Apply(options.Forwards);
        }
        _logger.ConfigurationApplied(options.Services.Count, options.Forwards.Count);
        _ = VerifyPinsAsync();
    }

    /// <summary>The state of the node, as <c>/api/v1/status</c> shows it.</summary>
    public NodeStatus GetStatus()
    {
        TunnelStatus tunnel = Tunnel.GetStatus();
        return new NodeStatus
        {
            Mid = Mid.ToString(),
            Name = tunnel.Link?.ParticipantName ?? (_options.Name.Length > 0 ? _options.Name : null),
            Proxy = ProxyEndPoint?.ToString(),
            Link = tunnel.Link is { } link
                ? new NodeLinkStatus(link.HubMid.ToString(), link.HubName, link.Address.ToString(), link.Since, link.RoundTrip.TotalMilliseconds) : null,
            LinkError = tunnel.LastError,
            LinkErrorCode = tunnel.LastErrorCode,
            Tunnels = [.. tunnel.Tunnels.Select(t => new NodeTunnelStatus(
                t.PeerMid.ToString(), t.PeerName, t.Session.SessionId.ToString("x16", CultureInfo.InvariantCulture), t.IsInitiator, t.Cipher, t.Since, t.Connections,
                t.Opened, t.Accepted, t.BytesRead, t.BytesWritten))],
            Services = [.. _catalog.Services.Values.OrderBy(s => s.Name, StringComparer.Ordinal).Select(s => new NodeServiceStatus(s.Name, s.Backend.Target.Scheme, s.Connections.Value, s.Backend.OpenConnections))],
            Forwards = _forwards.EndPoints.ToDictionary(f => f.Key, f => f.Value.ToString()),
            PinnedPeers = _pins.All.ToDictionary(p => p.Key, p => p.Value.ToString()),
        };
    }

    /// <summary>Takes nothing new, lets what runs end within five seconds (or until the token fires), tells the peers, closes the link.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }
        using var limit = new CancellationTokenSource(s_drain);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        await _stop.CancelAsync();
        await Task.WhenAll(_proxy?.StopAsync(either.Token) ?? Task.CompletedTask, _acceptor.StopAsync(either.Token), _forwards.DrainAsync(either.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _forwards.DisposeAsync();
        await Tunnel.DisposeAsync();
        await _admin.StopAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_proxy is not null)
        {
            await _proxy.DisposeAsync();
        }
        await _acceptor.DisposeAsync();
        _catalog.Dispose();
        await _admin.DisposeAsync();
        _token?.Dispose();
        _identity.Dispose();
        _stop.Dispose();
    }

    private TunnelEndpoint CreateTunnel(NodeOptions options, NodeState state, ILoggerFactory loggers, TimeProvider time)
    {
        IReadOnlyList<HubAddress> pinned = state.LoadHubPins();
        foreach (HubAddress hub in ToHubs(options).Where(hub => hub.Mid is null && !pinned.Any(pin => pin.Address == hub.Address)))
        {
            _logger.HubUnpinned(hub.Address);
        }
        var links = new LinkOptions { ClockSkew = TimeSpan.FromSeconds(options.Tunnel.ClockSkewSeconds) };
        var dialer = new LinkDialer(_identity, links, time, new LinkMetrics(_admin.Meters), loggers.CreateLogger<LinkDialer>());
        var connector = new HubConnector(dialer, new HubConnectorOptions
        {
            Token = _token,
            RequestedName = options.Name.Length > 0 ? options.Name : null,
            Ticket = state.LoadTicket(),
        });
        X509Certificate2Collection? organisation = options.OrganisationCa is { } file ? CertificateFile.ReadAuthorities(file, "organisation CA") : null;
        var tunnel = new TunnelEndpoint(
            new TunnelOptions
            {
                Hubs = ToHubs(options),
                LearnedHubs = state.LoadHubs(),
                PinnedHubs = pinned,
                Session = new SessionSettings { Grace = TimeSpan.FromSeconds(options.Tunnel.GraceSeconds), MaxWindow = options.Tunnel.SessionWindowMaxBytes },
                Mux = new MuxOptions { Limits = new MuxLimits { TunnelMemoryMaxBytes = options.Tunnel.TunnelMemoryMaxBytes } },
                LayerTwo = new LayerTwoOptions { OrganisationCa = organisation },
            },
            _identity, connector, time, loggers, _admin.Meters)
        {
            HubsLearned = state.SaveHubs,
            HubPinned = state.AddHubPin,
        };
        tunnel.TicketRenewed = ticket =>
        {
            connector.Ticket = ticket;
            state.SaveTicket(ticket);
        };
        return tunnel;
    }

    private static HubAddress[] ToHubs(NodeOptions options) =>
        [.. options.Hubs.Select(hub => new HubAddress(new Uri(hub.Url), hub.Mid is null ? null : Mid.Parse(hub.Mid))
        {
            HttpProxy = hub.HttpProxy is { } proxy && LinkTarget.TryParseHttpProxy(proxy, out Uri? way) ? way : null,
            TrustedRoots = hub.Ca is { } file ? CertificateFile.ReadAuthorities(file, "hub CA") : null,
        })];

    private static IEnumerable<string> RestartKeys(NodeOptions before, NodeOptions after)
    {
        static bool Same<T>(T a, T b) => JsonSerializer.Serialize(a) == JsonSerializer.Serialize(b);
        (string Key, bool Same)[] keys =
        [
            ("identity", before.Identity == after.Identity),
            ("name", before.Name == after.Name),
            ("certificate", before.Certificate == after.Certificate),
            ("organisation-ca", before.OrganisationCa == after.OrganisationCa),
            ("proxy", Same(WithoutLive(before.Proxy), WithoutLive(after.Proxy))),
            ("admin", Same(before.Admin, after.Admin)),
            ("tunnel", Same(before.Tunnel, after.Tunnel)),
        ];
        return keys.Where(k => !k.Same).Select(k => k.Key);
    }

    // The time for a tunnel to come up is read at each connection.
    private static JsonObject WithoutLive(ProxyOptions proxy)
    {
        var keys = (JsonObject)JsonSerializer.SerializeToNode(proxy)!;
        keys.Remove(nameof(ProxyOptions.ConnectSeconds));
        return keys;
    }

    private static async Task ListenAsync(string key, Func<Task> start)
    {
        try
        {
            await start();
        }
        catch (IOException e)
        {
            throw new IOException($"{key}: {e.Message.TrimEnd('.')}; choose another address or port, or stop the program that has it.", e);
        }
    }

    // The hub's token or certificate decides on the name: peers must be told the one that is in force.
    private async Task CompareNamesAsync()
    {
        try
        {
            await Tunnel.WaitForLinkAsync(_stop.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            return;
        }
        if (Tunnel.GetStatus().Link?.ParticipantName is { Length: > 0 } given && _options.Name.Length > 0 && given.Split('.')[0] != _options.Name)
        {
            _logger.OtherName(given, _options.Name);
        }
    }

    private async Task VerifyPinsAsync()
    {
        try
        {
            await Tunnel.WaitForLinkAsync(_stop.Token);
            foreach (string name in _catalog.Names.ToList())
            {
                await _pins.VerifyAsync(name, _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // Stopping.
        }
    }
}
