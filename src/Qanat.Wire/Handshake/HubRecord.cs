namespace Qanat.Wire.Handshake;

/// <summary>A hub's signed statement about itself: name, key and where nodes and hubs reach it. The newest time wins.</summary>
/// <param name="Name">Hub name.</param>
/// <param name="SubjectPublicKeyInfo">The hub's key (DER); its hash is the hub's mid.</param>
/// <param name="Time">Unix milliseconds.</param>
/// <param name="NodeAddresses">Where nodes dial: <c>ws://</c> or <c>wss://</c> addresses.</param>
/// <param name="HubAddresses">Where hubs dial: <c>tcp://</c> addresses.</param>
public sealed record HubRecord(
    string Name, byte[] SubjectPublicKeyInfo, ulong Time, IReadOnlyList<string> NodeAddresses, IReadOnlyList<string> HubAddresses)
{
    private const string Magic = "qanat-hub/1";

    /// <summary>The hub's mid.</summary>
    public Mid Mid => Mid.FromSubjectPublicKeyInfo(SubjectPublicKeyInfo);

    /// <summary>The encoded record, signed by the hub itself.</summary>
    public byte[] Encode(LinkSigner sign) => Encode(sign(LinkTranscript.Statement("qanat-hub/1\0"u8, Encode((byte[]?)null))));

    /// <summary>Parses a record and verifies that the key in it signed it. Whether that hub belongs to the mesh is the caller's to judge.</summary>
    public static bool TryVerify(ReadOnlySpan<byte> encoded, out HubRecord record)
    {
        record = null!;
        string[] nodeAddresses = [];
        string[] hubAddresses = [];
        if (!CborMap.TryRead(encoded, LinkHandshake.MaxSigned, out CborMap map)
            || !map.TryGetText(0, Magic.Length, out string magic) || magic != Magic
            || !map.TryGetText(1, LinkHandshake.MaxName, out string name)
            || !map.TryGetBytes(4, 1, LinkSignature.MaxKeyBytes, out byte[] key)
            || !map.TryGetUInt(5, LinkHandshake.MaxTime, out ulong time)
            || (map.Has(6) && !map.TryGetTexts(6, LinkHandshake.MaxAddresses, LinkHandshake.MaxAddress, out nodeAddresses))
            || (map.Has(7) && !map.TryGetTexts(7, LinkHandshake.MaxAddresses, LinkHandshake.MaxAddress, out hubAddresses))
            || !map.TryGetBytes(9, LinkSignature.Length, LinkSignature.Length, out byte[] signature)
            || !LinkSignature.Verify(key, LinkTranscript.Statement("qanat-hub/1\0"u8, map.EncodeWithout(9)), signature))
        {
            return false;
        }
        record = new HubRecord(name, key, time, nodeAddresses, hubAddresses);
        return true;
    }

    private byte[] Encode(byte[]? signature) => new CborMapWriter()
        .Add(0, Magic).Add(1, Name).Add(4, SubjectPublicKeyInfo).Add(5, Time).Add(6, NodeAddresses).Add(7, HubAddresses).Add(9, signature)
        .Encode();
}
