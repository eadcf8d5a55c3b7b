using System.Net.Security;
using System.Net.Sockets;

namespace Qanat.Tunnel.Links;

/// <summary>The byte stream under a link. One reader and one writer at a time; disposing aborts both.</summary>
internal abstract class LinkTransport : IDisposable
{
    private const int TcpNotSentLowAt = 25;
    private const int IpProtoTcp = 6;

    /// <summary>Bytes that the kernel may hold unsent: enough to fill the wire, little enough that new frames do not wait long behind it.</summary>
    private const int NotSentLowAtBytes = 256 * 1024;

    public abstract ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Tells the peer that nothing more will come.</summary>
    public abstract ValueTask ShutdownSendAsync();

    public abstract void Dispose();

    public static void Tune(Socket socket)
    {
        socket.NoDelay = true;
        if (OperatingSystem.IsLinux())
        {
            try
            {
                socket.SetRawSocketOption(IpProtoTcp, TcpNotSentLowAt, BitConverter.GetBytes(NotSentLowAtBytes));
            }
            catch (SocketException)
            {
                // A tuning hint only: some sandboxes refuse the option, and the link is right without it.
            }
        }
    }

    protected static void TryShutdownSend(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer was faster.
        }
    }
}

/// <summary>Plain TCP.</summary>
internal sealed class SocketTransport(Socket socket) : LinkTransport
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            int sent = await socket.SendAsync(bytes, SocketFlags.None, cancellationToken).ConfigureAwait(false);
            bytes = bytes[sent..];
        }
    }

    public override ValueTask ShutdownSendAsync()
    {
        TryShutdownSend(socket);
        return default;
    }

    public override void Dispose() => socket.Dispose();
}

/// <summary>TLS over TCP (wss).</summary>
internal sealed class TlsTransport(SslStream stream, Socket socket) : LinkTransport
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) => stream.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => stream.WriteAsync(bytes, cancellationToken);

    public override async ValueTask ShutdownSendAsync()
    {
        await stream.ShutdownAsync().ConfigureAwait(false);
        TryShutdownSend(socket);
    }

    public override void Dispose() => stream.Dispose();
}
