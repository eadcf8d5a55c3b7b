using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Qanat.Node.Proxy;

/// <summary>Direct sending on an accepted connection that will become a raw relay: from the first byte on, all is sent on the socket, none through the pipe.</summary>
internal static class ClientSocket
{
    public static async ValueTask SendAsync(ConnectionContext client, ReadOnlyMemory<byte> bytes)
    {
        if (client.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
        {
            await socket.SendAsync(bytes, SocketFlags.None, CancellationToken.None);
        }
        else
        {
            await client.Transport.Output.WriteAsync(bytes);
        }
    }
}
