using Qanat.Wire.Handshake;

namespace Qanat.Wire.Control;

/// <summary>Payload of ANNOUNCE: a hub shows that a member is linked to it, by the member's own signature.</summary>
/// <param name="Member">The member.</param>
/// <param name="Hub">The hub it is linked to: the announcing hub.</param>
/// <param name="SubjectPublicKeyInfo">The member's key (DER).</param>
/// <param name="Time">When it attached, Unix milliseconds by its clock; the newest wins.</param>
/// <param name="Signature">The member's signature over <see cref="LinkTranscript.AttachmentStatement"/>.</param>
/// <param name="Name">Full directory name; for display.</param>
public sealed record MemberAnnouncement(Mid Member, Mid Hub, byte[] SubjectPublicKeyInfo, ulong Time, byte[] Signature, string Name)
{
    /// <summary>Longest encoded announcement.</summary>
    public const int MaxBytes = 1024;

    /// <summary>The encoded payload.</summary>
    public byte[] Encode() => new CborMapWriter()
        .Add(1, Name).Add(2, Member.ToArray()).Add(3, Hub.ToArray()).Add(4, SubjectPublicKeyInfo).Add(5, Time).Add(6, Signature)
        .Encode();

    /// <summary>Parses and bounds every field.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out MemberAnnouncement announcement)
    {
        announcement = null!;
        if (!CborMap.TryRead(payload, MaxBytes, out CborMap map)
            || !map.TryGetText(1, LinkHandshake.MaxName, out string name)
            || !map.TryGetBytes(2, Mid.Length, Mid.Length, out byte[] member)
            || !map.TryGetBytes(3, Mid.Length, Mid.Length, out byte[] hub)
            || !map.TryGetBytes(4, 1, LinkSignature.MaxKeyBytes, out byte[] key)
            || !map.TryGetUInt(5, LinkHandshake.MaxTime, out ulong time)
            || !map.TryGetBytes(6, LinkSignature.Length, LinkSignature.Length, out byte[] signature))
        {
            return false;
        }
        announcement = new MemberAnnouncement(Mid.Read(member), Mid.Read(hub), key, time, signature, name);
        return true;
    }

    /// <summary>True when the key is the member's and it signed this attachment.</summary>
    public bool Verify() => Mid.FromSubjectPublicKeyInfo(SubjectPublicKeyInfo) == Member
        && LinkSignature.Verify(SubjectPublicKeyInfo, LinkTranscript.AttachmentStatement(Member, Hub, Time), Signature);
}

/// <summary>Payload of WITHDRAW: the member's attachment of that time is over.</summary>
/// <param name="Member">The member.</param>
/// <param name="Time">Attachment time that is over.</param>
public sealed record MemberWithdrawal(Mid Member, ulong Time)
{
    /// <summary>The encoded payload.</summary>
    public byte[] Encode() => new CborMapWriter().Add(2, Member.ToArray()).Add(5, Time).Encode();

    /// <summary>Parses and bounds every field.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out MemberWithdrawal withdrawal)
    {
        withdrawal = null!;
        if (!CborMap.TryRead(payload, 128, out CborMap map)
            || !map.TryGetBytes(2, Mid.Length, Mid.Length, out byte[] member)
            || !map.TryGetUInt(5, LinkHandshake.MaxTime, out ulong time))
        {
            return false;
        }
        withdrawal = new MemberWithdrawal(Mid.Read(member), time);
        return true;
    }
}
