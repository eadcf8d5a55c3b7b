using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Options;
using Qanat.Node.Proxy;

namespace Qanat.Node.Forwards;

/// <summary>All static forwards, by listening address. A reload touches only what changed.</summary>
internal sealed class ForwardSet(TunnelConnector connector, NodeMetrics metrics, ILogger logger) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ForwardListener> _listeners = new(StringComparer.Ordinal);
    private readonly List<ForwardListener> _retired = [];

    /// <summary>Addresses bound, by the address configured.</summary>
    public IReadOnlyDictionary<string, IPEndPoint> EndPoints
    {
        get
        {
            lock (_lock)
            {
                return _listeners.ToDictionary(l => l.Key, l => l.Value.EndPoint, StringComparer.Ordinal);
            }
        }
    }

    /// <summary>Puts a validated list in force.</summary>
    /// <exception cref="AggregateException">Some addresses could not be bound; the others are in force.</exception>
    public void Apply(IReadOnlyList<ForwardOptions> forwards)
    {
        var failures = new List<Exception>();
        lock (_lock)
        {
            foreach (string gone in _listeners.Keys.Except(forwards.Select(f => f.Listen), StringComparer.Ordinal).ToList())
            {
                // Streams in flight are not dropped.
                _retired.Add(_listeners[gone]);
                _ = ForgetWhenDrainedAsync(_listeners[gone]);
                _listeners.Remove(gone);
                logger.ForwardClosed(gone);
            }
            foreach (ForwardOptions forward in forwards)
            {
                if (_listeners.TryGetValue(forward.Listen, out ForwardListener? running))
                {
                    running.Change(forward);
                    continue;
                }
                try
                {
                    _listeners[forward.Listen] = new ForwardListener(forward, connector, metrics, logger);
                }
                catch (SocketException e)
                {
                    failures.Add(new IOException($"forwards: cannot listen on {forward.Listen}: {e.Message}", e));
                }
            }
        }
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    /// <summary>Forwards that were taken out and still have connections.</summary>
    public int RetiredCount
    {
        get
        {
            lock (_lock)
            {
                return _retired.Count;
            }
        }
    }

    /// <summary>Takes no new connections, and completes when those open have ended.</summary>
    public Task DrainAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return Task.WhenAll([.. _listeners.Values.Concat(_retired).Select(listener => listener.DrainAsync(cancellationToken))]);
        }
    }

    public async ValueTask DisposeAsync()
    {
        List<ForwardListener> all;
        lock (_lock)
        {
            all = [.. _listeners.Values, .. _retired];
            _listeners.Clear();
            _retired.Clear();
        }
        foreach (ForwardListener listener in all)
        {
            await listener.DisposeAsync();
        }
    }

    private async Task ForgetWhenDrainedAsync(ForwardListener listener)
    {
        await listener.DrainAsync(CancellationToken.None);
        lock (_lock)
        {
            _retired.Remove(listener);
        }
        await listener.DisposeAsync();
    }
}
