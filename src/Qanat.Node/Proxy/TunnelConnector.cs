using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Relay;
using Qanat.Tunnel;

namespace Qanat.Node.Proxy;

/// <summary>Opens tunnel connections for raw relays, within a time bound, and runs the relays.</summary>
internal sealed class TunnelConnector(ITunnelDialer dialer, RefusalWatch refusals, Func<TimeSpan> connectTimeout, TimeProvider time, NodeMetrics metrics, ILogger logger)
{
    /// <summary>Opens a connection.</summary>
    /// <exception cref="TunnelException">With <see cref="TunnelError.HandshakeTimeout"/> when time is up.</exception>
    public async ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(connectTimeout(), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await dialer.ConnectAsync(target, either.Token);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TunnelException(TunnelError.HandshakeTimeout, $"No tunnel to '{target.Participant}' came up within {connectTimeout().TotalSeconds:0} s.", e);
        }
    }

    /// <summary>Opens a connection whose peer has not refused it.</summary>
    /// <exception cref="TunnelException">It was refused, or could not be had.</exception>
    public async ValueTask<ConnectionContext> ConnectCheckedAsync(QanatEndPoint target, CancellationToken cancellationToken)
    {
        ConnectionContext tunnel = await ConnectAsync(target, cancellationToken);
        try
        {
            await refusals.CheckAsync(target, tunnel, cancellationToken);
            return tunnel;
        }
        catch
        {
            await tunnel.DisposeAsync();
            throw;
        }
    }

    /// <summary>Relays until both directions have ended. Disposes the tunnel connection.</summary>
    public async Task RelayAsync(ConnectionContext local, ConnectionContext tunnel, QanatEndPoint target)
    {
        await using (tunnel)
        {
            ClientRelayResult result = await ClientRelay.RunAsync(local, tunnel);
            refusals.Report(target, result.BytesIn > 0);
            metrics.Relayed(result.BytesOut, result.BytesIn);
            logger.RelayEnded(target.ToString(), result.BytesOut, result.BytesIn, result.Failure is TunnelException e ? e.Code : result.Failure is null ? "ok" : "reset");
        }
    }
}
