using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Qanat.Hub.Membership;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Mesh;

/// <summary>
/// The replicated table of hubs. Trust starts from the configured peers: their mids are the roots. A record is believed because its hub signed it, and kept
/// because that hub is trusted; who passed it on does not matter, except that hubs not configured are only taken from trusted ones and only
/// when introductions are allowed. Readers see an immutable snapshot; thread-safe.
/// </summary>
internal sealed class HubTable
{
    /// <summary>Most hubs of a mesh.</summary>
    public const int MaxHubs = 128;

    private static readonly TimeSpan s_future = TimeSpan.FromMinutes(10);
    private readonly Lock _write = new();
    private readonly Lock _saving = new();
    private readonly Dictionary<Mid, byte[]> _unsaved = [];
    private readonly string _ownName;
    private readonly Mid _ownMid;
    private readonly DirectoryStore? _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private ImmutableDictionary<Mid, KnownHub> _hubs = ImmutableDictionary<Mid, KnownHub>.Empty;
    private byte[] _ownRecord = [];
    private bool _acceptIntroduced;

    /// <summary>Creates the table; <see cref="Configure"/> fills it.</summary>
    public HubTable(string ownName, Mid ownMid, DirectoryStore? store, TimeProvider time, ILogger logger) =>
        (_ownName, _ownMid, _store, _time, _logger) = (ownName, ownMid, store, time, logger);

    /// <summary>Raised after the table has changed; on the thread that changed it, outside the lock.</summary>
    public event Action? Changed;

    /// <summary>Raised when there is something for <see cref="Save"/> to do: records are heard on receive loops, which must not wait for the disk.</summary>
    public event Action? Unsaved;

    /// <summary>Hubs whose newest record is not on disk yet.</summary>
    public int UnsavedCount
    {
        get
        {
            lock (_write)
            {
                return _unsaved.Count;
            }
        }
    }

    /// <summary>All trusted hubs but this one.</summary>
    public IReadOnlyCollection<KnownHub> Hubs => [.. _hubs.Values];

    /// <summary>All signed records, this hub's first once it has one: what members and hubs are told.</summary>
    public IReadOnlyList<byte[]> Records =>
        [.. Volatile.Read(ref _ownRecord) is { Length: > 0 } own ? [own] : Array.Empty<byte[]>(), .. _hubs.Values.Where(h => h.Encoded is not null).OrderByDescending(h => h.Configured).ThenBy(h => h.Name, StringComparer.Ordinal).Select(h => h.Encoded!)];

    /// <summary>A trusted hub by mid.</summary>
    public bool TryGet(Mid mid, [NotNullWhen(true)] out KnownHub? hub) => _hubs.TryGetValue(mid, out hub);

    /// <summary>A trusted hub by name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out KnownHub? hub)
    {
        hub = _hubs.Values.FirstOrDefault(h => h.Name == name);
        return hub is not null;
    }

    /// <summary>This hub's own signed record.</summary>
    public void SetOwnRecord(byte[] encoded)
    {
        Volatile.Write(ref _ownRecord, encoded);
        Changed?.Invoke();
    }

    /// <summary>Takes over the configured peers (at the start and on reload). Returns hubs that are trusted no longer.</summary>
    public IReadOnlyList<Mid> Configure(IReadOnlyList<(Mid Mid, string Name, string? Address)> peers, bool acceptIntroduced)
    {
        List<Mid> dropped = [];
        lock (_write)
        {
            _acceptIntroduced = acceptIntroduced;
            bool first = _hubs.IsEmpty;
            ImmutableDictionary<Mid, KnownHub>.Builder hubs = ImmutableDictionary.CreateBuilder<Mid, KnownHub>();
            foreach ((Mid mid, string name, string? address) in peers)
            {
                _hubs.TryGetValue(mid, out KnownHub? known);
                bool sameName = known?.Name == name;
                hubs[mid] = new KnownHub(mid, name, true, address, sameName ? known!.Record : null, sameName ? known!.Encoded : null);
            }
            foreach (KnownHub hub in _hubs.Values.Where(h => !hubs.ContainsKey(h.Mid)))
            {
                // A hub taken out of the configuration loses its trust, unless it was only ever introduced. An introduced one gives way to the bearer of its
                // name that the operator has set: two hubs of one name could speak for each other's members.
                if (acceptIntroduced && !hub.Configured && peers.All(peer => peer.Name != hub.Name))
                {
                    hubs[hub.Mid] = hub;
                }
                else
                {
                    dropped.Add(hub.Mid);
                    _unsaved.Remove(hub.Mid);
                }
            }
            _hubs = hubs.ToImmutable();
            if (first && _store is not null)
            {
                foreach (byte[] record in _store.LoadHubs())
                {
                    Accept(record, save: false, out _);
                }
            }
        }
        lock (_saving)
        {
            foreach (Mid mid in dropped)
            {
                TrySave(() => _store?.DeleteHub(mid));
            }
        }
        Changed?.Invoke();
        return dropped;
    }

    /// <summary>Takes records heard from a trusted hub. Returns how many were news.</summary>
    public int AcceptFrom(Mid trustedHub, IReadOnlyList<byte[]> records)
    {
        int news = 0;
        lock (_write)
        {
            if (!_hubs.ContainsKey(trustedHub))
            {
                return 0;
            }
            foreach (byte[] record in records)
            {
                if (Accept(record, save: true, out KnownHub? hub))
                {
                    news++;
                    _logger.HubLearned(hub.Name, hub.Mid, trustedHub);
                }
            }
        }
        if (news > 0)
        {
            Changed?.Invoke();
            Unsaved?.Invoke();
        }
        return news;
    }

    /// <summary>Writes the newest record of each hub that has a new one. However many came in between, each hub costs one write.</summary>
    public void Save()
    {
        lock (_saving)
        {
            KeyValuePair<Mid, byte[]>[] records;
            lock (_write)
            {
                records = [.. _unsaved];
            }
            foreach ((Mid mid, byte[] record) in records)
            {
                TrySave(() => _store?.SaveHub(mid, record));
                lock (_write)
                {
                    if (_unsaved.TryGetValue(mid, out byte[]? newest) && ReferenceEquals(newest, record))
                    {
                        _unsaved.Remove(mid);
                    }
                }
            }
        }
    }

    private bool Accept(byte[] encoded, bool save, [NotNullWhen(true)] out KnownHub? hub)
    {
        hub = null;
        if (_hubs.Values.Any(h => h.Encoded is not null && h.Encoded.AsSpan().SequenceEqual(encoded))
            || _ownRecord.AsSpan().SequenceEqual(encoded)
            || !HubRecord.TryVerify(encoded, out HubRecord record)
            || record.Mid == _ownMid
            || record.Time > (ulong)(_time.GetUtcNow() + s_future).ToUnixTimeMilliseconds()
            || !ParticipantName.TryNormalize(record.Name, out string? name))
        {
            return false;
        }
        if (_hubs.TryGetValue(record.Mid, out KnownHub? known))
        {
            // A hub may move, but not take another name than the one it is trusted under.
            if (known.Name != name || known.Record?.Time >= record.Time)
            {
                return false;
            }
            hub = known with { Record = record, Encoded = encoded };
        }
        else
        {
            if (!_acceptIntroduced || _hubs.Count >= MaxHubs || name == _ownName || _hubs.Values.Any(h => h.Name == name))
            {
                return false;
            }
            hub = new KnownHub(record.Mid, name, false, null, record, encoded);
        }
        _hubs = _hubs.SetItem(record.Mid, hub);
        if (save && _store is not null)
        {
            _unsaved[record.Mid] = encoded;
        }
        return true;
    }

    private void TrySave(Action save)
    {
        try
        {
            save();
        }
        catch (DirectoryUnavailableException e)
        {
            // The table heals by gossip after a restart.
            _logger.DirectoryUnavailable(e.Message);
        }
    }
}
