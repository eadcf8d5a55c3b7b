namespace Qanat.Wire.Handshake;

/// <summary>PROOF, the initiator's second message.</summary>
public sealed record LinkProofMessage
{
    /// <summary>When the initiator attaches, Unix milliseconds.</summary>
    public required ulong AttachmentTime { get; init; }

    /// <summary>Signature over <see cref="LinkTranscript.AttachmentStatement"/>.</summary>
    public required byte[] AttachmentSignature { get; init; }

    /// <summary>Enrolment token id.</summary>
    public string? TokenId { get; init; }

    /// <summary><see cref="LinkTranscript.EnrolmentMac"/> under the token's secret.</summary>
    public byte[]? EnrolmentMac { get; init; }

    /// <summary>Participant name wished for at enrolment.</summary>
    public string? RequestedName { get; init; }

    /// <summary>Membership ticket of a home hub.</summary>
    public byte[]? Ticket { get; init; }

    /// <summary>Certificate of the key from an organisation CA (DER).</summary>
    public byte[]? OrganisationCertificate { get; init; }

    /// <summary>The encoded message, signed over the whole transcript.</summary>
    public byte[] Encode(ReadOnlySpan<byte> hello, ReadOnlySpan<byte> challenge, LinkSigner sign) =>
        Encode(sign(LinkTranscript.InitiatorStatement(hello, challenge, Encode(null))));

    /// <summary>Parses and bounds every field; the caller must verify <paramref name="signature"/> over the transcript with <paramref name="signedPart"/>.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> message, out LinkProofMessage proof, out byte[] signedPart, out byte[] signature)
    {
        proof = null!;
        signedPart = [];
        signature = [];
        string? tokenId = null;
        string? name = null;
        byte[]? mac = null;
        byte[]? ticket = null;
        byte[]? certificate = null;
        if (!CborMap.TryRead(message, LinkHandshake.MaxMessage, out CborMap map)
            || !map.TryGetUInt(7, LinkHandshake.MaxTime, out ulong time)
            || !map.TryGetBytes(8, LinkSignature.Length, LinkSignature.Length, out byte[] attachment)
            || !map.TryGetBytes(9, LinkSignature.Length, LinkSignature.Length, out signature)
            || (map.Has(10) && !map.TryGetText(10, LinkHandshake.MaxName, out tokenId))
            || (map.Has(11) && !map.TryGetBytes(11, LinkTranscript.MacLength, LinkTranscript.MacLength, out mac))
            || (map.Has(12) && !map.TryGetText(12, LinkHandshake.MaxName, out name))
            || (map.Has(13) && !map.TryGetBytes(13, 1, LinkHandshake.MaxSigned, out ticket))
            || (map.Has(14) && !map.TryGetBytes(14, 1, LinkHandshake.MaxCertificate, out certificate))
            || (tokenId is null) != (mac is null))
        {
            return false;
        }
        signedPart = map.EncodeWithout(9);
        proof = new LinkProofMessage
        {
            AttachmentTime = time,
            AttachmentSignature = attachment,
            TokenId = tokenId,
            EnrolmentMac = mac,
            RequestedName = name,
            Ticket = ticket,
            OrganisationCertificate = certificate,
        };
        return true;
    }

    private byte[] Encode(byte[]? signature) => new CborMapWriter()
        .Add(7, AttachmentTime).Add(8, AttachmentSignature).Add(9, signature).Add(10, TokenId).Add(11, EnrolmentMac).Add(12, RequestedName)
        .Add(13, Ticket).Add(14, OrganisationCertificate)
        .Encode();
}
