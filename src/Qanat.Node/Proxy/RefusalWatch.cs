using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel;

namespace Qanat.Node.Proxy;

/// <summary>
/// Opening a tunnel connection is optimistic: a refusal comes later. CONNECT and SOCKS5 promise a verdict before bytes flow, so the first
/// connection to a service waits a moment for a refusal; once a service has answered, later ones do not wait at all.
/// </summary>
internal sealed class RefusalWatch(TimeSpan wait, TimeProvider time)
{
    private const int MaxKnown = 4096;
    private readonly ConcurrentDictionary<QanatEndPoint, bool> _known = new();

    /// <summary>Waits for a refusal where one is possible.</summary>
    /// <exception cref="TunnelException">The peer refused.</exception>
    public async ValueTask CheckAsync(QanatEndPoint target, ConnectionContext tunnel, CancellationToken cancellationToken)
    {
        if (wait <= TimeSpan.Zero || _known.ContainsKey(target))
        {
            return;
        }
        PipeReader input = tunnel.Transport.Input;
        using var timeout = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            ReadResult result = await input.ReadAsync(either.Token);
            // Whatever it is, nothing was examined: the relay sees it again.
            input.AdvanceTo(result.Buffer.Start);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Silence: the service waits for the client to speak.
        }
    }

    /// <summary>A connection to the service carried data, or did not.</summary>
    public void Report(QanatEndPoint target, bool answered)
    {
        if (!answered)
        {
            _known.TryRemove(target, out _);
        }
        else if (_known.Count < MaxKnown)
        {
            _known.TryAdd(target, true);
        }
    }
}
