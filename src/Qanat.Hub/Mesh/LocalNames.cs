using Qanat.Hub.Membership;
using Qanat.Hub.Routing;
using Qanat.Wire;
using Qanat.Wire.Control;

namespace Qanat.Hub.Mesh;

/// <summary>What this hub itself can say about names and mids: its own directory and the links it has. Thread-safe.</summary>
internal sealed class LocalNames(string hubName, MemberDirectory directory, Router router)
{
    /// <summary>Answers from what is here. Null when this hub knows nothing of it.</summary>
    public ResolveAnswer? Answer(ResolveQuery query)
    {
        if (query.Name is null)
        {
            return ByMid(query.Member);
        }
        if (!ParticipantName.TrySplit(query.Name, out string? participant, out string? hub))
        {
            return null;
        }
        if ((hub is null || hub == hubName) && directory.TryGet(participant, out Participant? own))
        {
            return ByMid(own.Mid);
        }
        // A roaming member keeps the name its home hub gave it; it may be asked for by its full name only.
        return hub is not null && router.TryGetGuest($"{participant}.{hub}", out MemberPort? guest) ? Online(guest) : null;
    }

    private ResolveAnswer? ByMid(Mid mid)
    {
        if (router.TryGetMember(mid, out MemberPort? port))
        {
            return Online(port);
        }
        if (!directory.TryGet(mid, out Participant? own))
        {
            return null;
        }
        return new ResolveAnswer
        {
            Status = own.Active ? FrameReason.PeerOffline : FrameReason.UnknownMember,
            Name = $"{own.Name}.{hubName}",
            Member = mid,
            Hub = router.LocalMid,
            SubjectPublicKeyInfo = own.SubjectPublicKeyInfo,
        };
    }

    private static ResolveAnswer Online(MemberPort port) => Of(port.Attachment) with { Ticket = port.GuestTicket };

    /// <summary>The answer that an attachment gives.</summary>
    public static ResolveAnswer Of(Attachment attachment) => new()
    {
        Status = FrameReason.None,
        Name = attachment.Name,
        Member = attachment.Member,
        Hub = attachment.Hub,
        SubjectPublicKeyInfo = attachment.SubjectPublicKeyInfo,
        AttachmentTime = (ulong)attachment.TimeUnixMilliseconds,
        AttachmentSignature = attachment.Signature,
        Online = true,
    };
}
