using System.Text;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;
using Qanat.Gm;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Tests.Schedule;

/// <summary>The schedules against BouncyCastle's HKDF and HMAC; the recorded connections check them against three other programs.</summary>
public sealed class KeyScheduleTests
{
    private static readonly byte[] s_shared = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly byte[] s_hash1 = Sm3.HashData("one"u8);
    private static readonly byte[] s_hash2 = Sm3.HashData("two"u8);
    private static readonly byte[] s_hash3 = Sm3.HashData("three"u8);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Schedule_of_tls13_is_that_of_RFC_8446(bool isResumption)
    {
        byte[] psk = isResumption ? Sm3.HashData("psk"u8) : [];
        byte[] empty = Sm3.HashData([]);
        byte[] early = Extract(isResumption ? psk : new byte[32], new byte[32]);
        byte[] handshake = Extract(s_shared, ExpandLabel(early, "derived", empty, 32));
        byte[] master = Extract(new byte[32], ExpandLabel(handshake, "derived", empty, 32));

        using Tls13KeySchedule schedule = new(psk);
        schedule.DeriveHandshakeSecrets(s_shared, s_hash1);
        Assert.Equal(ExpandLabel(handshake, "c hs traffic", s_hash1, 32), schedule.ClientHandshakeTrafficSecret.ToArray());
        Assert.Equal(ExpandLabel(handshake, "s hs traffic", s_hash1, 32), schedule.ServerHandshakeTrafficSecret.ToArray());
        schedule.DeriveApplicationSecrets(s_hash2);
        byte[] traffic = ExpandLabel(master, "c ap traffic", s_hash2, 32);
        Assert.Equal(traffic, schedule.ClientApplicationTrafficSecret.ToArray());
        Assert.Equal(ExpandLabel(master, "s ap traffic", s_hash2, 32), schedule.ServerApplicationTrafficSecret.ToArray());
        Assert.Equal(ExpandLabel(master, "exp master", s_hash2, 32), schedule.ExporterMasterSecret.ToArray());
        schedule.DeriveResumptionSecret(s_hash3);
        byte[] resumption = ExpandLabel(master, "res master", s_hash3, 32);
        Assert.Equal(resumption, schedule.ResumptionMasterSecret.ToArray());

        schedule.UpdateApplicationSecret(isServer: false);
        Assert.Equal(ExpandLabel(traffic, "traffic upd", [], 32), schedule.ClientApplicationTrafficSecret.ToArray());
        byte[] ticket = new byte[32];
        Tls13KeyDerivation.DeriveTicketPsk(resumption, [0, 1], ticket);
        Assert.Equal(ExpandLabel(resumption, "resumption", [0, 1], 32), ticket);
    }

    [Fact]
    public void Finished_and_binder_of_tls13_verify_and_nothing_else_does()
    {
        byte[] verifyData = new byte[32];
        Tls13KeyDerivation.ComputeFinished(s_shared, s_hash1, verifyData);
        Assert.Equal(Mac(ExpandLabel(s_shared, "finished", [], 32), s_hash1), verifyData);
        Assert.True(Tls13KeyDerivation.VerifyFinished(s_shared, s_hash1, verifyData));
        Assert.False(Tls13KeyDerivation.VerifyFinished(s_shared, s_hash2, verifyData));
        Assert.False(Tls13KeyDerivation.VerifyFinished(s_shared, s_hash1, verifyData.AsSpan(1)));

        byte[] external = new byte[32], resumption = new byte[32];
        Tls13KeyDerivation.DeriveBinderKey(s_shared, true, external);
        Tls13KeyDerivation.DeriveBinderKey(s_shared, false, resumption);
        byte[] early = Extract(s_shared, new byte[32]);
        Assert.Equal(ExpandLabel(early, "ext binder", Sm3.HashData([]), 32), external);
        Assert.Equal(ExpandLabel(early, "res binder", Sm3.HashData([]), 32), resumption);
    }

    [Fact]
    public void Exporter_of_tls13_is_that_of_RFC_8446()
    {
        byte[] exported = new byte[50];
        Tls13KeyDerivation.Export(s_shared, "EXPORTER-test"u8, [1, 2, 3], exported);
        Assert.Equal(ExpandLabel(ExpandLabel(s_shared, "EXPORTER-test", Sm3.HashData([]), 32), "exporter", Sm3.HashData([1, 2, 3]), 50), exported);
    }

    [Fact]
    public void Schedule_out_of_order_is_refused_and_a_disposed_one_tells_nothing()
    {
        using Tls13KeySchedule schedule = new();
        Assert.Throws<InvalidOperationException>(() => schedule.DeriveApplicationSecrets(s_hash1));
        Assert.Throws<InvalidOperationException>(() => { _ = schedule.ClientHandshakeTrafficSecret; });
        schedule.DeriveHandshakeSecrets(s_shared, s_hash1);
        Assert.Throws<InvalidOperationException>(() => schedule.DeriveHandshakeSecrets(s_shared, s_hash1));
        Assert.Throws<InvalidOperationException>(() => { _ = schedule.ResumptionMasterSecret; });
        schedule.Dispose();
        Assert.Throws<InvalidOperationException>(() => { _ = schedule.ClientHandshakeTrafficSecret; });
    }

    [Fact]
    public void Keys_of_tlcp_are_those_of_P_SM3()
    {
        byte[] clientRandom = Sm3.HashData("client"u8), serverRandom = Sm3.HashData("server"u8);
        byte[] premaster = [.. s_shared, .. new byte[16]];
        byte[] master = new byte[48];
        TlcpKeySchedule.DeriveMasterSecret(premaster, clientRandom, serverRandom, master);
        Assert.Equal(Prf(premaster, "master secret", [.. clientRandom, .. serverRandom], 48), master);

        byte[] cbc = Prf(master, "key expansion", [.. serverRandom, .. clientRandom], 96);
        using (TlcpKeyBlock block = TlcpKeySchedule.DeriveKeyBlock(SmCipherSuite.EcdheSm4CbcSm3, master, clientRandom, serverRandom))
        {
            Assert.Equal(cbc[..32], block.MacKey(false).ToArray());
            Assert.Equal(cbc[32..64], block.MacKey(true).ToArray());
            Assert.Equal(cbc[64..80], block.Key(false).ToArray());
            Assert.Equal(cbc[80..96], block.Key(true).ToArray());
            Assert.True(block.FixedIv(true).IsEmpty);
        }
        TlcpKeyBlock gcm = TlcpKeySchedule.DeriveKeyBlock(SmCipherSuite.EccSm4GcmSm3, master, clientRandom, serverRandom);
        Assert.True(gcm.MacKey(true).IsEmpty);
        Assert.Equal(cbc[..16], gcm.Key(false).ToArray());
        Assert.Equal(cbc[16..32], gcm.Key(true).ToArray());
        Assert.Equal(cbc[32..36], gcm.FixedIv(false).ToArray());
        Assert.Equal(cbc[36..40], gcm.FixedIv(true).ToArray());
        gcm.Dispose();
        Assert.Equal(new byte[16], gcm.Key(true).ToArray());

        byte[] verifyData = new byte[12];
        TlcpKeySchedule.ComputeFinished(true, master, s_hash1, verifyData);
        Assert.Equal(Prf(master, "server finished", s_hash1, 12), verifyData);
        Assert.True(TlcpKeySchedule.VerifyFinished(true, master, s_hash1, verifyData));
        Assert.False(TlcpKeySchedule.VerifyFinished(false, master, s_hash1, verifyData));

        byte[] exported = new byte[40];
        TlcpKeySchedule.Export(master, clientRandom, serverRandom, "label"u8, [7], true, exported);
        Assert.Equal(Prf(master, "label", [.. clientRandom, .. serverRandom, 0, 1, 7], 40), exported);
        TlcpKeySchedule.Export(master, clientRandom, serverRandom, "label"u8, [], false, exported);
        Assert.Equal(Prf(master, "label", [.. clientRandom, .. serverRandom], 40), exported);
    }

    [Fact]
    public void Transcript_hashes_what_was_appended()
    {
        using HandshakeTranscript transcript = new(keepsRaw: true);
        byte[] hash = new byte[32];
        transcript.Append([1, 2]);
        transcript.GetHashWith([3], hash);
        Assert.Equal(Sm3.HashData([1, 2, 3]), hash);
        transcript.Append([9]);
        transcript.GetHash(hash);
        Assert.Equal(Sm3.HashData([1, 2, 9]), hash);
        Assert.Equal([1, 2, 9], transcript.Raw.ToArray());

        byte[] synthetic = [254, 0, 0, 32, .. hash];
        transcript.ReplaceByMessageHash();
        transcript.Append([5]);
        transcript.GetHash(hash);
        Assert.Equal(Sm3.HashData([.. synthetic, 5]), hash);
        Assert.Equal([.. synthetic, 5], transcript.Raw.ToArray());
        transcript.DropRaw();
        Assert.True(transcript.Raw.IsEmpty);
    }

    [Fact]
    public void Key_log_lines_round_trip_and_foreign_lines_are_passed_over()
    {
        byte[] random = Sm3.HashData("r"u8);
        string file = $"# comment\n\n{KeyLogLine.Format(KeyLogLine.ClientRandom, random, s_shared)}\r\n{KeyLogLine.Format(KeyLogLine.ServerTraffic, s_hash1, s_hash2)}\nbroken line\nX {Convert.ToHexString(random)} 0g\n";
        IReadOnlyDictionary<string, byte[]> secrets = KeyLogLine.Parse(Encoding.UTF8.GetBytes(file), random);
        Assert.Equal(s_shared, Assert.Single(secrets, pair => pair.Key == KeyLogLine.ClientRandom).Value);
        Assert.Single(secrets);
    }

    private static byte[] Extract(byte[] input, byte[] salt) => Mac(salt, input);

    private static byte[] ExpandLabel(byte[] secret, string label, byte[] context, int length)
    {
        byte[] name = Encoding.ASCII.GetBytes("tls13 " + label);
        HkdfBytesGenerator hkdf = new(new SM3Digest());
        hkdf.Init(HkdfParameters.SkipExtractParameters(secret, [(byte)(length >> 8), (byte)length, (byte)name.Length, .. name, (byte)context.Length, .. context]));
        byte[] output = new byte[length];
        hkdf.GenerateBytes(output, 0, length);
        return output;
    }

    private static byte[] Prf(byte[] secret, string label, byte[] seed, int length)
    {
        byte[] labelled = [.. Encoding.ASCII.GetBytes(label), .. seed];
        List<byte> output = [];
        for (byte[] chain = Mac(secret, labelled); output.Count < length; chain = Mac(secret, chain))
        {
            output.AddRange(Mac(secret, [.. chain, .. labelled]));
        }
        return [.. output.Take(length)];
    }

    private static byte[] Mac(byte[] key, byte[] data)
    {
        HMac mac = new(new SM3Digest());
        mac.Init(new KeyParameter(key));
        mac.BlockUpdate(data, 0, data.Length);
        byte[] output = new byte[32];
        mac.DoFinal(output, 0);
        return output;
    }
}
