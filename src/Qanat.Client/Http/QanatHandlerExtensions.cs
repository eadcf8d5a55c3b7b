using Qanat.Tunnel;

namespace Qanat.Client.Http;

/// <summary>Sends the requests of an HTTP handler through tunnels.</summary>
public static class QanatHandlerExtensions
{
    /// <summary>
    /// Makes every connection of the handler a tunnel connection. Hosts are <see cref="QanatHost"/> names; any other host is refused
    /// (<see cref="TunnelError.InvalidAddress"/>), so that a peer's redirect cannot point the program at a machine in its own network.
    /// Switches the handler's proxy off. HTTP/1.1, HTTP/2 with prior knowledge (gRPC), WebSocket and <c>https</c> inside the tunnel work as ever.
    /// </summary>
    /// <param name="handler">A handler that has not sent a request yet.</param>
    /// <param name="participant">This program's participant. Not disposed with the handler.</param>
    /// <returns>The handler.</returns>
    public static SocketsHttpHandler UseQanat(this SocketsHttpHandler handler, QanatParticipant participant)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(participant);
        handler.UseProxy = false;
        handler.ConnectCallback = async (context, cancellationToken) =>
            QanatHost.TryParse(context.DnsEndPoint.Host, out QanatEndPoint? target)
                ? new RequestStream(await participant.ConnectAsync(target, cancellationToken).ConfigureAwait(false))
                : throw new TunnelException(
                    TunnelError.InvalidAddress, $"'{context.DnsEndPoint.Host}' is not reached through a tunnel; write http://SERVICE.PARTICIPANT.qanat/.");
        return handler;
    }

    /// <summary>What went wrong in the tunnel when a request failed; <see cref="TunnelError.None"/> when it was not the tunnel.</summary>
    public static TunnelError GetTunnelError(this HttpRequestException exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is TunnelException tunnel)
            {
                return tunnel.Error;
            }
        }
        return TunnelError.None;
    }
}
