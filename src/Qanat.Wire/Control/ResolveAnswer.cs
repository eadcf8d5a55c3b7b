using Qanat.Wire.Handshake;

namespace Qanat.Wire.Control;

/// <summary>Payload of RESOLVED: the answer to <see cref="ResolveQuery"/>.</summary>
public sealed record ResolveAnswer
{
    /// <summary>Longest encoded answer.</summary>
    public const int MaxBytes = 8 * 1024;

    /// <summary><see cref="FrameReason.None"/>: found. <see cref="FrameReason.PeerOffline"/>: enrolled, without a link. Else why not.</summary>
    public required FrameReason Status { get; init; }

    /// <summary>Full directory name <c>participant.hub</c>; empty when not found.</summary>
    public string Name { get; init; } = "";

    /// <summary>The member; <see cref="Mid.None"/> when not found.</summary>
    public Mid Member { get; init; }

    /// <summary>The hub it is linked to, or its home hub while offline.</summary>
    public Mid Hub { get; init; }

    /// <summary>The member's key (DER); its hash is <see cref="Member"/>.</summary>
    public byte[]? SubjectPublicKeyInfo { get; init; }

    /// <summary>When the member attached to <see cref="Hub"/>, Unix milliseconds by its clock; 0 while offline.</summary>
    public ulong AttachmentTime { get; init; }

    /// <summary>The member's signature over <see cref="LinkTranscript.AttachmentStatement"/>; null while offline.</summary>
    public byte[]? AttachmentSignature { get; init; }

    /// <summary>True when the member has a live link.</summary>
    public bool Online { get; init; }

    /// <summary>Hub to hub: the ticket of a roaming member, which proves its name.</summary>
    public byte[]? Ticket { get; init; }

    /// <summary>The encoded payload.</summary>
    public byte[] Encode() => new CborMapWriter()
        .Add(0, (ulong)Status).Add(1, Name.Length == 0 ? null : Name).Add(2, Member.IsNone ? null : Member.ToArray())
        .Add(3, Hub.IsNone ? null : Hub.ToArray()).Add(4, SubjectPublicKeyInfo).Add(5, AttachmentTime).Add(6, AttachmentSignature)
        .Add(7, Online ? 1ul : 0ul).Add(8, Ticket)
        .Encode();

    /// <summary>Parses and bounds every field. Whether the signature holds is the caller's to judge.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out ResolveAnswer answer)
    {
        answer = null!;
        string name = "";
        byte[] member = [];
        byte[] hub = [];
        byte[]? key = null;
        byte[]? signature = null;
        byte[]? ticket = null;
        if (!CborMap.TryRead(payload, MaxBytes, out CborMap map)
            || !map.TryGetUInt(0, byte.MaxValue, out ulong status)
            || (map.Has(1) && !map.TryGetText(1, LinkHandshake.MaxName, out name))
            || (map.Has(2) && !map.TryGetBytes(2, Mid.Length, Mid.Length, out member))
            || (map.Has(3) && !map.TryGetBytes(3, Mid.Length, Mid.Length, out hub))
            || (map.Has(4) && !map.TryGetBytes(4, 1, LinkSignature.MaxKeyBytes, out key))
            || !map.TryGetUInt(5, LinkHandshake.MaxTime, out ulong time)
            || (map.Has(6) && !map.TryGetBytes(6, LinkSignature.Length, LinkSignature.Length, out signature))
            || !map.TryGetUInt(7, 1, out ulong online)
            || (map.Has(8) && !map.TryGetBytes(8, 1, LinkHandshake.MaxSigned, out ticket)))
        {
            return false;
        }
        answer = new ResolveAnswer
        {
            Status = (FrameReason)status,
            Name = name,
            Member = member.Length == 0 ? Mid.None : Mid.Read(member),
            Hub = hub.Length == 0 ? Mid.None : Mid.Read(hub),
            SubjectPublicKeyInfo = key,
            AttachmentTime = time,
            AttachmentSignature = signature,
            Online = online == 1,
            Ticket = ticket,
        };
        return true;
    }
}
