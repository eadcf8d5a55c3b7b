using System.Net;
using System.Net.Sockets;

namespace Qanat.Tunnel;

/// <summary>A service served on the own tunnels, to listen on: <c>qanat:service</c>. Immutable.</summary>
public sealed class QanatServiceEndPoint : EndPoint, IEquatable<QanatServiceEndPoint>
{
    /// <summary>Creates the address of a service; the name is made lower-case.</summary>
    public QanatServiceEndPoint(string service)
    {
        ArgumentException.ThrowIfNullOrEmpty(service);
        Service = service.ToLowerInvariant();
    }

    /// <summary>Unspecified: no kind of socket address. Kestrel's metrics ask for it.</summary>
    public override AddressFamily AddressFamily => AddressFamily.Unspecified;

    /// <summary>Service name, lower-case.</summary>
    public string Service { get; }

    /// <inheritdoc/>
    public bool Equals(QanatServiceEndPoint? other) => other is not null && other.Service == Service;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as QanatServiceEndPoint);

    /// <inheritdoc/>
    public override int GetHashCode() => Service.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => $"qanat:{Service}";
}
