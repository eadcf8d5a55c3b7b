using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Links;

/// <summary>The hubs a node knows: the configured ones in their order, then those its hub told of. Safe from any thread.</summary>
internal sealed class HubList
{
    private const int MaxLearned = 64;
    private readonly Lock _gate = new();
    private IReadOnlyList<HubAddress> _configured;
    private readonly Dictionary<Uri, Mid> _pins = [];
    private List<HubAddress> _learned = [];

    public HubList(IReadOnlyList<HubAddress> configured, IReadOnlyList<HubAddress> learned, IReadOnlyList<HubAddress>? pinned = null)
    {
        foreach (HubAddress pin in pinned ?? [])
        {
            if (pin.Mid is { } mid)
            {
                _pins[pin.Address] = mid;
            }
        }
        _configured = configured;
        _learned = [.. learned.Take(MaxLearned)];
    }

    public IReadOnlyList<HubAddress> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _configured.Select(Pinned), .. _learned.Where(hub => !_configured.Any(known => IsSame(known, hub))).Select(ReachedAlike)];
            }
        }
    }

    /// <summary>Takes the key that a hub configured without a mid has proven: that hub and no other from now on. False when there is nothing new in it.</summary>
    public bool TryPin(HubAddress hub, Mid proven)
    {
        lock (_gate)
        {
            return hub.Mid is null && _pins.TryAdd(hub.Address, proven);
        }
    }

    private HubAddress Pinned(HubAddress hub) => hub.Mid is null && _pins.TryGetValue(hub.Address, out Mid pinned) ? hub with { Mid = pinned } : hub;

    // What leads to the configured hubs leads to those they tell of: a site that needs a forward proxy needs it for each.
    private HubAddress ReachedAlike(HubAddress learned)
    {
        HubAddress? like = _configured.FirstOrDefault(known => known.Mid is { } mid && mid == learned.Mid) ?? (_configured.Count > 0 ? _configured[0] : null);
        return like is null ? learned : learned with { HttpProxy = like.HttpProxy, TrustedRoots = like.TrustedRoots };
    }

    public void Configure(IReadOnlyList<HubAddress> configured)
    {
        lock (_gate)
        {
            _configured = configured;
        }
    }

    /// <summary>
    /// Takes the hub table of an authenticated hub. Each record is signed by the hub it tells of, whose mid must be proven when it is dialed.
    /// Returns the new list of learned hubs when it changed, else null.
    /// </summary>
    public IReadOnlyList<HubAddress>? Learn(IReadOnlyList<byte[]> records)
    {
        List<HubAddress> learned = [];
        foreach (byte[] encoded in records)
        {
            if (!HubRecord.TryVerify(encoded, out HubRecord record))
            {
                continue;
            }
            foreach (string text in record.NodeAddresses)
            {
                // What a stranger's record makes this node ask for is a plain path, nothing that a server near here may act on.
                if (learned.Count < MaxLearned && Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "ws" or "wss"
                    && address.Query.Length == 0 && address.Fragment.Length == 0 && address.UserInfo.Length == 0)
                {
                    learned.Add(new HubAddress(address, record.Mid));
                }
            }
        }
        lock (_gate)
        {
            if (learned.Count == 0 || learned.SequenceEqual(_learned))
            {
                return null;
            }
            _learned = learned;
            return learned;
        }
    }

    /// <summary>The same address, or the same host and port of the same hub. Two addresses of one hub are two ways to it.</summary>
    public static bool IsSame(HubAddress left, HubAddress right) =>
        left.Address == right.Address || (left.Mid is { } mid && right.Mid == mid && left.Address.Host == right.Address.Host && left.Address.Port == right.Address.Port);
}
