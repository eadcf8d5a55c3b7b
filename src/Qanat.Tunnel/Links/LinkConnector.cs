using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

/// <summary>Brings a dialed link up to where the link handshake starts: TCP, forward proxy, TLS, WebSocket upgrade.</summary>
internal static class LinkConnector
{
    public static async ValueTask<Socket> ConnectAsync(LinkTarget target, CancellationToken cancellationToken)
    {
        EndPoint endPoint = target.HttpProxy is { } proxy ? LinkTarget.ToEndPoint(proxy.IdnHost, proxy.Port) : target.EndPoint;
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            LinkTransport.Tune(socket);
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            string what = target.HttpProxy is null ? "hub" : "HTTP proxy";
            throw new TunnelException(TunnelError.HubUnreachable, $"The {what} at {Describe(endPoint)} cannot be reached: {e.Message}.", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static async ValueTask<LinkTransport> SecureAsync(LinkTarget target, Socket socket, CancellationToken cancellationToken)
    {
        SocketTransport plain = new(socket);
        if (target.HttpProxy is { } proxy)
        {
            await PassProxyAsync(target, proxy, plain, cancellationToken).ConfigureAwait(false);
        }
        if (target.Address.Scheme != "wss")
        {
            return plain;
        }
        SslStream tls = new(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await tls.AuthenticateAsClientAsync(TlsOptions(target), cancellationToken).ConfigureAwait(false);
            return new TlsTransport(tls, socket);
        }
        catch (AuthenticationException e)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw new TunnelException(TunnelError.UntrustedCertificate, $"The hub's TLS certificate is not accepted: {e.Message}", e);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public static async ValueTask UpgradeAsync(LinkTarget target, LinkTransport transport, HandshakeChannel channel, CancellationToken cancellationToken)
    {
        string key = WebSocketUpgrade.CreateKey();
        byte[] request = WebSocketUpgrade.WriteRequest(HostHeader(target), target.Address.PathAndQuery, key);
        await transport.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        int status = 0;
        bool isUpgraded = await channel.ReadHeadAsync(
            (ReadOnlySpan<byte> head, out int consumed) => WebSocketUpgrade.TryReadResponse(head, key, out consumed, out status), cancellationToken).ConfigureAwait(false);
        if (!isUpgraded)
        {
            throw status is 0 or 101
                ? new TunnelException(TunnelError.ProtocolError, $"What answers at {target.Address} is not a Qanat hub.")
                : new TunnelException(TunnelError.HubUnreachable, $"What answers at {target.Address} refused the WebSocket with HTTP status {status}.");
        }
    }

    /// <summary>The Host header of the upgrade: RFC 3986 section 3.2.2 puts an IPv6 literal in brackets, with a port or without.</summary>
    internal static string HostHeader(LinkTarget target) =>
        target.Address.IsDefaultPort ? Bracketed(target.Address.IdnHost) : $"{Bracketed(target.Address.IdnHost)}:{target.Port}";

    private static async ValueTask PassProxyAsync(LinkTarget target, Uri proxy, SocketTransport transport, CancellationToken cancellationToken)
    {
        string[] user = proxy.UserInfo.Length == 0 ? [] : proxy.UserInfo.Split(':', 2);
        byte[] request = HttpConnect.WriteRequest(
            $"{Bracketed(target.Address.IdnHost)}:{target.Port}",
            user.Length > 0 ? Uri.UnescapeDataString(user[0]) : null,
            user.Length > 1 ? Uri.UnescapeDataString(user[1]) : "");
        await transport.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        using HandshakeChannel channel = new(transport, LinkFraming.LengthPrefixed);
        int status = 0;
        bool isOpen = await channel.ReadHeadAsync(
            (ReadOnlySpan<byte> head, out int consumed) => HttpConnect.TryReadResponse(head, out consumed, out status), cancellationToken).ConfigureAwait(false);
        if (!isOpen || channel.Leftover.Length > 0)
        {
            throw new TunnelException(TunnelError.HubUnreachable, $"The HTTP proxy {proxy.IdnHost}:{proxy.Port} did not open a way to {target.Address.IdnHost}:{target.Port} (HTTP status {status}).");
        }
    }

    private static SslClientAuthenticationOptions TlsOptions(LinkTarget target)
    {
        SslClientAuthenticationOptions options = new() { TargetHost = target.Address.IdnHost };
        if (target.PinnedKeySha256 is { } pin)
        {
            options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is X509Certificate2 leaf
                && CryptographicOperations.FixedTimeEquals(SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo()), pin.Span);
        }
        else if (target.TrustedRoots is { } roots)
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(roots);
            options.CertificateChainPolicy = policy;
        }
        return options;
    }

    private static string Bracketed(string host) => host.Contains(':', StringComparison.Ordinal) && host[0] != '[' ? $"[{host}]" : host;

    private static string Describe(EndPoint endPoint) => endPoint is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : endPoint.ToString()!;
}
