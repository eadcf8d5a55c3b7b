namespace Qanat.Gm;

/// <summary>Known answers of SM3 and SM4.</summary>
public static partial class GmSelfTest
{
    // GB/T 32907 appendix A: the key and the plaintext of its examples; also the key of RFC 8998.
    private static readonly byte[] s_key = Convert.FromHexString("0123456789ABCDEFFEDCBA9876543210");
    private static readonly byte[] s_vector = Convert.FromHexString("000102030405060708090A0B0C0D0E0F");
    private static readonly byte[] s_nonce = Convert.FromHexString("00001234567800000000ABCD");
    private static readonly byte[] s_associated = Convert.FromHexString("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
    private static readonly byte[] s_aead = Convert.FromHexString(
        "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDDEEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA");

    private const string AbcHash = "66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0";
    private const string GbT32905 = "GB/T 32905 appendix A", GbT32907 = "GB/T 32907 appendix A", Ribose = "draft-ribose-cfrg-sm4 appendix A";

    private static void Sm3Answers(Bench bench)
    {
        bench.Known("SM3, one block", GbT32905, AbcHash, () => Sm3.HashData("abc"u8));
        bench.Known("SM3, two blocks", GbT32905, "DEBE9FF92275B8A138604889C18E5A4D6FDB70E5387E5765293DCBA39C0C5732",
            () => Sm3.HashData("abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd"u8));
        bench.Known($"SM3, {Sm3Lanes.LaneCount} messages at once", GbT32905, string.Concat(Enumerable.Repeat(AbcHash, Sm3Lanes.LaneCount)), () =>
        {
            ReadOnlyMemory<byte>[] messages = new ReadOnlyMemory<byte>[Sm3Lanes.LaneCount];
            Array.Fill(messages, "abc"u8.ToArray());
            byte[] hashes = new byte[messages.Length * Sm3.HashSizeInBytes];
            Sm3Lanes.HashData(messages, hashes);
            return hashes;
        });
        bench.Known("HMAC-SM3", "RFC 4231 section 4.3 with SM3", "2E87F1D16862E6D964B50A5200BF2B10B764FAA9680A296A2405F24BEC39F882",
            () => HmacSm3.HashData("Jefe"u8, "what do ya want for nothing?"u8));
    }

    private static void Sm4Answers(Bench bench, Sm4Kernel kernel)
    {
        string path = $", path {kernel.Implementation}";
        bench.Known("SM4-ECB" + path, GbT32907, "681EDF34D206965E86B3E94F536E4246" + Convert.ToHexString(s_key), () =>
        {
            using Sm4 cipher = new(s_key, kernel);
            byte[] blocks = new byte[32];
            cipher.EncryptEcb(s_key, blocks.AsSpan(0, 16));
            cipher.DecryptEcb(blocks.AsSpan(0, 16), blocks.AsSpan(16));
            return blocks;
        });
        bench.Known("SM4-CBC" + path, Ribose, "78EBB11CC40B0A48312AAEB2040244CB4CB7016951909226979B0D15DC6A8F6D", () =>
        {
            using Sm4 cipher = new(s_key, kernel);
            byte[] plaintext = Convert.FromHexString("AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEEEEEEFFFFFFFFAAAAAAAABBBBBBBB"), ciphertext = new byte[32], back = new byte[32];
            cipher.EncryptCbc(plaintext, s_vector, ciphertext);
            cipher.DecryptCbc(ciphertext, s_vector, back);
            return back.AsSpan().SequenceEqual(plaintext) ? ciphertext : back;
        });
        bench.Known("SM4-CTR" + path, Ribose, "AC3236CB970CC20791364C395A1342D1A3CBC1878C6F30CD074CCE385CDD70C7F234BC0E24C11980FD1286310CE37B926E02FCD0FAA0BAF38B2933851D824514", () =>
        {
            using Sm4 cipher = new(s_key, kernel);
            byte[] plaintext = Convert.FromHexString("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDDEEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB");
            byte[] ciphertext = new byte[plaintext.Length];
            cipher.TransformCtr(plaintext, s_vector, ciphertext);
            return ciphertext;
        });
        bench.Known("SM4-GCM" + path, "RFC 8998 A.1", "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
            + "83DE3541E4C2B58177E065A9BF7B62EC", () =>
        {
            using Sm4Gcm gcm = new(s_key, 16, kernel);
            byte[] output = new byte[s_aead.Length + 16], back = new byte[s_aead.Length];
            gcm.Encrypt(s_nonce, s_aead, output.AsSpan(0, s_aead.Length), output.AsSpan(s_aead.Length), s_associated);
            gcm.Decrypt(s_nonce, output.AsSpan(0, s_aead.Length), output.AsSpan(s_aead.Length), back, s_associated);
            return back.AsSpan().SequenceEqual(s_aead) ? output : back;
        });
        bench.Known("SM4-CCM" + path, "RFC 8998 A.2", "48AF93501FA62ADBCD414CCE6034D895DDA1BF8F132F042098661572E7483094FD12E518CE062C98ACEE28D95DF4416BED31A2F04476C18BB40C84A74B97DC5B"
            + "16842D4FA186F56AB33256971FA110F4", () =>
        {
            using Sm4Ccm ccm = new(s_key, kernel);
            byte[] output = new byte[s_aead.Length + 16], back = new byte[s_aead.Length];
            ccm.Encrypt(s_nonce, s_aead, output.AsSpan(0, s_aead.Length), output.AsSpan(s_aead.Length), s_associated);
            ccm.Decrypt(s_nonce, output.AsSpan(0, s_aead.Length), output.AsSpan(s_aead.Length), back, s_associated);
            return back.AsSpan().SequenceEqual(s_aead) ? output : back;
        });
    }
}
