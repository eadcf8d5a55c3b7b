using Qanat.Tunnel.Identity;

namespace Qanat.Tunnel.Links;

/// <summary>How a node introduces itself and reaches hubs. Immutable.</summary>
public sealed record HubConnectorOptions
{
    /// <summary>Enrolment token for the first join.</summary>
    public EnrolmentToken? Token { get; init; }

    /// <summary>Participant name wished for at enrolment.</summary>
    public string? RequestedName { get; init; }

    /// <summary>Membership ticket of an earlier run.</summary>
    public byte[]? Ticket { get; init; }
}

/// <summary>Dials hubs as a node: <see cref="LinkDialer"/> with the membership ticket kept up to date. Safe from any thread.</summary>
public sealed class HubConnector(LinkDialer dialer, HubConnectorOptions options) : ILinkConnector
{
    private volatile byte[]? _ticket = options.Ticket;

    /// <summary>The newest ticket; set when a hub renews it.</summary>
    public byte[]? Ticket
    {
        get => _ticket;
        set => _ticket = value ?? _ticket;
    }

    /// <inheritdoc/>
    public async Task<HubLink> ConnectAsync(HubAddress hub, CancellationToken cancellationToken)
    {
        DialedLink dialed = await dialer.DialAsync(
            new LinkTarget { Address = hub.Address, ExpectedMid = hub.Mid, HttpProxy = hub.HttpProxy, TrustedRoots = hub.TrustedRoots },
            new LinkIntroduction { Role = LinkRole.Node, Token = options.Token, RequestedName = options.RequestedName, Ticket = Ticket },
            cancellationToken).ConfigureAwait(false);
        LinkWelcome welcome = dialed.Welcome;
        return new HubLink(dialed.Link, welcome.HubName, welcome.ParticipantName, welcome.Ticket, welcome.HubTable);
    }
}
