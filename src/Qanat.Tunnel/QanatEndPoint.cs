using System.Net;
using System.Net.Sockets;

namespace Qanat.Tunnel;

/// <summary>
/// Address of a service of a participant: <c>qanat://participant/service</c>. The participant is a name
/// (<c>hospital-b</c>, <c>hospital-b.hub-west</c>) or a mid. Immutable.
/// </summary>
public sealed class QanatEndPoint : EndPoint, IEquatable<QanatEndPoint>
{
    /// <summary>Creates an address; both parts are made lower-case.</summary>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidAddress"/> when a part is empty or not made of name characters.</exception>
    public QanatEndPoint(string participant, string service)
    {
        Participant = Check(participant, "participant");
        Service = Check(service, "service");
    }

    /// <summary>Unspecified: no kind of socket address. Kestrel's metrics ask for it.</summary>
    public override AddressFamily AddressFamily => AddressFamily.Unspecified;

    /// <summary>Participant name or mid, lower-case.</summary>
    public string Participant { get; }

    /// <summary>Service name, lower-case; at most 63 characters.</summary>
    public string Service { get; }

    /// <summary>Parses <c>qanat://participant/service</c>.</summary>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidAddress"/>.</exception>
    public static QanatEndPoint Parse(string address)
    {
        const string Scheme = "qanat://";
        if (address.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            string[] parts = address[Scheme.Length..].TrimEnd('/').Split('/');
            if (parts.Length == 2)
            {
                return new QanatEndPoint(parts[0], parts[1]);
            }
        }
        throw new TunnelException(TunnelError.InvalidAddress, $"'{address}' is not a Qanat address; write qanat://participant/service.");
    }

    private static string Check(string part, string what)
    {
        int limit = what == "service" ? 63 : 127;
        if (part.Length == 0 || part.Length > limit || part.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')))
        {
            throw new TunnelException(TunnelError.InvalidAddress, $"The {what} '{part}' must be 1 to {limit} characters of a-z, 0-9, '-', '_' or '.'.");
        }
        return part.ToLowerInvariant();
    }

    /// <inheritdoc/>
    public bool Equals(QanatEndPoint? other) => other is not null && other.Participant == Participant && other.Service == Service;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as QanatEndPoint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Participant, Service);

    /// <inheritdoc/>
    public override string ToString() => $"qanat://{Participant}/{Service}";
}
