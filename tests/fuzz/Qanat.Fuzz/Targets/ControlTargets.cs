using Qanat.Wire;
using Qanat.Wire.Control;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>Payloads of the frames spoken with and between hubs.</summary>
internal static class ControlTargets
{
    private static readonly Mid s_member = Mid.Read("member member me"u8);

    internal static FuzzTarget[] All { get; } =
    [
        new("hub-table", [HubTablePayload.Encode([new byte[90], new byte[30]])], HubTable),
        new("announcement", [new MemberAnnouncement(s_member, s_member, HandshakeTargets.Key, 5, new byte[64], "hospital-a").Encode()], Announcement),
        new("withdrawal", [new MemberWithdrawal(s_member, 5).Encode()], Withdrawal),
        new("revocation-list", [new RevocationList(Mid.FromSubjectPublicKeyInfo(HandshakeTargets.Key), [(s_member, 5)]).Encode(HandshakeTargets.Sign)], Revocations),
        new("resolve", [[0xa1, 1, 0x61, (byte)'a'], [0xa1, 2, 0x50, .. s_member.ToArray()]], Resolve),
    ];

    private static void HubTable(ReadOnlySpan<byte> input)
    {
        if (HubTablePayload.TryDecode(input, out byte[][] records))
        {
            Require(records.Length <= HubTablePayload.MaxRecords, "records are bounded");
            Require(HubTablePayload.TryDecode(HubTablePayload.Encode(records), out byte[][] again) && again.Length <= records.Length, "a table round trips");
        }
    }

    private static void Announcement(ReadOnlySpan<byte> input)
    {
        if (MemberAnnouncement.TryDecode(input, out MemberAnnouncement announcement))
        {
            Require(MemberAnnouncement.TryDecode(announcement.Encode(), out MemberAnnouncement again) && again.Member == announcement.Member && again.Time == announcement.Time, "an announcement round trips");
        }
    }

    private static void Withdrawal(ReadOnlySpan<byte> input)
    {
        if (MemberWithdrawal.TryDecode(input, out MemberWithdrawal withdrawal))
        {
            Require(MemberWithdrawal.TryDecode(withdrawal.Encode(), out MemberWithdrawal again) && again == withdrawal, "a withdrawal round trips");
        }
    }

    private static void Revocations(ReadOnlySpan<byte> input)
    {
        if (RevocationList.TryVerify(input, HandshakeTargets.Key, out RevocationList list))
        {
            Require(list.Members.SequenceEqual([(s_member, 5UL)]), "only the signed list verifies");
        }
    }

    private static void Resolve(ReadOnlySpan<byte> input)
    {
        if (ResolveQuery.TryDecode(input, out ResolveQuery query))
        {
            Require(ResolveQuery.TryDecode(query.Encode(), out ResolveQuery again) && again.Name == query.Name && again.Member == query.Member, "a question round trips");
        }
        if (ResolveAnswer.TryDecode(input, out ResolveAnswer answer))
        {
            Require(ResolveAnswer.TryDecode(answer.Encode(), out _), "an answer round trips");
        }
    }
}
