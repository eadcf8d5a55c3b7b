using Qanat.Tunnel.Identity;
using Qanat.Wire;

namespace Qanat.Tunnel.Links;

/// <summary>What the dialing end says of itself.</summary>
public sealed record LinkIntroduction
{
    /// <summary>A node or a hub.</summary>
    public required LinkRole Role { get; init; }

    /// <summary>Enrolment token, for a first join. Not disposed by the dialer.</summary>
    public EnrolmentToken? Token { get; init; }

    /// <summary>Participant name wished for at enrolment.</summary>
    public string? RequestedName { get; init; }

    /// <summary>Membership ticket from the home hub.</summary>
    public byte[]? Ticket { get; init; }
}

/// <summary>What the hub said in WELCOME, and who it proved to be.</summary>
public sealed record LinkWelcome
{
    /// <summary>The hub's mid, proven.</summary>
    public required Mid HubMid { get; init; }

    /// <summary>The hub's name, as it says.</summary>
    public string? HubName { get; init; }

    /// <summary>The name this member has in the directory.</summary>
    public string? ParticipantName { get; init; }

    /// <summary>A new membership ticket.</summary>
    public byte[]? Ticket { get; init; }

    /// <summary>Signed hub records.</summary>
    public IReadOnlyList<byte[]> HubTable { get; init; } = [];
}

/// <summary>A link that has been dialed and is welcome; not started yet.</summary>
/// <param name="Link">The link; the caller owns it.</param>
/// <param name="Welcome">What the hub said.</param>
public sealed record DialedLink(Link Link, LinkWelcome Welcome);
