namespace Qanat.Wire.Handshake;

/// <summary>CHALLENGE, the acceptor's answer to HELLO.</summary>
/// <param name="Version">The version chosen.</param>
/// <param name="Role">The acceptor's role: 2, hub.</param>
/// <param name="SubjectPublicKeyInfo">The acceptor's key (DER).</param>
/// <param name="Nonce">32 fresh random bytes: a recorded PROOF is worth nothing.</param>
/// <param name="Time">Unix milliseconds.</param>
public sealed record LinkChallenge(byte Version, int Role, byte[] SubjectPublicKeyInfo, byte[] Nonce, ulong Time)
{
    /// <summary>The encoded message, signed over the transcript with <paramref name="hello"/>.</summary>
    public byte[] Encode(ReadOnlySpan<byte> hello, LinkSigner sign) => Encode(sign(LinkTranscript.AcceptorStatement(hello, Encode(null))));

    /// <summary>
    /// Parses and bounds every field. <paramref name="signedPart"/> is the message without its signature, as the transcript takes it.
    /// The caller must verify <paramref name="signature"/>.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> message, out LinkChallenge challenge, out byte[] signedPart, out byte[] signature)
    {
        challenge = null!;
        signedPart = [];
        signature = [];
        if (!CborMap.TryRead(message, LinkHandshake.MaxMessage, out CborMap map)
            || !map.TryGetUInt(1, byte.MaxValue, out ulong version)
            || !map.TryGetUInt(3, byte.MaxValue, out ulong role)
            || !map.TryGetBytes(4, 1, LinkSignature.MaxKeyBytes, out byte[] key)
            || !map.TryGetBytes(5, LinkHandshake.NonceLength, LinkHandshake.NonceLength, out byte[] nonce)
            || !map.TryGetUInt(6, LinkHandshake.MaxTime, out ulong time)
            || !map.TryGetBytes(9, LinkSignature.Length, LinkSignature.Length, out signature))
        {
            return false;
        }
        signedPart = map.EncodeWithout(9);
        challenge = new LinkChallenge((byte)version, (int)role, key, nonce, time);
        return true;
    }

    private byte[] Encode(byte[]? signature) => new CborMapWriter()
        .Add(1, Version).Add(3, (ulong)Role).Add(4, SubjectPublicKeyInfo).Add(5, Nonce).Add(6, Time).Add(9, signature)
        .Encode();
}
