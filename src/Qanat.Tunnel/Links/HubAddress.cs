using System.Security.Cryptography.X509Certificates;
using Qanat.Wire;

namespace Qanat.Tunnel.Links;

/// <summary>A hub that a node may link to.</summary>
/// <param name="Address"><c>ws://</c> or <c>wss://</c>.</param>
/// <param name="Mid">The mid the hub must prove; null accepts any at first, and from then on only that one.</param>
public sealed record HubAddress(Uri Address, Mid? Mid)
{
    /// <summary>HTTP forward proxy on the way (<see cref="LinkTarget.HttpProxy"/>); none when null. It may hold a password and is no part of <see cref="ToString"/>.</summary>
    public Uri? HttpProxy { get; init; }

    /// <summary>For <c>wss</c>: roots to trust in place of the system's.</summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Mid is { } mid ? $"{Address} ({mid})" : Address.ToString();
}

/// <summary>A link that a hub has welcomed, not started yet, and what the hub said.</summary>
/// <param name="Link">The link; whoever gets it owns it.</param>
/// <param name="HubName">The hub's name, as it says.</param>
/// <param name="ParticipantName">The name this member has in the directory.</param>
/// <param name="Ticket">A new membership ticket.</param>
/// <param name="HubTable">Signed hub records.</param>
public sealed record HubLink(Link Link, string? HubName, string? ParticipantName, byte[]? Ticket, IReadOnlyList<byte[]> HubTable);

/// <summary>Makes links to hubs.</summary>
public interface ILinkConnector
{
    /// <summary>Connects and performs the link handshake.</summary>
    /// <exception cref="TunnelException">The hub cannot be reached, is not the one expected, or refuses.</exception>
    Task<HubLink> ConnectAsync(HubAddress hub, CancellationToken cancellationToken);
}
