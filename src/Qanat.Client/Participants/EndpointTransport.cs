using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Tunnel.Security;
using Qanat.Wire;

namespace Qanat.Client.Participants;

/// <summary>The tunnel endpoint of a participant, with its key and what it keeps.</summary>
internal sealed class EndpointTransport : IParticipantTransport
{
    private const string FilePrefix = "file:";
    private readonly TunnelEndpoint _endpoint;
    private readonly NodeIdentity _identity;
    private readonly EnrolmentToken? _token;
    private readonly LinkMetrics _metrics;

    private EndpointTransport(TunnelEndpoint endpoint, NodeIdentity identity, EnrolmentToken? token, LinkMetrics metrics) =>
        (_endpoint, _identity, _token, _metrics) = (endpoint, identity, token, metrics);

    public Mid Mid => _identity.Mid;

    public (TunnelError Error, string Detail)? LastFailure
    {
        get
        {
            TunnelStatus status = _endpoint.GetStatus();
            return status is { Link: null, LastError: { } detail, LastErrorCode: { } code }
                ? (Enum.GetValues<TunnelError>().First(error => TunnelException.ToCode(error) == code), detail)
                : null;
        }
    }

    /// <summary>Loads or makes the key and puts the endpoint together; nothing is dialled yet.</summary>
    /// <exception cref="TunnelException">The key, certificate, CA or token cannot be used.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The transport owns them; what fails on the way disposes the key.")]
    internal static EndpointTransport Create(QanatOptions options, IStreamAcceptor? acceptor, ILoggerFactory loggers, TimeProvider time, IMeterFactory? meters)
    {
        StateFolder state = new(options.StateFolder);
        NodeIdentity identity = state.LoadIdentity(options.Certificate);
        try
        {
            byte[]? ticket = state.LoadTicket();
            EnrolmentToken? token = ReadToken(options.EnrolmentToken, isEnrolled: ticket is not null);
            LinkMetrics metrics = new(meters);
            LinkDialer dialer = new(identity, time: time, metrics: metrics, logger: loggers.CreateLogger<LinkDialer>());
            HubConnector connector = new(dialer, new HubConnectorOptions { Token = token, RequestedName = options.Name, Ticket = ticket });
            HubAddress[] hubs = [.. options.Hubs.Select(ToAddress)];
            IReadOnlyList<HubAddress> pinnedHubs = state.LoadHubPins();
            foreach (HubAddress hub in hubs.Where(hub => hub.Mid is null && !pinnedHubs.Any(pin => pin.Address == hub.Address)))
            {
                loggers.CreateLogger<QanatParticipant>().HubUnpinned(hub.Address);
            }
            TunnelOptions tunnel = new()
            {
                Hubs = hubs,
                PinnedHubs = pinnedHubs,
                LearnedHubs = state.LoadHubs(),
                LayerTwo = new LayerTwoOptions
                {
                    OrganisationCa = string.IsNullOrEmpty(options.OrganisationCa) ? null : CertificateFile.ReadAuthorities(options.OrganisationCa, "organisation CA"),
                },
            };
            TunnelEndpoint endpoint = new(tunnel, identity, connector, time, loggers, meters) { Acceptor = acceptor };
            endpoint.HubsLearned = state.SaveHubs;
            endpoint.HubPinned = state.AddHubPin;
            foreach ((string name, Mid pinned) in state.LoadPeers())
            {
                endpoint.PinPeer(name, pinned);
            }
            Lock peersFile = new();
            endpoint.PeerPinned = (name, pinned) =>
            {
                lock (peersFile)
                {
                    state.AddPeer(name, pinned);
                }
            };
            endpoint.TicketRenewed = renewed =>
            {
                connector.Ticket = renewed;
                state.SaveTicket(renewed);
            };
            return new EndpointTransport(endpoint, identity, token, metrics);
        }
        catch
        {
            identity.Dispose();
            throw;
        }
    }

    public void Start() => _ = _endpoint.StartAsync();

    public Task WaitForHubAsync(CancellationToken cancellationToken) => _endpoint.WaitForLinkAsync(cancellationToken);

    public ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken) => _endpoint.ConnectAsync(target, cancellationToken);

    public ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken) => _endpoint.ResolveAsync(participant, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _endpoint.DisposeAsync().ConfigureAwait(false);
        _token?.Dispose();
        _metrics.Dispose();
        _identity.Dispose();
    }

    private static HubAddress ToAddress(QanatHub hub)
    {
        string? proxy = hub.HttpProxy;
        Uri? way = null;
        if (proxy?.StartsWith(FilePrefix, StringComparison.Ordinal) == true)
        {
            string file = proxy[FilePrefix.Length..];
            try
            {
                proxy = File.ReadAllText(file).Trim();
            }
            catch (Exception e) when (e is UnauthorizedAccessException or IOException)
            {
                throw new TunnelException(TunnelError.InvalidAddress, $"The file '{file}' with the address of the forward proxy cannot be read: {e.Message}", e);
            }
        }
        if (proxy is not null && !LinkTarget.TryParseHttpProxy(proxy, out way))
        {
            throw new TunnelException(TunnelError.InvalidAddress, $"What '{hub.Url}' is to be reached through is not the address of a forward proxy; write http://USER:PASSWORD@HOST:PORT.");
        }
        return new HubAddress(new Uri(hub.Url), hub.Mid is null ? null : Mid.Parse(hub.Mid))
        {
            HttpProxy = way,
            TrustedRoots = string.IsNullOrEmpty(hub.Ca) ? null : CertificateFile.ReadAuthorities(hub.Ca, "hub CA"),
        };
    }

    private static EnrolmentToken? ReadToken(string? token, bool isEnrolled)
    {
        if (string.IsNullOrEmpty(token))
        {
            return null;
        }
        if (!token.StartsWith(FilePrefix, StringComparison.Ordinal))
        {
            return EnrolmentToken.Parse(token);
        }
        string file = token[FilePrefix.Length..];
        if (isEnrolled && !File.Exists(file))
        {
            // Spent long ago, and rightly thrown away.
            return null;
        }
        try
        {
            return EnrolmentToken.Parse(File.ReadAllText(file).Trim());
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not TunnelException))
        {
            throw new TunnelException(TunnelError.InvalidToken, $"The enrolment token file '{file}' cannot be read: {e.Message}", e);
        }
    }
}
