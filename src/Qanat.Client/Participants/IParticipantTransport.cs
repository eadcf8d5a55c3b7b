using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Client.Participants;

/// <summary>What a participant needs of the tunnel: the endpoint with its link in production, memory in tests.</summary>
internal interface IParticipantTransport : IAsyncDisposable
{
    Mid Mid { get; }

    void Start();

    Task WaitForHubAsync(CancellationToken cancellationToken);

    ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken);

    ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken);

    /// <summary>Why there is no link to a hub, when there is none.</summary>
    (TunnelError Error, string Detail)? LastFailure { get; }
}

/// <summary>Makes the transport of a participant; the acceptor decides on what peers open.</summary>
internal delegate IParticipantTransport ParticipantTransportFactory(QanatOptions options, IStreamAcceptor? acceptor);
