using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Tunnel.Identity;

namespace Qanat.Tunnel.Links;

/// <summary>
/// Accepts links of one kind on one address. Each connection has one deadline for its whole handshake, unfinished handshakes are bounded in all and per
/// address, and nothing is kept for a connection that has proven nothing but its socket and a buffer that grows with what came.
/// </summary>
public sealed class LinkListener : IAsyncDisposable
{
    private readonly LinkListenerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LinkAcceptor _acceptor;
    private readonly PendingHandshakes _pending;
    private readonly CancellationTokenSource _stopping = new();
    private Socket? _socket;
    private Task _accepting = Task.CompletedTask;

    /// <summary>Creates a listener; <see cref="Start"/> binds it.</summary>
    /// <param name="identity">The hub's key. Not disposed.</param>
    /// <param name="options">Address, kind and bounds.</param>
    /// <param name="admission">Decides who may join.</param>
    /// <param name="onLink">Takes each accepted link and starts it; when it throws, the link is closed.</param>
    /// <param name="time">Clock.</param>
    /// <param name="metrics">Instruments; null for own ones.</param>
    /// <param name="logger">Log.</param>
    public LinkListener(
        NodeIdentity identity, LinkListenerOptions options, ILinkAdmission admission, Func<AcceptedLink, ValueTask> onLink,
        TimeProvider? time = null, LinkMetrics? metrics = null, ILogger<LinkListener>? logger = null)
    {
        _options = options;
        _time = time ?? TimeProvider.System;
        _logger = logger ?? (ILogger)NullLogger.Instance;
        _acceptor = new LinkAcceptor(identity, options, admission, onLink, _time, metrics ?? new LinkMetrics(), _logger);
        _pending = new PendingHandshakes(options.MaxHandshakes, options.MaxHandshakesPerAddress);
    }

    /// <summary>The address bound, with the real port.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)(_socket ?? throw new InvalidOperationException("The listener has not been started.")).LocalEndPoint!;

    /// <summary>Connections whose handshake is not done.</summary>
    public int PendingCount => _pending.Count;

    /// <summary>Binds and starts accepting.</summary>
    /// <exception cref="SocketException">The address is taken or not of this machine.</exception>
    public void Start()
    {
        Socket socket = new(_options.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(_options.EndPoint);
            socket.Listen(_options.Backlog);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        _socket = socket;
        _logger.Listening(_options.Kind, socket.LocalEndPoint!);
        _accepting = Task.Run(() => AcceptAsync(socket));
    }

    /// <summary>Stops accepting and drops unfinished handshakes. Links already handed over live on.</summary>
    public async ValueTask StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket?.Dispose();
        await _accepting.ConfigureAwait(false);
        _pending.AbortAll();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (_stopping.IsCancellationRequested && (e is OperationCanceledException or ObjectDisposedException or SocketException))
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors or memory, or the peer was gone before it was accepted: never a reason to stop listening.
                _logger.AcceptFailed(e);
                await Task.Delay(TimeSpan.FromMilliseconds(50), _time, CancellationToken.None).ConfigureAwait(false);
                continue;
            }
            _ = ServeAsync(socket);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (socket.RemoteEndPoint is not IPEndPoint remote)
        {
            socket.Dispose();
            return;
        }
        IPAddress address = remote.Address.IsIPv4MappedToIPv6 ? remote.Address.MapToIPv4() : remote.Address;
        using CancellationTokenSource deadline = new(_options.Link.HandshakeTimeout, _time);
        PendingHandshakes.Entry? entry = _pending.TryAdd(address, deadline);
        if (entry is null)
        {
            _logger.TooManyHandshakes(address);
            socket.Dispose();
            return;
        }
        try
        {
            LinkTransport.Tune(socket);
            await _acceptor.AcceptAsync(socket, address, entry, deadline.Token).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            _logger.HandshakeFailed(address, e.Message);
            socket.Dispose();
        }
        finally
        {
            _pending.Remove(entry);
        }
    }
}
