using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Qanat.Hub.Admin;

/// <summary>
/// Guards the admin listener: the Host header must be the listener's own name (a web page cannot rebind a DNS name to it), and everything under
/// <c>/api/</c> needs the bearer token of the data folder.
/// </summary>
internal sealed class AdminGuard(string token, IPEndPoint listen, Func<IReadOnlyList<string>> allowedHosts)
{
    private readonly byte[] _token = SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>May this request's Host header be?</summary>
    public bool IsHostAllowed(HostString host)
    {
        string name = host.Host.Trim('[', ']');
        if (name is "localhost" || allowedHosts().Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            return true;
        }
        // An address cannot be rebound; but only loopback, or the very address listened on.
        return IPAddress.TryParse(name, out IPAddress? address)
            && (IPAddress.IsLoopback(address) || address.Equals(listen.Address) || listen.Address.Equals(IPAddress.Any) || listen.Address.Equals(IPAddress.IPv6Any));
    }

    /// <summary>Does the request carry the token?</summary>
    public bool IsAuthorized(HttpRequest request)
    {
        string header = request.Headers.Authorization.ToString();
        const string Scheme = "Bearer ";
        // Hashing first makes the comparison independent of length.
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim())), _token);
    }
}
