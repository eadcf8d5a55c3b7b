using Qanat.Hub.Membership;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Links;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Hosting;

/// <summary>The hub's door: judges those whose link handshake has been verified, and hands their links to the core.</summary>
internal sealed class HubDoor(HubCore core, Func<HubOptions> options) : ILinkAdmission
{
    // WELCOME must fit one handshake message of 16 KiB, together with the ticket; the whole table follows as HUBS.
    private const int HubTableBytes = 8 * 1024;

    /// <inheritdoc/>
    public ValueTask<LinkAdmission> AdmitAsync(LinkProof proof, CancellationToken cancellationToken) =>
        ValueTask.FromResult(proof.Role == LinkRole.Hub ? AdmitHub(proof) : AdmitNode(proof));

    /// <summary>Takes a link that was welcomed.</summary>
    public ValueTask TakeAsync(AcceptedLink accepted)
    {
        if (accepted.Admission.State is AdmissionResult member)
        {
            core.AttachMember(accepted.Link, member, new Attachment(
                accepted.Proof.PeerMid, core.Mid, member.FullName, accepted.Proof.SubjectPublicKeyInfo,
                (long)accepted.Proof.AttachmentTime, accepted.Proof.AttachmentSignature));
        }
        else
        {
            core.Links.Register(accepted.Link, initiatedHere: false);
        }
        return ValueTask.CompletedTask;
    }

    private LinkAdmission AdmitHub(LinkProof proof)
    {
        if (core.Draining)
        {
            return LinkAdmission.Refuse(LinkRefusal.ShuttingDown, "This hub is shutting down.");
        }
        return core.Table.TryGet(proof.PeerMid, out _)
            ? Welcome(null, null, null)
            : LinkAdmission.Refuse(LinkRefusal.UnknownHub, $"This hub does not trust {proof.PeerMid}; its operator must add it to mesh.peers.");
    }

    private LinkAdmission AdmitNode(LinkProof proof)
    {
        if (core.Draining)
        {
            return LinkAdmission.Refuse(LinkRefusal.ShuttingDown, "This hub is shutting down; try another.");
        }
        if (core.Router.MemberCount >= options().Limits.Links && !core.Router.TryGetMember(proof.PeerMid, out _))
        {
            return LinkAdmission.Refuse(LinkRefusal.Busy, "This hub has as many links as it may; try another, or later.");
        }
        AdmissionResult result = core.Admission.Admit(new AdmissionRequest
        {
            Mid = proof.PeerMid,
            SubjectPublicKeyInfo = proof.SubjectPublicKeyInfo,
            TokenId = proof.TokenId,
            ProvesToken = secret => proof.VerifyToken(secret),
            RequestedName = proof.RequestedName,
            Ticket = proof.Ticket,
            OrganisationCertificate = proof.OrganisationCertificate,
        });
        return result.Refusal == LinkRefusal.None
            ? Welcome(result, result.FullName, result.GuestTicket is null ? core.IssueTicket(proof.PeerMid) : null)
            : LinkAdmission.Refuse(result.Refusal, result.Line);
    }

    private LinkAdmission Welcome(AdmissionResult? member, string? name, byte[]? ticket)
    {
        List<byte[]> table = [];
        int bytes = 0;
        foreach (byte[] record in core.Table.Records.Take(LinkHandshake.MaxHubs))
        {
            bytes += record.Length;
            if (bytes > HubTableBytes)
            {
                break;
            }
            table.Add(record);
        }
        return new LinkAdmission
        {
            ParticipantName = name,
            Ticket = ticket,
            HubTable = table,
            HeartbeatSeconds = options().Limits.HeartbeatSeconds,
            HubName = core.Name,
            State = member,
        };
    }
}
