using System.Net;
using System.Net.Sockets;

namespace Qanat.Tls.AspNetCore;

/// <summary>Dials servers of TLCP and TLS 1.3-SM.</summary>
public static class SmTlsDialer
{
    // The forms of a key exchange and of a hello that servers differ in; see SmPeerDialects.
    private const int MaxAttempts = 4;

    /// <summary>
    /// Connects and does the handshake. <see cref="SmSslClientAuthenticationOptions.TargetHost"/> and <see cref="SmSslClientAuthenticationOptions.PeerName"/> are taken from
    /// <paramref name="server"/> when they are not set. A server that gives up on a form of TLCP's messages which some servers do not know is dialed again with the next form,
    /// as long as there is one to learn (<see cref="SmSslClientAuthenticationOptions.PeerDialects"/>).
    /// </summary>
    /// <param name="server">Host and port.</param>
    /// <param name="options">What is wanted; not changed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The authenticated stream; the caller disposes it.</returns>
    /// <exception cref="SmTlsException">The handshake failed.</exception>
    /// <exception cref="SocketException">The server cannot be reached.</exception>
    public static async Task<SmSslStream> ConnectAsync(DnsEndPoint server, SmSslClientAuthenticationOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(options);
        SmSslClientAuthenticationOptions wanted = options.Clone();
        wanted.TargetHost ??= server.Host;
        wanted.PeerName ??= $"{server.Host}:{server.Port}";
        wanted.Validate();
        for (int attempt = 1; ; attempt++)
        {
            (SmTlcpDialect, SmTlcpDialect) before = Dialects(wanted);
            Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            SmSslStream? stream = null;
            try
            {
                await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
                stream = new SmSslStream(new NetworkStream(socket, ownsSocket: true));
                await stream.AuthenticateAsClientAsync(wanted, cancellationToken).ConfigureAwait(false);
                return stream;
            }
            catch (Exception e)
            {
                if (stream is not null)
                {
                    await stream.DisposeAsync().ConfigureAwait(false);
                }
                socket.Dispose();
                // SmTlsException is one; a reset of a server that did not like what it read is another. A silent server is not asked in four forms: that would be four time limits.
                if (e is not IOException or SmTlsException { Error: SmTlsError.HandshakeTimeout } || attempt == MaxAttempts || Dialects(wanted) == before)
                {
                    throw;
                }
            }
        }
    }

    private static (SmTlcpDialect, SmTlcpDialect) Dialects(SmSslClientAuthenticationOptions options) =>
        options.Protocol == SmProtocol.Tlcp && options.TlcpDialect is null && options.PeerDialects is { } known
            ? (known.Get(options.PeerName!, isEcdhe: false), known.Get(options.PeerName!, isEcdhe: true))
            : (SmTlcpDialect.Standard, SmTlcpDialect.Standard);
}
