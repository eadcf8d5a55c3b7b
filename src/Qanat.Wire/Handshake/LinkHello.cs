namespace Qanat.Wire.Handshake;

/// <summary>Bounds and version of the link handshake. See docs/protocol/link.md.</summary>
public static class LinkHandshake
{
    /// <summary>The link protocol version spoken.</summary>
    public const byte Version = 1;

    /// <summary>Longest handshake message, in bytes.</summary>
    public const int MaxMessage = 16 * 1024;

    /// <summary>Length of a nonce, in bytes.</summary>
    public const int NonceLength = 32;

    /// <summary>Longest participant or hub name.</summary>
    public const int MaxName = 127;

    /// <summary>Longest ticket or hub record.</summary>
    public const int MaxSigned = 4 * 1024;

    /// <summary>Longest organisation certificate.</summary>
    public const int MaxCertificate = 8 * 1024;

    /// <summary>Longest line for a person.</summary>
    public const int MaxLine = 512;

    /// <summary>Most addresses of one hub.</summary>
    public const int MaxAddresses = 16;

    /// <summary>Longest address.</summary>
    public const int MaxAddress = 256;

    /// <summary>Most hub records in WELCOME.</summary>
    public const int MaxHubs = 64;

    internal const ulong MaxTime = 253_402_300_799_999; // 9999-12-31, the last DateTimeOffset
}

/// <summary>HELLO, the initiator's first message.</summary>
/// <param name="MinVersion">Lowest version spoken.</param>
/// <param name="MaxVersion">Highest version spoken.</param>
/// <param name="Role">1 node, 2 hub.</param>
/// <param name="SubjectPublicKeyInfo">The initiator's key (DER).</param>
/// <param name="Nonce">32 fresh random bytes.</param>
/// <param name="Time">Unix milliseconds.</param>
public sealed record LinkHello(byte MinVersion, byte MaxVersion, int Role, byte[] SubjectPublicKeyInfo, byte[] Nonce, ulong Time)
{
    private const string Magic = "qanat-link";

    /// <summary>The encoded message.</summary>
    public byte[] Encode() => new CborMapWriter()
        .Add(0, Magic).Add(1, MinVersion).Add(2, MaxVersion).Add(3, (ulong)Role).Add(4, SubjectPublicKeyInfo).Add(5, Nonce).Add(6, Time)
        .Encode();

    /// <summary>Parses and bounds every field. Does not judge version, role, time or key.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> message, out LinkHello hello)
    {
        hello = null!;
        if (!CborMap.TryRead(message, LinkHandshake.MaxMessage, out CborMap map)
            || !map.TryGetText(0, Magic.Length, out string magic) || magic != Magic
            || !map.TryGetUInt(1, byte.MaxValue, out ulong min) || !map.TryGetUInt(2, byte.MaxValue, out ulong max)
            || !map.TryGetUInt(3, byte.MaxValue, out ulong role)
            || !map.TryGetBytes(4, 1, LinkSignature.MaxKeyBytes, out byte[] key)
            || !map.TryGetBytes(5, LinkHandshake.NonceLength, LinkHandshake.NonceLength, out byte[] nonce)
            || !map.TryGetUInt(6, LinkHandshake.MaxTime, out ulong time))
        {
            return false;
        }
        hello = new LinkHello((byte)min, (byte)max, (int)role, key, nonce, time);
        return true;
    }
}
