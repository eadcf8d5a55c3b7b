using System.Security.Cryptography;
using Qanat.Wire;
using Qanat.Wire.Handshake;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>The four handshake messages, membership tickets and hub records.</summary>
internal static class HandshakeTargets
{
    // A fixed key, so that a finding can be replayed. It protects nothing.
    private static readonly ECDsa s_signer = ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        D = Convert.FromHexString("1111111111111111111111111111111111111111111111111111111111111111"),
    });
    private static readonly byte[] s_key = s_signer.ExportSubjectPublicKeyInfo();
    private static readonly byte[] s_hello = new LinkHello(1, 1, 1, s_key, new byte[LinkHandshake.NonceLength], 1_750_000_000_000).Encode();
    private static readonly byte[] s_challenge = new LinkChallenge(1, 2, s_key, new byte[LinkHandshake.NonceLength], 1_750_000_000_000).Encode(s_hello, Sign);
    private static readonly byte[] s_ticket = new MembershipTicket("hospital-a", Mid.FromSubjectPublicKeyInfo(s_key), Mid.FromSubjectPublicKeyInfo(s_key), 1, 2, 3, 4, 5).Encode(Sign);
    private static readonly byte[] s_record = new HubRecord("west", s_key, 1, ["ws://127.0.0.1:7000/"], ["tcp://127.0.0.1:7001"]).Encode(Sign);

    internal static byte[] Key => s_key;

    internal static FuzzTarget[] All { get; } =
    [
        new("link-hello", [s_hello], Hello),
        new("link-challenge", [s_challenge], Challenge),
        new("link-proof", [Proof().Encode(s_hello, s_challenge, Sign)], Proofs),
        new("link-welcome", [Welcome().Encode()], Welcomes),
        new("membership-ticket", [s_ticket], Ticket),
        new("hub-record", [s_record], Record),
    ];

    private static void Hello(ReadOnlySpan<byte> input)
    {
        if (LinkHello.TryDecode(input, out LinkHello hello))
        {
            Require(hello.Nonce.Length == LinkHandshake.NonceLength && hello.SubjectPublicKeyInfo.Length <= LinkSignature.MaxKeyBytes, "lengths are bounded");
            Require(LinkHello.TryDecode(hello.Encode(), out LinkHello again) && again.Time == hello.Time, "HELLO round trips");
        }
    }

    private static void Challenge(ReadOnlySpan<byte> input)
    {
        if (LinkChallenge.TryDecode(input, out LinkChallenge challenge, out byte[] signedPart, out byte[] signature))
        {
            Require(signature.Length == LinkSignature.Length && signedPart.Length < input.Length, "the signature is taken out of what is signed");
            bool isOriginal = signedPart.AsSpan().SequenceEqual(SignedPart(s_challenge));
            bool verifies = LinkSignature.Verify(s_key, LinkTranscript.AcceptorStatement(s_hello, signedPart), signature);
            Require(!verifies || isOriginal, "only the signed bytes verify");
            Require(challenge.Nonce.Length == LinkHandshake.NonceLength, "lengths are bounded");
        }
    }

    private static void Proofs(ReadOnlySpan<byte> input)
    {
        if (LinkProofMessage.TryDecode(input, out LinkProofMessage proof, out byte[] signedPart, out byte[] signature))
        {
            Require(signature.Length == LinkSignature.Length && signedPart.Length < input.Length, "the signature is taken out of what is signed");
            Require((proof.RequestedName?.Length ?? 0) <= LinkHandshake.MaxName && (proof.TokenId?.Length ?? 0) <= LinkHandshake.MaxName, "lengths are bounded");
        }
    }

    private static void Welcomes(ReadOnlySpan<byte> input)
    {
        if (LinkWelcomeMessage.TryDecode(input, out LinkWelcomeMessage welcome))
        {
            Require(welcome.HubTable.Count <= LinkHandshake.MaxHubs && welcome.Line.Length <= LinkHandshake.MaxLine, "lengths are bounded");
        }
    }

    private static void Ticket(ReadOnlySpan<byte> input)
    {
        if (MembershipTicket.TryDecodeUnverified(input, out MembershipTicket ticket))
        {
            Require(ticket.Name.Length <= LinkHandshake.MaxName, "lengths are bounded");
            MembershipTicket.TryDecodeUnverified(s_ticket, out MembershipTicket original);
            Require(!MembershipTicket.TryVerify(input, s_key, out MembershipTicket verified) || verified == original, "only the signed ticket verifies");
        }
    }

    private static void Record(ReadOnlySpan<byte> input)
    {
        if (HubRecord.TryVerify(input, out HubRecord record) && record.SubjectPublicKeyInfo.AsSpan().SequenceEqual(s_key))
        {
            Require(HubRecord.TryVerify(s_record, out HubRecord original) && record.Name == original.Name && record.Time == original.Time
                && record.NodeAddresses.SequenceEqual(original.NodeAddresses), "only the signed record verifies");
        }
    }

    private static byte[] SignedPart(byte[] challenge) => LinkChallenge.TryDecode(challenge, out _, out byte[] signedPart, out _) ? signedPart : [];

    private static LinkProofMessage Proof() => new()
    {
        AttachmentTime = 1_750_000_000_000,
        AttachmentSignature = new byte[LinkSignature.Length],
        TokenId = "token",
        EnrolmentMac = new byte[LinkTranscript.MacLength],
        RequestedName = "hospital-a",
        Ticket = s_ticket,
    };

    private static LinkWelcomeMessage Welcome() => new() { Result = LinkRefusal.None, Line = "welcome", Ticket = s_ticket, HubTable = [s_record], ParticipantName = "hospital-a", HubName = "west" };

    internal static byte[] Sign(ReadOnlySpan<byte> statement) => s_signer.SignData(statement, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
}
