using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Qanat.Wire;

namespace Qanat.Tunnel;

/// <summary>
/// Listener of one service for Kestrel or any other connection server: hands on the connections that tunnels accept. Thread-safe.
/// </summary>
public sealed class TunnelConnectionListener : IConnectionListener
{
    private const int Backlog = 4096;

    private readonly Channel<ConnectionContext> _accepted =
        Channel.CreateBounded<ConnectionContext>(new BoundedChannelOptions(Backlog) { FullMode = BoundedChannelFullMode.Wait });

    private readonly Action<TunnelConnectionListener>? _unbound;

    /// <summary>Creates a listener that is not in any registry.</summary>
    public TunnelConnectionListener(QanatServiceEndPoint endPoint) : this(endPoint, null)
    {
    }

    internal TunnelConnectionListener(QanatServiceEndPoint endPoint, Action<TunnelConnectionListener>? unbound)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        ServiceEndPoint = endPoint;
        _unbound = unbound;
    }

    /// <summary>The service listened on.</summary>
    public QanatServiceEndPoint ServiceEndPoint { get; }

    /// <inheritdoc/>
    public EndPoint EndPoint => ServiceEndPoint;

    /// <summary>
    /// Hands a connection to the server behind the listener; call from <see cref="IStreamAcceptor.ServeAsync"/>. Completes when the connection is closed.
    /// Refuses it when the server does not keep up (<see cref="MuxResetReason.TooManyConnections"/>) or has stopped (<see cref="MuxResetReason.ShuttingDown"/>).
    /// </summary>
    public async Task ServeAsync(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        CancellationTokenRegistration registration =
            connection.ConnectionClosed.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), closed);
        await using (registration.ConfigureAwait(false))
        {
            if (_accepted.Writer.TryWrite(connection))
            {
                await closed.Task.ConfigureAwait(false);
                return;
            }
        }
        Refuse(connection, _accepted.Reader.Completion.IsCompleted ? MuxResetReason.ShuttingDown : MuxResetReason.TooManyConnections);
    }

    /// <summary>The next connection; null after <see cref="UnbindAsync"/>.</summary>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out ConnectionContext? connection))
            {
                return connection;
            }
        }
        return null;
    }

    /// <inheritdoc/>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        if (_accepted.Writer.TryComplete())
        {
            _unbound?.Invoke(this);
            while (_accepted.Reader.TryRead(out ConnectionContext? waiting))
            {
                Refuse(waiting, MuxResetReason.ShuttingDown);
            }
        }
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => UnbindAsync();

    private static void Refuse(ConnectionContext connection, MuxResetReason reason)
    {
        if (connection.Features.Get<ITunnelPeerFeature>() is { } tunnel)
        {
            tunnel.Reset(reason);
        }
        else
        {
            connection.Abort();
        }
    }
}

/// <summary>
/// Lets Kestrel listen on <see cref="QanatServiceEndPoint"/>s beside its ordinary TCP endpoints, and finds the listener of a service for an
/// <see cref="IStreamAcceptor"/>. Register one instance as <see cref="IConnectionListenerFactory"/>. Thread-safe.
/// </summary>
public sealed class TunnelConnectionListenerFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly ConcurrentDictionary<string, TunnelConnectionListener> _listeners = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is QanatServiceEndPoint;

    /// <inheritdoc/>
    /// <exception cref="AddressInUseException">The service is bound already.</exception>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not QanatServiceEndPoint service)
        {
            throw new ArgumentException($"Only a {nameof(QanatServiceEndPoint)} can be bound, not '{endpoint}'.", nameof(endpoint));
        }
        TunnelConnectionListener listener = new(service, unbound => _listeners.TryRemove(new(unbound.ServiceEndPoint.Service, unbound)));
        if (!_listeners.TryAdd(service.Service, listener))
        {
            throw new AddressInUseException($"The service '{service.Service}' has a listener already.");
        }
        return new ValueTask<IConnectionListener>(listener);
    }

    /// <summary>The listener of a service, as named in OPEN; letter case does not matter.</summary>
    public bool TryGet(string service, [NotNullWhen(true)] out TunnelConnectionListener? listener)
    {
        ArgumentNullException.ThrowIfNull(service);
        return _listeners.TryGetValue(service, out listener) || _listeners.TryGetValue(service.ToLowerInvariant(), out listener);
    }
}
