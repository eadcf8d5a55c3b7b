using Microsoft.AspNetCore.Server.Kestrel.Core;
using Qanat.Tunnel.Access;

namespace Qanat.Client.Serving;

/// <summary>Services that Kestrel serves on this participant's tunnels.</summary>
public sealed class QanatServerOptions
{
    private readonly Dictionary<string, ServedService> _services = new(StringComparer.Ordinal);

    internal IReadOnlyDictionary<string, ServedService> Services => _services;

    /// <summary>
    /// Serves the application under a service name. <paramref name="allow"/> is checked at every connection a peer opens, against the mid that its
    /// layer-2 certificate proves; an empty list admits nobody.
    /// </summary>
    /// <param name="name">1 to 63 characters of a-z, 0-9, '-' and '_'; peers write it first in <c>http://NAME.PARTICIPANT.qanat/</c>.</param>
    /// <param name="allow">Participant names, mids, or <c>*</c> for every participant.</param>
    /// <param name="protocols">HTTP/1.1 with WebSocket, or HTTP/2 with prior knowledge (gRPC).</param>
    /// <returns>The options, for more services.</returns>
    /// <exception cref="ArgumentException">The name is no name, is taken, or the list has an entry that is neither name nor mid.</exception>
    public QanatServerOptions AddService(string name, IEnumerable<string> allow, HttpProtocols protocols = HttpProtocols.Http1)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(allow);
        string service = name.ToLowerInvariant();
        if (service.Length > 63 || service.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
        {
            throw new ArgumentException($"'{name}' is not 1 to 63 characters of a-z, 0-9, '-' and '_'.", nameof(name));
        }
        if (protocols is not (HttpProtocols.Http1 or HttpProtocols.Http2))
        {
            throw new ArgumentException("A service speaks either HTTP/1.1 or HTTP/2; publish two services for both.", nameof(protocols));
        }
        string[] entries = [.. allow];
        if (Array.Find(entries, entry => !AllowList.IsEntry(entry)) is { } wrong)
        {
            throw new ArgumentException($"'{wrong}' on an allow list is neither a participant name, a mid nor '*'.", nameof(allow));
        }
        if (!_services.TryAdd(service, new ServedService(entries, protocols)))
        {
            throw new ArgumentException($"The service '{service}' is served already.", nameof(name));
        }
        return this;
    }
}

/// <summary>One service.</summary>
/// <param name="Allow">Who may use it.</param>
/// <param name="Protocols">What it speaks.</param>
internal sealed record ServedService(IReadOnlyList<string> Allow, HttpProtocols Protocols);
