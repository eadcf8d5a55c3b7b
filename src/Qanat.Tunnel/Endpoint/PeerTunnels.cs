using Qanat.Wire;

namespace Qanat.Tunnel;

/// <summary>The tunnels to one peer: those this side opened and those the peer opened are equally usable. Safe from any thread.</summary>
internal sealed class PeerTunnels(Mid peer)
{
    private readonly Lock _gate = new();
    private readonly List<Tunnel> _tunnels = [];
    private Task<Tunnel>? _dialing;
    private bool _isRetired;

    public Mid Peer => peer;

    public bool IsRetired
    {
        get
        {
            lock (_gate)
            {
                return _isRetired;
            }
        }
    }

    /// <summary>A tunnel to open connections on; dials one when there is none. Concurrent callers share one dial. Null when retired.</summary>
    public Task<Tunnel>? GetAsync(Func<Mid, Task<Tunnel>> dial)
    {
        lock (_gate)
        {
            if (_isRetired)
            {
                return null;
            }
            foreach (Tunnel tunnel in _tunnels)
            {
                if (tunnel.CanOpen)
                {
                    return Task.FromResult(tunnel);
                }
            }
            return _dialing ??= DialAsync(dial);
        }
    }

    /// <summary>False when retired.</summary>
    public bool TryAdd(Tunnel tunnel)
    {
        lock (_gate)
        {
            if (!_isRetired)
            {
                _tunnels.Add(tunnel);
            }
            return !_isRetired;
        }
    }

    /// <summary>Takes this object out of use when there is no tunnel and none under way. True when it is.</summary>
    public bool TryRetire()
    {
        lock (_gate)
        {
            return _isRetired |= _tunnels.Count == 0 && _dialing is null;
        }
    }

    public void Remove(Tunnel tunnel)
    {
        lock (_gate)
        {
            _tunnels.Remove(tunnel);
        }
    }

    public IReadOnlyList<Tunnel> Snapshot()
    {
        lock (_gate)
        {
            return [.. _tunnels];
        }
    }

    private async Task<Tunnel> DialAsync(Func<Mid, Task<Tunnel>> dial)
    {
        // Off the caller's lock and context.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            return await dial(peer).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _dialing = null;
            }
        }
    }
}
