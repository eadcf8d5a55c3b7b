using System.Formats.Cbor;
using System.Security.Cryptography;
using CsCheck;
using Qanat.Wire.Handshake;

namespace Qanat.Wire.Tests.Handshake;

public sealed class HandshakeTests : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private byte[] Spki => _key.ExportSubjectPublicKeyInfo();

    public void Dispose() => _key.Dispose();

    private byte[] Sign(ReadOnlySpan<byte> statement) => _key.SignData(statement, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    private LinkHello Hello() => new(1, 1, 1, Spki, RandomNumberGenerator.GetBytes(32), 1_790_000_000_000);

    [Fact]
    public void Hello_round_trips_in_deterministic_bytes()
    {
        LinkHello hello = Hello();
        byte[] bytes = hello.Encode();
        Assert.True(LinkHello.TryDecode(bytes, out LinkHello read));
        Assert.Equal(bytes, read.Encode());
        // Map of 7, key 0 first, text of 10: fixed by the deterministic encoding.
        Assert.Equal(Convert.FromHexString("a7006a71616e61742d6c696e6b01010201030104"), bytes[..20]);
    }

    [Fact]
    public void Challenge_signature_covers_every_byte_of_hello_and_challenge()
    {
        byte[] hello = Hello().Encode();
        byte[] bytes = new LinkChallenge(1, 2, Spki, RandomNumberGenerator.GetBytes(32), 5).Encode(hello, Sign);
        Assert.True(Holds(hello, bytes));
        for (int i = 0; i < hello.Length; i++)
        {
            byte[] changed = [.. hello];
            changed[i] ^= 1;
            Assert.False(Holds(changed, bytes));
        }
        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] changed = [.. bytes];
            changed[i] ^= 1;
            Assert.False(Holds(hello, changed));
        }

        static bool Holds(byte[] hello, byte[] challenge) =>
            LinkChallenge.TryDecode(challenge, out LinkChallenge read, out byte[] signedPart, out byte[] signature)
            && LinkSignature.Verify(read.SubjectPublicKeyInfo, LinkTranscript.AcceptorStatement(hello, signedPart), signature);
    }

    [Fact]
    public void Proof_round_trips_and_its_signature_covers_what_a_later_version_may_add()
    {
        byte[] hello = Hello().Encode();
        byte[] challenge = new LinkChallenge(1, 2, Spki, new byte[32], 5).Encode(hello, Sign);
        LinkProofMessage sent = new()
        {
            AttachmentTime = 77,
            AttachmentSignature = new byte[64],
            TokenId = "t",
            EnrolmentMac = LinkTranscript.EnrolmentMac(new byte[32], hello, challenge),
            RequestedName = "hospital-a",
            Ticket = [1, 2, 3],
            OrganisationCertificate = [4],
        };
        byte[] bytes = sent.Encode(hello, challenge, Sign);
        Assert.True(LinkProofMessage.TryDecode(bytes, out LinkProofMessage read, out byte[] signedPart, out byte[] signature));
        Assert.Equal(bytes, read.Encode(hello, challenge, _ => signature));
        Assert.True(LinkSignature.Verify(Spki, LinkTranscript.InitiatorStatement(hello, challenge, signedPart), signature));

        // An unknown key 22 added without the key holder breaks the signature.
        CborWriter value = new();
        value.WriteUInt32(1);
        byte[] extended = [(byte)(bytes[0] + 1), .. bytes[1..], 22, .. value.Encode()];
        Assert.True(LinkProofMessage.TryDecode(extended, out _, out signedPart, out signature));
        Assert.False(LinkSignature.Verify(Spki, LinkTranscript.InitiatorStatement(hello, challenge, signedPart), signature));
    }

    [Fact]
    public void Statements_of_different_kinds_never_coincide()
    {
        byte[] acceptor = LinkTranscript.AcceptorStatement([1], [2]);
        byte[] initiator = LinkTranscript.InitiatorStatement([1], [2], []);
        byte[] attachment = LinkTranscript.AttachmentStatement(default, default, 0);
        Assert.Equal(3, new[] { acceptor, initiator, attachment }.Select(Convert.ToHexString).Distinct().Count());
        Assert.Equal("qanat-link/1 acceptor\0"u8, acceptor.AsSpan(0, 22));
        Assert.Equal(22 + 32, acceptor.Length);
        Assert.Equal(15 + 16 + 16 + 8, attachment.Length);
    }

    [Fact]
    public void Welcome_round_trips()
    {
        LinkWelcomeMessage sent = new()
        {
            Result = LinkRefusal.NameTaken,
            Line = "taken",
            Ticket = [1],
            HubTable = [[1, 2], [3]],
            ParticipantName = "a",
            HeartbeatSeconds = 7,
            HubName = "east",
        };
        byte[] bytes = sent.Encode();
        Assert.True(LinkWelcomeMessage.TryDecode(bytes, out LinkWelcomeMessage read));
        Assert.Equal(bytes, read.Encode());
        Assert.Equal((LinkRefusal.NameTaken, "taken", 7), (read.Result, read.Line, read.HeartbeatSeconds));
        Assert.False(LinkWelcomeMessage.TryDecode(new CborMapWriter().Add(16, 0UL).Add(20, 0UL).Encode(), out _));
        Assert.False(LinkWelcomeMessage.TryDecode(new CborMapWriter().Add(16, 0UL).Add(20, 3601UL).Encode(), out _));
    }

    [Theory]
    [InlineData("\u001b[2J")]
    [InlineData("bank-a\r\nQanat-Peer-Mid: forged")]
    [InlineData("\u009b31m")]
    public void Text_that_could_forge_a_log_line_a_header_or_a_terminal_is_refused(string text)
    {
        Assert.True(LinkWelcomeMessage.TryDecode(new LinkWelcomeMessage { Result = LinkRefusal.None, HubName = "hub-ä" }.Encode(), out _));
        Assert.False(LinkWelcomeMessage.TryDecode(new LinkWelcomeMessage { Result = LinkRefusal.None, HubName = text }.Encode(), out _));
        Assert.False(LinkWelcomeMessage.TryDecode(new LinkWelcomeMessage { Result = LinkRefusal.None, ParticipantName = text }.Encode(), out _));
        Assert.False(LinkWelcomeMessage.TryDecode(new LinkWelcomeMessage { Result = LinkRefusal.None, Line = text }.Encode(), out _));
        Assert.False(HubRecord.TryVerify(new HubRecord("hub", Spki, 1, [text], []).Encode(Sign), out _));
    }

    [Fact]
    public void Ticket_is_valid_only_under_its_home_hubs_key_and_unchanged()
    {
        MembershipTicket ticket = new("a", Mid.Read(new byte[16]), Mid.FromSubjectPublicKeyInfo(Spki), 1, 2, 3, 4, 5);
        byte[] bytes = ticket.Encode(Sign);
        Assert.True(MembershipTicket.TryVerify(bytes, Spki, out MembershipTicket read));
        Assert.Equal(ticket, read);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.False(MembershipTicket.TryVerify(bytes, other.ExportSubjectPublicKeyInfo(), out _));
        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] changed = [.. bytes];
            changed[i] ^= 4;
            Assert.False(MembershipTicket.TryVerify(changed, Spki, out _));
        }
    }

    [Fact]
    public void Hub_record_is_valid_only_unchanged_and_not_as_a_ticket()
    {
        byte[] bytes = new HubRecord("east", Spki, 9, ["ws://a:1"], ["tcp://a:2"]).Encode(Sign);
        Assert.True(HubRecord.TryVerify(bytes, out HubRecord read));
        Assert.Equal(Mid.FromSubjectPublicKeyInfo(Spki), read.Mid);
        Assert.Equal(["ws://a:1"], read.NodeAddresses);
        Assert.False(MembershipTicket.TryVerify(bytes, Spki, out _));
        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] changed = [.. bytes];
            changed[i] ^= 2;
            Assert.False(HubRecord.TryVerify(changed, out _));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("a0")] // no fields
    [InlineData("bf00ff")] // indefinite length
    [InlineData("b818")] // more entries than bounded
    [InlineData("a20001")] // cut off
    [InlineData("a200010001")] // key twice
    [InlineData("a201010001")] // keys not ascending
    [InlineData("a1001801")] // number not in its shortest form
    [InlineData("a1205f41014102ff")] // negative key
    [InlineData("a10001ff")] // bytes behind
    public void Maps_that_are_not_deterministic_are_refused(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.False(CborMap.TryRead(bytes, 1024, out CborMap map) && map.Has(0));
        Assert.False(LinkHello.TryDecode(bytes, out _));
    }

    [Fact]
    public void Deep_nesting_and_long_messages_are_refused_or_ignored_without_harm()
    {
        byte[] deep = [0xA1, 0x17, .. Enumerable.Repeat((byte)0x81, 16_000), 0x00];
        CborMap.TryRead(deep, LinkHandshake.MaxMessage, out _);
        Assert.False(CborMap.TryRead(new byte[LinkHandshake.MaxMessage + 1], LinkHandshake.MaxMessage, out _));
        Assert.False(LinkHello.TryDecode(new CborMapWriter().Add(0, "qanat-link").Add(1, 1UL).Add(2, 1UL).Add(3, 1UL).Add(4, new byte[257]).Add(5, new byte[32]).Add(6, 0UL).Encode(), out _));
        Assert.False(LinkHello.TryDecode(new CborMapWriter().Add(0, "qanat-link").Add(1, 1UL).Add(2, 1UL).Add(3, 1UL).Add(4, new byte[91]).Add(5, new byte[31]).Add(6, 0UL).Encode(), out _));
    }

    [Fact]
    public void Any_bytes_and_any_change_of_a_right_message_never_throw()
    {
        byte[] hello = Hello().Encode();
        byte[] challenge = new LinkChallenge(1, 2, Spki, new byte[32], 5).Encode(hello, Sign);
        byte[] proof = new LinkProofMessage { AttachmentTime = 1, AttachmentSignature = new byte[64], RequestedName = "x" }.Encode(hello, challenge, Sign);
        byte[] welcome = new LinkWelcomeMessage { Result = 0, HubTable = [[1]] }.Encode();
        byte[] ticket = new MembershipTicket("a", default, default, 1, 2, 3, 4, 5).Encode(Sign);
        Gen<byte[]> mutated = Gen.Select(Gen.OneOf(hello, challenge, proof, welcome, ticket), Gen.Int[0, 400], Gen.Byte, Gen.Int[0, 400]).Select((m, at, value, cut) =>
        {
            byte[] copy = [.. m];
            copy[at % copy.Length] = value;
            return copy[..Math.Min(copy.Length, cut)];
        });
        Gen.OneOf(mutated, Gen.Byte.Array[0, 100]).Sample(bytes =>
        {
            LinkHello.TryDecode(bytes, out _);
            LinkChallenge.TryDecode(bytes, out _, out _, out _);
            LinkProofMessage.TryDecode(bytes, out _, out _, out _);
            LinkWelcomeMessage.TryDecode(bytes, out _);
            MembershipTicket.TryDecodeUnverified(bytes, out _);
            HubRecord.TryVerify(bytes, out _);
        });
    }
}
