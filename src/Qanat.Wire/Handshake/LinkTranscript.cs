using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Qanat.Wire.Handshake;

/// <summary>The statements that the link handshake signs and authenticates. See docs/protocol/link.md.</summary>
public static class LinkTranscript
{
    /// <summary>Length of the enrolment MAC in bytes.</summary>
    public const int MacLength = HMACSHA256.HashSizeInBytes;

    /// <summary>What the acceptor signs.</summary>
    public static byte[] AcceptorStatement(ReadOnlySpan<byte> hello, ReadOnlySpan<byte> challengeUnsigned) =>
        Statement("qanat-link/1 acceptor\0"u8, Hash(hello, challengeUnsigned, default));

    /// <summary>What the initiator signs.</summary>
    public static byte[] InitiatorStatement(ReadOnlySpan<byte> hello, ReadOnlySpan<byte> challenge, ReadOnlySpan<byte> proofUnsigned) =>
        Statement("qanat-link/1 initiator\0"u8, Hash(hello, challenge, proofUnsigned));

    /// <summary>What a node signs to say that it is linked to a hub: label, node mid, hub mid, time (u64, Unix ms).</summary>
    public static byte[] AttachmentStatement(Mid node, Mid hub, ulong unixMilliseconds)
    {
        Span<byte> body = stackalloc byte[(2 * Mid.Length) + sizeof(ulong)];
        node.Write(body);
        hub.Write(body[Mid.Length..]);
        BinaryPrimitives.WriteUInt64BigEndian(body[(2 * Mid.Length)..], unixMilliseconds);
        return Statement("qanat-attach/1\0"u8, body);
    }

    /// <summary>HMAC-SHA-256 under the token's secret over label and transcript: proves the secret without sending it.</summary>
    public static byte[] EnrolmentMac(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> hello, ReadOnlySpan<byte> challenge) =>
        HMACSHA256.HashData(secret, Statement("qanat-enrol/1\0"u8, Hash(hello, challenge, default)));

    internal static byte[] Statement(ReadOnlySpan<byte> label, ReadOnlySpan<byte> body) => [.. label, .. body];

    private static byte[] Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(first);
        hash.AppendData(second);
        hash.AppendData(third);
        return hash.GetHashAndReset();
    }
}
