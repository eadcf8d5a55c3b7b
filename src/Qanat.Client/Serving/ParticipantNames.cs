using Microsoft.Extensions.Logging;
using Qanat.Tunnel;
using Qanat.Tunnel.Access;
using Qanat.Wire;

namespace Qanat.Client.Serving;

/// <summary>What the hubs say about names on allow lists. The gate is made before the participant, which needs it; so the participant comes later.</summary>
internal sealed class ParticipantNames(ILogger<ParticipantNames> logger) : IPeerDirectory
{
    /// <summary>Set once it exists.</summary>
    public QanatParticipant? Participant { get; set; }

    public async ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken)
    {
        try
        {
            return Participant is { } self
                ? await self.ResolveAsync(participant, cancellationToken).ConfigureAwait(false)
                : throw new TunnelException(TunnelError.HubUnreachable, "This participant has not started yet.");
        }
        catch (TunnelException e)
        {
            logger.NameUnresolved(participant, e.Code);
            throw;
        }
    }
}
