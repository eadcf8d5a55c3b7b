using System.Collections.Frozen;
using Qanat.Node.Options;
using Qanat.Tunnel.Access;

namespace Qanat.Node.Services;

/// <summary>
/// The published services. <see cref="Apply"/> swaps the whole set at once: connections in flight keep what they have, the next open or
/// request sees the new rules. Backends whose settings did not change keep their pooled connections.
/// </summary>
internal sealed class ServiceCatalog : IDisposable
{
    // What was reached through a retired backend may still be running; its pools are closed later.
    private static readonly TimeSpan s_retireAfter = TimeSpan.FromMinutes(2);
    private readonly PeerPins _pins;
    private readonly TimeProvider _time;
    private readonly List<ITimer> _retiring = [];
    private volatile State _state;

    public ServiceCatalog(PeerPins pins, TimeProvider time)
    {
        _pins = pins;
        _time = time;
        _state = new State(FrozenDictionary<string, PublishedService>.Empty, new AllowList([], pins), new PeerOptions());
    }

    /// <summary>The services by name.</summary>
    public FrozenDictionary<string, PublishedService> Services => _state.Services;

    /// <summary>Who may open anything at all.</summary>
    public AllowList Peers => _state.Peers;

    /// <summary>Caps per peer.</summary>
    public PeerOptions PeerLimits => _state.Limits;

    /// <summary>All participant names used in allow lists.</summary>
    public IEnumerable<string> Names => _state.Peers.Names.Concat(_state.Services.Values.SelectMany(s => s.Allow.Names)).Distinct(StringComparer.Ordinal);

    /// <summary>Finds a service by its exact name; names are lower case, so other spellings do not exist.</summary>
    public PublishedService? Find(string name) => _state.Services.GetValueOrDefault(name);

    /// <summary>Puts a validated configuration in force.</summary>
    public void Apply(NodeOptions options)
    {
        FrozenDictionary<string, PublishedService> old = _state.Services;
        var next = new Dictionary<string, PublishedService>(StringComparer.Ordinal);
        var kept = new HashSet<ServiceBackend>();
        foreach ((string name, ServiceOptions service) in options.Services)
        {
            PublishedService? before = old.GetValueOrDefault(name);
            ServiceBackend backend = before is not null && before.Backend.Matches(service) ? before.Backend : new ServiceBackend(service, _time);
            kept.Add(backend);
            next[name] = new PublishedService(name, service, new AllowList(service.Allow, _pins), backend, before?.Connections ?? new ConnectionCount());
        }
        _state = new State(next.ToFrozenDictionary(StringComparer.Ordinal), new AllowList(options.Peers.Allow, _pins), options.Peers);
        foreach (PublishedService service in old.Values)
        {
            if (!kept.Contains(service.Backend))
            {
                Retire(service.Backend);
            }
        }
    }

    public void Dispose()
    {
        lock (_retiring)
        {
            _retiring.ForEach(t => t.Dispose());
        }
        foreach (PublishedService service in _state.Services.Values)
        {
            service.Backend.Dispose();
        }
    }

    private void Retire(ServiceBackend backend)
    {
        lock (_retiring)
        {
            _retiring.Add(_time.CreateTimer(static state => ((ServiceBackend)state!).Dispose(), backend, s_retireAfter, Timeout.InfiniteTimeSpan));
        }
    }

    private sealed record State(FrozenDictionary<string, PublishedService> Services, AllowList Peers, PeerOptions Limits);
}
