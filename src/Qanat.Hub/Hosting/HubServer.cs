using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qanat.Hub.Membership;
using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Hub.Hosting;

/// <summary>A running hub: core, listeners, timers, live reload, drain.</summary>
internal sealed class HubServer : IHostedService, IAsyncDisposable
{
    private readonly IOptionsMonitor<HubOptions> _options;
    private readonly HubOptions _started;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ILoggerFactory _loggers;
    private readonly LinkMetrics _linkMetrics;
    private readonly NodeIdentity _identity;
    private readonly DirectoryStore _store;
    private readonly List<LinkListener> _nodeListeners = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2? _certificate;
    private LinkListener? _meshListener;
    private IDisposable? _reload;
    private Task _timers = Task.CompletedTask;
    private bool _disposed;

    public HubServer(IOptionsMonitor<HubOptions> options, IMeterFactory meters, ILoggerFactory loggers, TimeProvider time)
    {
        (_options, _started, _time, _loggers) = (options, options.CurrentValue, time, loggers);
        _logger = loggers.CreateLogger("Qanat.Hub");
        _linkMetrics = new LinkMetrics(meters);
        DataFolder folder = new(_started.DataFolder);
        _identity = folder.LoadOrCreateIdentity(time);
        _store = new DirectoryStore(folder.OpenDatabase());
        _certificate = _started is { TlsCertificate: { } certificate, TlsKey: { } key } ? CertificateFile.ReadWithKey(certificate, key) : null;
        LinkDialer dialer = new(_identity, Link(_started), time, _linkMetrics, loggers.CreateLogger<LinkDialer>());
        Core = new HubCore(new HubCoreParts
        {
            Name = _started.Name.ToLowerInvariant(),
            Identity = _identity,
            Store = _store,
            Dialer = new LinkHubDialer(dialer),
            Time = time,
            Logger = _logger,
            Limits = new RelayLimits { LinkQueueBytes = _started.Limits.LinkQueueBytes },
            DefaultQuotas = Defaults(_started.Quotas),
            TicketLifetime = TimeSpan.FromHours(_started.Enrolment.TicketHours),
            ResolveDeadline = TimeSpan.FromMilliseconds(_started.Mesh.ResolveTimeoutMilliseconds),
            OrganisationCas = _started.Enrolment.OrganisationCa is { } ca ? CertificateFile.ReadAuthorities(ca, "organisation CA") : [],
        });
        _ = new HubMetrics(meters, Core);
    }

    /// <summary>The hub itself.</summary>
    public HubCore Core { get; }

    /// <summary>The directory on disk.</summary>
    internal DirectoryStore Store => _store;

    /// <summary>True while it takes links.</summary>
    public bool Ready { get; private set; }

    /// <summary>Where nodes reach it.</summary>
    public IReadOnlyList<string> NodeAddresses { get; private set; } = [];

    /// <summary>Where hubs reach it.</summary>
    public IReadOnlyList<string> HubAddresses { get; private set; } = [];

    /// <summary>How long a new token lasts unless told otherwise.</summary>
    public TimeSpan TokenLifetime => TimeSpan.FromHours(_options.CurrentValue.Enrolment.TokenHours);

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Whom to trust before the first link is taken: a hub or guest that comes early must not be refused as a stranger.
        Core.ConfigurePeers(Peers(_started.Mesh), _started.Mesh.AcceptIntroduced);
        HubDoor door = new(Core, () => _options.CurrentValue);
        List<string> bound = [];
        List<string> reachable = [];
        foreach (string url in _started.Listen)
        {
            bool secure = HubOptionsValidator.TryEndPoint(url, "wss", out IPEndPoint endPoint);
            if (!secure)
            {
                HubOptionsValidator.TryEndPoint(url, "ws", out endPoint);
            }
            LinkListener listener = Listen("listen", door, endPoint, LinkKind.WebSocket, LinkRole.Node, secure ? _certificate : null);
            _nodeListeners.Add(listener);
            Add(secure ? "wss" : "ws", listener, bound, reachable);
        }
        List<string> meshReachable = [];
        if (!string.IsNullOrEmpty(_started.Mesh.Listen) && HubOptionsValidator.TryEndPoint(_started.Mesh.Listen, "tcp", out IPEndPoint mesh))
        {
            _meshListener = Listen("mesh.listen", door, mesh, LinkKind.Tcp, LinkRole.Hub, null);
            Add("tcp", _meshListener, bound, meshReachable);
        }
        NodeAddresses = _started.Advertise.Count > 0 ? _started.Advertise : reachable;
        HubAddresses = _started.Mesh.Advertise is { Length: > 0 } advertised ? [advertised] : meshReachable;
        // The ports are known only now; who came before is sent the record.
        Core.Advertise(NodeAddresses, HubAddresses);
        _reload = _options.OnChange(OnReload);
        _timers = Task.Run(RunTimersAsync, CancellationToken.None);
        _ = GreetAsync();
        Ready = true;
        _logger.HubStarted(Core.Name, Core.Mid, string.Join(", ", bound));
        return Task.CompletedTask;
    }

    /// <summary>Drains: no new links, members and hubs are told, and given time to move.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!Ready)
        {
            return;
        }
        Ready = false;
        _reload?.Dispose();
        Core.StartDrain();
        await StopListenersAsync();
        TimeSpan limit = TimeSpan.FromSeconds(_options.CurrentValue.Limits.DrainSeconds);
        long start = _time.GetTimestamp();
        while (Core.Router.MemberCount > 0 && _time.GetElapsedTime(start) < limit && !cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), _time, CancellationToken.None);
        }
        int remaining = Core.Router.MemberCount;
        await DisposeAsync();
        _logger.HubStopped(remaining);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }
        _disposed = true;
        Ready = false;
        _reload?.Dispose();
        await _stop.CancelAsync();
        await StopListenersAsync();
        await _timers;
        await Core.DisposeAsync();
        _store.Dispose();
        _identity.Dispose();
        _certificate?.Dispose();
        _linkMetrics.Dispose();
        _stop.Dispose();
    }

    private LinkListener Listen(string key, HubDoor door, IPEndPoint endPoint, LinkKind kind, LinkRole role, X509Certificate2? certificate)
    {
        LinkListener listener = new(_identity, new LinkListenerOptions
        {
            EndPoint = endPoint,
            Kind = kind,
            PeerRole = role,
            Certificate = certificate,
            MaxHandshakes = _started.Limits.Handshakes,
            // Nobody pushes all others out from one address; a whole site behind one address still gets in.
            MaxHandshakesPerAddress = Math.Max(1, _started.Limits.Handshakes / 2),
            Link = Link(_started),
        }, door, door.TakeAsync, _time, _linkMetrics, _loggers.CreateLogger<LinkListener>());
        try
        {
            listener.Start();
        }
        catch (SocketException e)
        {
            throw new IOException($"{key}: cannot listen on {endPoint}: {e.Message}; choose another address or port, or stop the program that has it.", e);
        }
        return listener;
    }

    private async Task StopListenersAsync()
    {
        foreach (LinkListener listener in _nodeListeners)
        {
            await listener.StopAsync();
        }
        if (_meshListener is not null)
        {
            await _meshListener.StopAsync();
        }
    }

    private static void Add(string scheme, LinkListener listener, List<string> bound, List<string> reachable)
    {
        string address = $"{scheme}://{listener.LocalEndPoint}";
        bound.Add(address);
        if (!listener.LocalEndPoint.Address.Equals(IPAddress.Any) && !listener.LocalEndPoint.Address.Equals(IPAddress.IPv6Any))
        {
            reachable.Add(address);
        }
    }

    private void OnReload(HubOptions options, string? name)
    {
        try
        {
            Core.ConfigurePeers(Peers(options.Mesh), options.Mesh.AcceptIntroduced);
            Core.SetDefaultQuotas(Defaults(options.Quotas));
            _logger.Reloaded("mesh.peers, mesh.accept-introduced, mesh.idle-seconds, quotas, limits.links, limits.drain-seconds, enrolment.token-hours, log-level");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _logger.BackgroundFailed(e, "reload");
        }
    }

    private async Task GreetAsync()
    {
        try
        {
            await Core.GreetPeersAsync();
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task RunTimersAsync()
    {
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(5), _time);
        try
        {
            for (int tick = 1; await timer.WaitForNextTickAsync(_stop.Token); tick++)
            {
                try
                {
                    Core.Links.CloseIdle(TimeSpan.FromSeconds(_options.CurrentValue.Mesh.IdleSeconds));
                    Core.CloseExpiredGuests();
                    if (tick % 6 == 0)
                    {
                        Core.SaveBytes();
                        Core.ForgetGuests();
                        Core.RenewTickets();
                        Core.Directory.DeleteExpiredTokens();
                    }
                }
                catch (DirectoryUnavailableException e)
                {
                    _logger.DirectoryUnavailable(e.Message);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    _logger.BackgroundFailed(e, "timers");
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private static LinkOptions Link(HubOptions options) => new()
    {
        SendQueueBytes = options.Limits.LinkQueueBytes,
        ClockSkew = TimeSpan.FromSeconds(options.Limits.ClockSkewSeconds),
    };

    private static MemberQuotas Defaults(QuotaOptions options) => new(options.BytesPerSecond, options.Sessions, options.OpensPerSecond, options.QueueBytes);

    private static IReadOnlyList<(Mid, string, string?)> Peers(MeshOptions mesh) =>
        [.. mesh.Peers.Select(p => (Mid.Parse(p.Mid), p.Name.ToLowerInvariant(), p.Address))];
}
