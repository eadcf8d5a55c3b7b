using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Options;
using Qanat.Node.Proxy;
using Qanat.Node.Services;
using Qanat.Tunnel;
using Qanat.Tunnel.Mux;

namespace Qanat.Node.Forwards;

/// <summary>One local TCP port whose connections go to one remote service. The target may change while it runs.</summary>
internal sealed class ForwardListener : IAsyncDisposable
{
    private readonly TunnelConnector _connector;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _logger;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConnectionCount _connections = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Target _target;
    // Connections that are served, and one for the accepting itself.
    private int _running = 1;

    public ForwardListener(ForwardOptions options, TunnelConnector connector, NodeMetrics metrics, ILogger logger)
    {
        (_connector, _metrics, _logger) = (connector, metrics, logger);
        _target = Target.From(options);
        IPEndPoint endPoint = IPEndPoint.Parse(options.Listen);
        _listener = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(endPoint);
            _listener.Listen(512);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _logger.ForwardListening(EndPoint, options.To);
        _ = RunAsync();
    }

    /// <summary>The address bound.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>New connections go by the new settings; those open carry on.</summary>
    public void Change(ForwardOptions options) => _target = Target.From(options);

    /// <summary>Takes no new connections. Those open carry on until <see cref="DisposeAsync"/>.</summary>
    public void StopAccepting() => _listener.Dispose();

    /// <summary>Takes no new connections, and completes when those open have ended.</summary>
    public Task DrainAsync(CancellationToken cancellationToken)
    {
        StopAccepting();
        return _drained.Task.WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        StopAccepting();
        await _stop.CancelAsync();
        await _drained.Task;
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _running) == 0)
        {
            _drained.TrySetResult();
        }
    }

    private async Task RunAsync()
    {
        await AcceptAsync();
        Leave();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptAsync();
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                if (e.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted or SocketError.InvalidArgument)
                {
                    return;
                }
                // Out of descriptors, or the client was gone before it was accepted.
                await Task.Delay(TimeSpan.FromMilliseconds(50));
                continue;
            }
            Interlocked.Increment(ref _running);
            _ = ServeAsync(client, _target);
        }
    }

    private async Task ServeAsync(Socket client, Target target)
    {
        if (!_connections.TryEnter(target.MaxConnections))
        {
            client.Close(0);
            Leave();
            return;
        }
        try
        {
            client.NoDelay = true;
            _metrics.Connection("forward");
            ConnectionContext tunnel = await _connector.ConnectAsync(target.EndPoint, _stop.Token);
            RelayResult result = await StreamRelay.RunAsync(tunnel, client, _stop.Token);
            _metrics.Relayed(result.ToTunnel, result.FromTunnel);
            _logger.RelayEnded(target.EndPoint.ToString(), result.ToTunnel, result.FromTunnel, result.IsComplete ? "ok" : "reset");
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            _logger.ConnectFailed(target.EndPoint.ToString(), e is TunnelException tunnel ? tunnel.Code : "cancelled", e.Message);
            client.Close(0);
        }
#pragma warning disable CA1031 // Nobody awaits this task: whatever went wrong, the client must see an end and the log a cause.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _logger.HandlerFailed(e);
            client.Close(0);
        }
        finally
        {
            _connections.Leave();
            Leave();
        }
    }

    private sealed record Target(QanatEndPoint EndPoint, int MaxConnections)
    {
        public static Target From(ForwardOptions options) => new(QanatEndPoint.Parse(options.To), options.MaxConnections);
    }
}
