using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Qanat.Wire;

namespace Qanat.Tunnel.Links;

/// <summary>Where to dial a link to.</summary>
public sealed record LinkTarget
{
    /// <summary><c>ws://host[:port][/path]</c>, <c>wss://...</c>, or <c>tcp://host:port</c> (hub to hub).</summary>
    public required Uri Address { get; init; }

    /// <summary>The mid the hub must prove; any when null.</summary>
    public Mid? ExpectedMid { get; init; }

    /// <summary>HTTP forward proxy to CONNECT through (<c>http://[user:password@]host:port</c>); none when null.</summary>
    public Uri? HttpProxy { get; init; }

    /// <summary>For <c>wss</c>: roots to trust in place of the system's.</summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>For <c>wss</c>: SHA-256 of the one SubjectPublicKeyInfo to accept, whatever its chain says.</summary>
    public ReadOnlyMemory<byte>? PinnedKeySha256 { get; init; }

    /// <summary>Reads the address of a forward proxy, <c>http://[user:password@]host:port</c>.</summary>
    /// <param name="text">The address; holds a secret when it has a password.</param>
    /// <param name="proxy">The address as <see cref="HttpProxy"/> takes it.</param>
    public static bool TryParseHttpProxy(string text, [NotNullWhen(true)] out Uri? proxy) =>
        Uri.TryCreate(text, UriKind.Absolute, out proxy) && proxy.Scheme == Uri.UriSchemeHttp && proxy.Host.Length > 0 && proxy.PathAndQuery == "/" && proxy.Fragment.Length == 0;

    /// <summary>The default port when the address has none.</summary>
    internal int Port => Address.Port > 0 ? Address.Port : Address.Scheme == "wss" ? 443 : 80;

    internal EndPoint EndPoint => ToEndPoint(Address.IdnHost, Port);

    /// <summary>An end point for a name or a literal address.</summary>
    internal static EndPoint ToEndPoint(string host, int port) =>
        IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);
}
