using System.Runtime.Intrinsics;

namespace Qanat.Gm.Tests;

/// <summary>Published known answers on every path. <see cref="Sm4SwitchTests"/> runs this class again with the runtime's instruction set switches.</summary>
public sealed class Sm4VectorTests
{
    // GB/T 32907-2016 appendix A: key and plaintext of both examples.
    private static readonly byte[] s_example = Convert.FromHexString("0123456789ABCDEFFEDCBA9876543210");

    public static TheoryData<string> Paths => Sm4Paths.Names;

    [Theory, MemberData(nameof(Paths))]
    public void Gbt32907_example_1(string path)
    {
        using Sm4 cipher = new(s_example, Sm4Paths.Get(path));
        byte[] block = new byte[16];
        cipher.EncryptEcb(s_example, block);
        Assert.Equal("681EDF34D206965E86B3E94F536E4246", Convert.ToHexString(block));
        cipher.DecryptEcb(block, block);
        Assert.Equal(s_example, block);
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gbt32907_example_2_encrypts_a_million_times(string path)
    {
        // Serial single blocks are what the models and the emulated vectors are slowest at; the first thousand are checked against the path's own round trip.
        bool isSlow = Sm4Paths.IsModel(path) || !Vector128.IsHardwareAccelerated;
        int count = isSlow ? 1000 : 1_000_000;
        using Sm4 cipher = new(s_example, Sm4Paths.Get(path));
        byte[] block = [.. s_example];
        for (int i = 0; i < count; i++)
        {
            cipher.EncryptEcb(block, block);
        }
        if (!isSlow)
        {
            Assert.Equal("595298C7C6FD271F0402F804C33D3F66", Convert.ToHexString(block));
            return;
        }
        for (int i = 0; i < count; i++)
        {
            cipher.DecryptEcb(block, block);
        }
        Assert.Equal(s_example, block);
    }

    [Fact]
    public void Gbt32907_example_1_round_keys()
    {
        uint[] schedule = Schedule(s_example);
        Assert.Equal([0xF12186F9u, 0x41662B61u, 0x5A6AB19Au, 0x7BA92077u], schedule[..4]);
        Assert.Equal([0x428D3654u, 0x62293496u, 0x01CF72E5u, 0x9124A012u], schedule[28..32]);
        Assert.Equal(schedule[..32].Reverse(), schedule[32..]);
    }

    // RFC 8998 appendix A.1.
    [Theory, MemberData(nameof(Paths))]
    public void Rfc8998_gcm(string path)
    {
        using Sm4Gcm gcm = new(s_example, 16, Sm4Paths.Get(path));
        byte[] output = new byte[64], tag = new byte[16], back = new byte[64];
        gcm.Encrypt(Rfc8998.Nonce, Rfc8998.Plaintext, output, tag, Rfc8998.AssociatedData);
        Assert.Equal("17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D", Convert.ToHexString(output));
        Assert.Equal("83DE3541E4C2B58177E065A9BF7B62EC", Convert.ToHexString(tag));
        gcm.Decrypt(Rfc8998.Nonce, output, tag, back, Rfc8998.AssociatedData);
        Assert.Equal(Rfc8998.Plaintext, back);
    }

    // RFC 8998 appendix A.2.
    [Theory, MemberData(nameof(Paths))]
    public void Rfc8998_ccm(string path)
    {
        using Sm4Ccm ccm = new(s_example, Sm4Paths.Get(path));
        byte[] output = new byte[64], tag = new byte[16], back = new byte[64];
        ccm.Encrypt(Rfc8998.Nonce, Rfc8998.Plaintext, output, tag, Rfc8998.AssociatedData);
        Assert.Equal("48AF93501FA62ADBCD414CCE6034D895DDA1BF8F132F042098661572E7483094FD12E518CE062C98ACEE28D95DF4416BED31A2F04476C18BB40C84A74B97DC5B", Convert.ToHexString(output));
        Assert.Equal("16842D4FA186F56AB33256971FA110F4", Convert.ToHexString(tag));
        ccm.Decrypt(Rfc8998.Nonce, output, tag, back, Rfc8998.AssociatedData);
        Assert.Equal(Rfc8998.Plaintext, back);
    }

    /// <summary>For <see cref="Sm4SwitchTests"/>: with a switch set, the paths that it takes away are not there.</summary>
    [Fact]
    public void Switched_off_paths_are_not_used()
    {
        string[] forbidden = (Environment.GetEnvironmentVariable(Sm4SwitchTests.ForbiddenVariable) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
        Assert.DoesNotContain(Sm4.Implementation.ToString(), forbidden);
        Assert.All(Sm4Kernels.Available(), kernel => Assert.DoesNotContain(kernel.Implementation.ToString(), forbidden));
        Assert.Equal(Sm4Implementation.Portable, Sm4Kernels.Available()[^1].Implementation);
        Assert.Same(Sm4Kernels.Best.GetType(), Sm4Kernels.Available()[0].GetType());
    }

    private static unsafe uint[] Schedule(byte[] key)
    {
        uint[] schedule = new uint[64];
        fixed (uint* words = schedule)
            Sm4KeySchedule.Expand(key, words, both: true);
        return schedule;
    }

    private static class Rfc8998
    {
        public static byte[] Nonce { get; } = Convert.FromHexString("00001234567800000000ABCD");

        public static byte[] AssociatedData { get; } = Convert.FromHexString("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");

        public static byte[] Plaintext { get; } = Convert.FromHexString("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDDEEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA");
    }
}
