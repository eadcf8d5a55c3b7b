using System.Security.Cryptography;
using CsCheck;
using Qanat.Wire.Control;
using Qanat.Wire.Handshake;

namespace Qanat.Wire.Tests;

public sealed class ControlPayloadTests
{
    private static readonly ECDsa s_key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly byte[] s_spki = s_key.ExportSubjectPublicKeyInfo();
    private static readonly Mid s_mid = Mid.FromSubjectPublicKeyInfo(s_spki);
    private static readonly Mid s_other = Mid.FromSubjectPublicKeyInfo([1]);

    private static byte[] Sign(ReadOnlySpan<byte> data) => s_key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    [Fact]
    public void Resolve_round_trips()
    {
        Assert.True(ResolveQuery.TryDecode(new ResolveQuery("hospital-b.west", Mid.None).Encode(), out ResolveQuery byName));
        Assert.Equal("hospital-b.west", byName.Name);
        Assert.True(ResolveQuery.TryDecode(new ResolveQuery(null, s_mid).Encode(), out ResolveQuery byMid));
        Assert.Equal((null, s_mid), (byMid.Name, byMid.Member));
        ResolveAnswer answer = new() { Status = FrameReason.None, Name = "b.west", Member = s_mid, Hub = s_other, SubjectPublicKeyInfo = s_spki, AttachmentTime = 5, AttachmentSignature = new byte[64], Online = true, Ticket = [1] };
        Assert.True(ResolveAnswer.TryDecode(answer.Encode(), out ResolveAnswer read));
        Assert.Equal(answer.Encode(), read.Encode());
        Assert.True(ResolveAnswer.TryDecode(new ResolveAnswer { Status = FrameReason.UnknownMember }.Encode(), out read));
        Assert.Equal((FrameReason.UnknownMember, true, false), (read.Status, read.Member.IsNone, read.Online));
    }

    [Fact]
    public void An_announcement_holds_only_for_its_member_hub_and_time()
    {
        byte[] signature = Sign(LinkTranscript.AttachmentStatement(s_mid, s_other, 77));
        MemberAnnouncement good = new(s_mid, s_other, s_spki, 77, signature, "a.east");
        Assert.True(MemberAnnouncement.TryDecode(good.Encode(), out MemberAnnouncement read));
        Assert.True(read.Verify());
        Assert.False((good with { Time = 78 }).Verify());
        Assert.False((good with { Hub = s_mid }).Verify());
        Assert.False((good with { Member = s_other }).Verify());
        Assert.True(MemberWithdrawal.TryDecode(new MemberWithdrawal(s_mid, 9).Encode(), out MemberWithdrawal gone));
        Assert.Equal(new MemberWithdrawal(s_mid, 9), gone);
    }

    [Fact]
    public void A_revocation_list_is_verified_under_the_home_hubs_key()
    {
        byte[] list = new RevocationList(s_mid, [(s_other, 5), (s_mid, 6)]).Encode(Sign);
        Assert.True(RevocationList.TryVerify(list, s_spki, out RevocationList read));
        Assert.Equal([(s_other, 5ul), (s_mid, 6ul)], read.Members);
        for (int i = 0; i < list.Length; i++)
        {
            byte[] changed = [.. list];
            changed[i] ^= 1;
            Assert.False(RevocationList.TryVerify(changed, s_spki, out _));
        }
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.False(RevocationList.TryVerify(list, other.ExportSubjectPublicKeyInfo(), out _));
    }

    [Fact]
    public void A_hub_table_carries_as_many_records_as_fit()
    {
        byte[][] records = [.. Enumerable.Range(0, 100).Select(i => new byte[1000])];
        byte[] payload = HubTablePayload.Encode(records);
        Assert.InRange(payload.Length, 60000, FrameHeader.MaxPayload);
        Assert.True(HubTablePayload.TryDecode(payload, out byte[][] read));
        Assert.InRange(read.Length, 60, 66);
    }

    [Fact]
    public void Any_bytes_never_throw() =>
        Gen.OneOf(Gen.Byte.Array[0, 200], Gen.Byte.Array[0, 60].Select(tail => (byte[])[0xA3, 0x00, 0x01, .. tail])).Sample(bytes =>
        {
            ResolveQuery.TryDecode(bytes, out _);
            ResolveAnswer.TryDecode(bytes, out _);
            MemberAnnouncement.TryDecode(bytes, out _);
            MemberWithdrawal.TryDecode(bytes, out _);
            HubTablePayload.TryDecode(bytes, out _);
            RevocationList.TryVerify(bytes, s_spki, out _);
        });
}
