using System.Buffers.Binary;
using Qanat.Wire.Handshake;

namespace Qanat.Wire.Control;

/// <summary>Payload of REVOKED: mids whose membership their home hub has ended, signed by that hub. Lists add up; nothing is ever taken back.</summary>
/// <param name="Hub">The home hub.</param>
/// <param name="Members">Mid and time (Unix milliseconds) of each.</param>
public sealed record RevocationList(Mid Hub, IReadOnlyList<(Mid Member, ulong Time)> Members)
{
    /// <summary>Most entries of one list; more go in further frames.</summary>
    public const int MaxEntries = 1000;

    private const string Magic = "qanat-revoked/1";
    private const int EntryLength = Mid.Length + sizeof(ulong);

    /// <summary>The encoded list, signed by the home hub.</summary>
    public byte[] Encode(LinkSigner sign)
    {
        byte[] entries = new byte[Members.Count * EntryLength];
        for (int i = 0; i < Members.Count; i++)
        {
            Members[i].Member.Write(entries.AsSpan(i * EntryLength));
            BinaryPrimitives.WriteUInt64BigEndian(entries.AsSpan((i * EntryLength) + Mid.Length), Members[i].Time);
        }
        byte[] signature = sign(LinkTranscript.Statement("qanat-revoked/1\0"u8, Encode(entries, null)));
        return Encode(entries, signature);
    }

    /// <summary>Parses a list and verifies it under the key of the hub that is said to have signed it.</summary>
    public static bool TryVerify(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> hubKey, out RevocationList list)
    {
        list = null!;
        if (!CborMap.TryRead(payload, FrameHeader.MaxPayload, out CborMap map)
            || !map.TryGetText(0, Magic.Length, out string magic) || magic != Magic
            || !map.TryGetBytes(3, Mid.Length, Mid.Length, out byte[] hub)
            || !map.TryGetBytes(6, 0, MaxEntries * EntryLength, out byte[] entries) || entries.Length % EntryLength != 0
            || !map.TryGetBytes(9, LinkSignature.Length, LinkSignature.Length, out byte[] signature)
            || Mid.FromSubjectPublicKeyInfo(hubKey) != Mid.Read(hub)
            || !LinkSignature.Verify(hubKey, LinkTranscript.Statement("qanat-revoked/1\0"u8, map.EncodeWithout(9)), signature))
        {
            return false;
        }
        (Mid, ulong)[] members = new (Mid, ulong)[entries.Length / EntryLength];
        for (int i = 0; i < members.Length; i++)
        {
            ReadOnlySpan<byte> entry = entries.AsSpan(i * EntryLength, EntryLength);
            ulong time = BinaryPrimitives.ReadUInt64BigEndian(entry[Mid.Length..]);
            if (time > LinkHandshake.MaxTime)
            {
                return false;
            }
            members[i] = (Mid.Read(entry), time);
        }
        list = new RevocationList(Mid.Read(hub), members);
        return true;
    }

    private byte[] Encode(byte[] entries, byte[]? signature) =>
        new CborMapWriter().Add(0, Magic).Add(3, Hub.ToArray()).Add(6, entries).Add(9, signature).Encode();
}
