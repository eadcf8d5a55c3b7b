using System.Numerics;
using System.Security.Cryptography;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests.Sm2Tests;

public sealed class Sm2KeyExchangeTests
{
    /// <summary>GB/T 32918.5-2017 annex A.3.</summary>
    private const string
        DA = "81EB26E941BB5AF16DF116495F90695272AE2CD63D6C4AE1678418BE48230029",
        PA = "04160E12897DF4EDB61DD812FEB96748FBD3CCF4FFE26AA6F6DB9540AF49C942324A7DAD08BB9A459531694BEB20AA489D6649975E1BFCF8C4741B78B4B223007F",
        DB = "785129917D45A9EA5437A59356B82338EAADDA6CEB199088F14AE10DEFA229B5",
        PB = "046AE848C57C53C7B1B5FA99EB2286AF078BA64C64591B8B566F7357D576F16DFBEE489D771621A27B36C5C7992062E9CD09A9264386F3FBEA54DFF69305621C4D",
        RandomA = "D4DE15474DB74D06491C440D305E012400990F3E390C7E87153C12DB2EA60BB3",
        RA = "0464CED1BDBC99D590049B434D0FD73428CF608A5DB8FE5CE07F15026940BAE40E376629C7AB21E7DB260922499DDB118F07CE8EAAE3E7720AFEF6A5CC062070C0",
        RandomB = "7E07124814B309489125EAED101113164EBF0F3458C5BD88335C1F9D596243D6",
        RB = "04ACC27688A6F7B706098BC91FF3AD1BFF7DC2802CDB14CCCCDB0A90471F9BD7072FEDAC0494B2FFC4D6853876C79B8F301C6573AD0AA50F39FC87181E1A1B46FE",
        Key = "6C89347354DE2484C60B4AB1FDE4C6E5",
        SB = "D3A0FE15DEE185CEAE907A6B595CC32A266ED7B3367E9983A896DC32FA20F8EB",
        SA = "18C7894B3816DF16CF07B05C5EC0BEF5D655D58F779CC1B400A4F3884644DB88";

    [Fact]
    [Trait("Kind", "Vector")]
    public void Example_of_the_standard_holds_on_both_sides()
    {
        using Sm2 a = Sm2.Create(Convert.FromHexString(DA)), b = Sm2.Create(Convert.FromHexString(DB));
        Assert.Equal(PA, Convert.ToHexString(a.PublicKey));
        Assert.Equal(PB, Convert.ToHexString(b.PublicKey));
        using Sm2KeyExchange initiator = new(a, Sm2.DefaultUserId, Sm2KeyExchangeRole.Initiator, Sm2.Create(Convert.FromHexString(RandomA)));
        using Sm2KeyExchange responder = new(b, Sm2.DefaultUserId, Sm2KeyExchangeRole.Responder, Sm2.Create(Convert.FromHexString(RandomB)));
        Assert.Equal(RA, Convert.ToHexString(initiator.EphemeralPublicKey));
        Assert.Equal(RB, Convert.ToHexString(responder.EphemeralPublicKey));
        byte[] keyA = new byte[16], keyB = new byte[16], confirmation = new byte[32];
        initiator.DeriveKey(b, Sm2.DefaultUserId, responder.EphemeralPublicKey, keyA);
        responder.DeriveKey(a, Sm2.DefaultUserId, initiator.EphemeralPublicKey, keyB);
        Assert.Equal(Key, Convert.ToHexString(keyA));
        Assert.Equal(Key, Convert.ToHexString(keyB));
        responder.WriteConfirmation(confirmation);
        Assert.Equal(SB, Convert.ToHexString(confirmation));
        Assert.True(initiator.VerifyConfirmation(confirmation));
        initiator.WriteConfirmation(confirmation);
        Assert.Equal(SA, Convert.ToHexString(confirmation));
        Assert.True(responder.VerifyConfirmation(confirmation));
    }

    [Fact]
    public void Both_roles_equal_BouncyCastle()
    {
        byte[] d = new byte[32], e = new byte[32];
        Random random = new(8);
        for (int i = 0; i < 100 * Numbers.Scale; i++)
        {
            using Sm2 own = Sm2.Create(), peer = Sm2.Create(), peerEphemeral = Sm2.Create();
            Sm2 ephemeral = Sm2.Create();
            own.ExportPrivateKey(d);
            ephemeral.ExportPrivateKey(e);
            byte[] ownId = RandomNumberGenerator.GetBytes(1 + random.Next(30)), peerId = RandomNumberGenerator.GetBytes(1 + random.Next(30));
            byte[] key = new byte[1 + random.Next(100)];
            Sm2KeyExchangeRole role = (Sm2KeyExchangeRole)(i & 1);
            using Sm2KeyExchange exchange = new(own, ownId, role, ephemeral);
            exchange.DeriveKey(peer, peerId, peerEphemeral.PublicKey, key);
            Assert.Equal(BouncyCastleSm2.Exchange(role == Sm2KeyExchangeRole.Initiator, d, e, ownId, peer.PublicKey, peerEphemeral.PublicKey, peerId, key.Length), key);
        }
    }

    [Fact]
    public void Other_ids_keys_or_roles_give_other_keys_and_confirmations()
    {
        using Sm2 a = Sm2.Create(), b = Sm2.Create(), other = Sm2.Create();
        using Sm2KeyExchange right = new(a, "A"u8, Sm2KeyExchangeRole.Initiator);
        byte[] key = new byte[48], peerKey = new byte[48], confirmation = new byte[32];
        foreach (int what in (int[])[0, 1, 2, 3, 4])
        {
            using Sm2KeyExchange peer = new(what == 1 ? other : b, what == 2 ? "C"u8 : "B"u8, what == 3 ? Sm2KeyExchangeRole.Initiator : Sm2KeyExchangeRole.Responder);
            right.DeriveKey(b, "B"u8, peer.EphemeralPublicKey, key);
            peer.DeriveKey(a, what == 4 ? "B"u8 : "A"u8, right.EphemeralPublicKey, peerKey);
            peer.WriteConfirmation(confirmation);
            Assert.Equal(what == 0, key.AsSpan().SequenceEqual(peerKey));
            Assert.Equal(what == 0, right.VerifyConfirmation(confirmation));
            right.WriteConfirmation(confirmation);
            Assert.Equal(what == 0, peer.VerifyConfirmation(confirmation));
        }
    }

    /// <summary>A peer that knows its own keys can choose them so that P + w(x) R is infinity.</summary>
    [Fact]
    public void Keys_that_cancel_each_other_are_refused()
    {
        BigInteger n = Numbers.FromLimbs(Scalar.Order), r = 987654321;
        using Sm2 ephemeral = Sm2.Create(Numbers.ToBytes(r)), own = Sm2.Create();
        BigInteger x = Numbers.FromBytes(ephemeral.PublicKey.Slice(1, 32));
        BigInteger w = (BigInteger.One << 127) + x % (BigInteger.One << 127);
        using Sm2 evil = Sm2.Create(Numbers.ToBytes(((-w * r) % n + n) % n));
        using Sm2KeyExchange exchange = new(own, Sm2.DefaultUserId, Sm2KeyExchangeRole.Initiator);
        byte[] key = new byte[48];
        Assert.Throws<CryptographicException>(() => exchange.DeriveKey(evil, Sm2.DefaultUserId, ephemeral.PublicKey, key));
        // The same for an own pair with t = 0: the shared point is infinity.
        using Sm2KeyExchange zero = new(evil, Sm2.DefaultUserId, Sm2KeyExchangeRole.Initiator, Sm2.Create(Numbers.ToBytes(r)));
        using Sm2 peer = Sm2.Create();
        Assert.Throws<CryptographicException>(() => zero.DeriveKey(peer, Sm2.DefaultUserId, own.PublicKey, key));
        Assert.All(key, value => Assert.Equal(0, value));
    }

    [Fact]
    public void Shared_secrets_equal_BouncyCastle_and_OpenSsl()
    {
        OpenSslSm2.Require();
        byte[] d = new byte[32];
        for (int i = 0; i < 100 * Numbers.Scale; i++)
        {
            using Sm2 own = Sm2.Create(), peer = Sm2.Create();
            own.ExportPrivateKey(d);
            byte[] secret = own.DeriveRawSecretAgreement(peer.PublicKey);
            Assert.Equal(secret, peer.DeriveRawSecretAgreement(own.PublicKey));
            Assert.Equal(BouncyCastleSm2.Agree(d, peer.PublicKey), secret);
            Assert.Equal(OpenSslSm2.Agree(d, peer.PublicKey), secret);
        }
    }

    [Fact]
    public void Misuse_is_told()
    {
        using Sm2 key = Sm2.Create(), peer = Sm2.Create();
        using Sm2 publicKey = Sm2.ImportPublicKey(key.PublicKey);
        Assert.Throws<InvalidOperationException>(() => new Sm2KeyExchange(publicKey, Sm2.DefaultUserId, Sm2KeyExchangeRole.Initiator));
        Assert.Throws<InvalidOperationException>(() => new Sm2KeyExchange(key, Sm2.DefaultUserId, Sm2KeyExchangeRole.Initiator, publicKey));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sm2KeyExchange(key, Sm2.DefaultUserId, (Sm2KeyExchangeRole)2));
        using Sm2KeyExchange exchange = new(key, Sm2.DefaultUserId, Sm2KeyExchangeRole.Initiator);
        Assert.Throws<InvalidOperationException>(() => exchange.WriteConfirmation(new byte[32]));
        Assert.Throws<InvalidOperationException>(() => exchange.VerifyConfirmation(new byte[32]));
        Assert.Throws<ArgumentException>(() => exchange.DeriveKey(peer, Sm2.DefaultUserId, peer.PublicKey, []));
        exchange.DeriveKey(peer, Sm2.DefaultUserId, peer.PublicKey, new byte[48]);
        Assert.Throws<ArgumentException>(() => exchange.WriteConfirmation(new byte[31]));
        Assert.False(exchange.VerifyConfirmation([]));
        exchange.Dispose();
        Assert.Throws<ObjectDisposedException>(() => exchange.DeriveKey(peer, Sm2.DefaultUserId, peer.PublicKey, new byte[48]));
        _ = key.SignHash(new byte[32], DSASignatureFormat.Rfc3279DerSequence);
    }
}
