using Qanat.Wire.Handshake;

namespace Qanat.Wire.Control;

/// <summary>Payload of RESOLVE: who is this name, or this mid? Exactly one is set.</summary>
/// <param name="Name"><c>participant</c> or <c>participant.hub</c>.</param>
/// <param name="Member">A mid.</param>
public sealed record ResolveQuery(string? Name, Mid Member)
{
    /// <summary>Longest encoded query.</summary>
    public const int MaxBytes = 512;

    /// <summary>The encoded payload.</summary>
    public byte[] Encode() => Name is not null ? new CborMapWriter().Add(1, Name).Encode() : new CborMapWriter().Add(2, Member.ToArray()).Encode();

    /// <summary>Parses and bounds every field.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out ResolveQuery query)
    {
        query = null!;
        if (!CborMap.TryRead(payload, MaxBytes, out CborMap map))
        {
            return false;
        }
        if (map.TryGetText(1, LinkHandshake.MaxName, out string name) && name.Length > 0)
        {
            query = new ResolveQuery(name, Mid.None);
            return true;
        }
        if (map.TryGetBytes(2, Mid.Length, Mid.Length, out byte[] mid))
        {
            query = new ResolveQuery(null, Mid.Read(mid));
            return true;
        }
        return false;
    }
}
