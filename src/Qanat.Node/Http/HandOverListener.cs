using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Qanat.Node.Http;

/// <summary>Address of an in-memory listener.</summary>
internal sealed class HandOverEndPoint(string name) : EndPoint
{
    public override System.Net.Sockets.AddressFamily AddressFamily => System.Net.Sockets.AddressFamily.Unspecified;

    public HandOverListener Listener { get; } = new();

    public override string ToString() => $"memory:{name}";
}

/// <summary>A listener without a port: Kestrel accepts what <see cref="TryHandOver"/> was given.</summary>
internal sealed class HandOverListener : IConnectionListener
{
    private readonly Channel<ConnectionContext> _connections = Channel.CreateUnbounded<ConnectionContext>(new UnboundedChannelOptions { SingleReader = true });

    public EndPoint EndPoint { get; internal set; } = null!;

    /// <summary>False when the listener is closed: the connection was not taken. Callers bound the number of connections.</summary>
    public bool TryHandOver(ConnectionContext connection) => _connections.Writer.TryWrite(connection);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _connections.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_connections.Reader.TryRead(out ConnectionContext? connection))
            {
                return connection;
            }
        }
        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _connections.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _connections.Writer.TryComplete();
        while (_connections.Reader.TryRead(out ConnectionContext? connection))
        {
            connection.Abort();
        }
        return ValueTask.CompletedTask;
    }
}

/// <summary>Binds <see cref="HandOverEndPoint"/> in memory and everything else as sockets; remembers the sockets' real addresses.</summary>
internal sealed class NodeTransportFactory(ILoggerFactory loggers, int backlog = 4096) : IConnectionListenerFactory
{
    private readonly SocketTransportFactory _sockets = new(Microsoft.Extensions.Options.Options.Create(new SocketTransportOptions { Backlog = backlog, NoDelay = true }), loggers);

    /// <summary>Address of the last socket bound.</summary>
    public EndPoint? BoundEndPoint { get; private set; }

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is HandOverEndPoint memory)
        {
            memory.Listener.EndPoint = endpoint;
            return memory.Listener;
        }
        IConnectionListener listener = await _sockets.BindAsync(endpoint, cancellationToken);
        BoundEndPoint = listener.EndPoint;
        return listener;
    }
}
