namespace Qanat.Wire.Handshake;

/// <summary>The home hub's signed statement that a mid is its member. Other hubs of the mesh accept it, so a node may move.</summary>
/// <param name="Name">Participant name, without the hub.</param>
/// <param name="Member">The member's mid.</param>
/// <param name="HomeHub">The signing hub's mid.</param>
/// <param name="Issued">Unix milliseconds.</param>
/// <param name="Expires">Unix milliseconds.</param>
/// <param name="BytesPerSecond">Quota; 0 for none.</param>
/// <param name="MaxSessions">Quota; 0 for none.</param>
/// <param name="OpensPerSecond">Quota; 0 for none.</param>
public sealed record MembershipTicket(
    string Name, Mid Member, Mid HomeHub, ulong Issued, ulong Expires, ulong BytesPerSecond, uint MaxSessions, uint OpensPerSecond)
{
    private const string Magic = "qanat-ticket/1";

    /// <summary>The encoded ticket, signed by the home hub.</summary>
    public byte[] Encode(LinkSigner sign) => Encode(sign(LinkTranscript.Statement("qanat-ticket/1\0"u8, Encode((byte[]?)null))));

    /// <summary>Parses a ticket without judging its signature: to learn whose key must verify it, or to show it.</summary>
    public static bool TryDecodeUnverified(ReadOnlySpan<byte> encoded, out MembershipTicket ticket) => TryDecode(encoded, out ticket, out _, out _);

    /// <summary>
    /// Parses a ticket and verifies that the key of its home hub signed it. The caller judges the time, and whether that hub belongs to the mesh.
    /// </summary>
    public static bool TryVerify(ReadOnlySpan<byte> encoded, ReadOnlySpan<byte> homeHubKey, out MembershipTicket ticket) =>
        TryDecode(encoded, out ticket, out byte[] signedPart, out byte[] signature)
        && Mid.FromSubjectPublicKeyInfo(homeHubKey) == ticket.HomeHub
        && LinkSignature.Verify(homeHubKey, LinkTranscript.Statement("qanat-ticket/1\0"u8, signedPart), signature);

    private static bool TryDecode(ReadOnlySpan<byte> encoded, out MembershipTicket ticket, out byte[] signedPart, out byte[] signature)
    {
        ticket = null!;
        signedPart = [];
        signature = [];
        if (!CborMap.TryRead(encoded, LinkHandshake.MaxSigned, out CborMap map)
            || !map.TryGetText(0, Magic.Length, out string magic) || magic != Magic
            || !map.TryGetText(1, LinkHandshake.MaxName, out string name)
            || !map.TryGetBytes(2, Mid.Length, Mid.Length, out byte[] member)
            || !map.TryGetBytes(3, Mid.Length, Mid.Length, out byte[] hub)
            || !map.TryGetUInt(4, LinkHandshake.MaxTime, out ulong issued)
            || !map.TryGetUInt(5, LinkHandshake.MaxTime, out ulong expires)
            || !map.TryGetUInt(6, long.MaxValue, out ulong bytesPerSecond)
            || !map.TryGetUInt(7, int.MaxValue, out ulong sessions)
            || !map.TryGetUInt(8, int.MaxValue, out ulong opens)
            || !map.TryGetBytes(9, LinkSignature.Length, LinkSignature.Length, out signature))
        {
            return false;
        }
        signedPart = map.EncodeWithout(9);
        ticket = new MembershipTicket(name, Mid.Read(member), Mid.Read(hub), issued, expires, bytesPerSecond, (uint)sessions, (uint)opens);
        return true;
    }

    private byte[] Encode(byte[]? signature) => new CborMapWriter()
        .Add(0, Magic).Add(1, Name).Add(2, Member.ToArray()).Add(3, HomeHub.ToArray()).Add(4, Issued).Add(5, Expires)
        .Add(6, BytesPerSecond).Add(7, (ulong)MaxSessions).Add(8, (ulong)OpensPerSecond).Add(9, signature)
        .Encode();
}
