using System.Security.Cryptography;

namespace Qanat.Gm.Tests;

/// <summary>Lengths, overlap, wrong tags, padding, pieces, disposal and allocation.</summary>
public sealed class Sm4RulesTests
{
    private static readonly byte[] s_key = Convert.FromHexString("0123456789ABCDEFFEDCBA9876543210");
    private static readonly byte[] s_nonce = new byte[12];

    public static TheoryData<string> Paths => Sm4Paths.Names;

    [Theory, MemberData(nameof(Paths))]
    public void A_changed_bit_anywhere_is_found_and_no_plaintext_is_left(string path)
    {
        byte[] associated = Bytes(1, 20), plaintext = Bytes(2, 1300), ciphertext = new byte[1300], tag = new byte[16], output = new byte[1300];
        using Sm4Gcm gcm = new(s_key, 16, Sm4Paths.Get(path));
        gcm.Encrypt(s_nonce, plaintext, ciphertext, tag, associated);
        foreach (int bit in new[] { 0, 7, 127, 128, 1024 * 8, (1300 * 8) - 1 })
        {
            byte[] changed = Flip(ciphertext, bit);
            Bytes(3, 1300).CopyTo(output, 0);
            Assert.Throws<AuthenticationTagMismatchException>(() => gcm.Decrypt(s_nonce, changed, tag, output, associated));
            Assert.All(output, one => Assert.Equal(0, one));
            Assert.Throws<AuthenticationTagMismatchException>(() => gcm.Decrypt(s_nonce, changed, tag, changed, associated));
            Assert.All(changed, one => Assert.Equal(0, one));
        }
        for (int bit = 0; bit < 128; bit++)
        {
            Assert.Throws<AuthenticationTagMismatchException>(() => gcm.Decrypt(s_nonce, ciphertext, Flip(tag, bit), output, associated));
        }
        Assert.Throws<AuthenticationTagMismatchException>(() => gcm.Decrypt(s_nonce, ciphertext, tag, output, Flip(associated, 100)));
        Assert.Throws<AuthenticationTagMismatchException>(() => gcm.Decrypt(Flip(s_nonce, 3), ciphertext, tag, output, associated));
        Assert.Throws<AuthenticationTagMismatchException>(() => gcm.Decrypt(s_nonce, ciphertext.AsSpan(1), tag, output.AsSpan(1), associated));
        gcm.Decrypt(s_nonce, ciphertext, tag, output, associated);
        Assert.Equal(plaintext, output);
    }

    [Fact]
    public void Ccm_finds_a_changed_bit_and_leaves_no_plaintext()
    {
        byte[] associated = Bytes(1, 20), plaintext = Bytes(2, 100), ciphertext = new byte[100], tag = new byte[8], output = new byte[100];
        using Sm4Ccm ccm = new(s_key);
        ccm.Encrypt(s_nonce, plaintext, ciphertext, tag, associated);
        for (int bit = 0; bit < 800; bit += 37)
        {
            Bytes(3, 100).CopyTo(output, 0);
            Assert.Throws<AuthenticationTagMismatchException>(() => ccm.Decrypt(s_nonce, Flip(ciphertext, bit), tag, output, associated));
            Assert.All(output, one => Assert.Equal(0, one));
        }
        Assert.Throws<AuthenticationTagMismatchException>(() => ccm.Decrypt(s_nonce, ciphertext, Flip(tag, 63), output, associated));
        Assert.Throws<AuthenticationTagMismatchException>(() => ccm.Decrypt(s_nonce, ciphertext, tag, output, Flip(associated, 0)));
        ccm.Decrypt(s_nonce, ciphertext, tag, output, associated);
        Assert.Equal(plaintext, output);
    }

    [Fact]
    public void Partly_overlapping_memory_is_refused_before_anything_is_written()
    {
        byte[] memory = Bytes(1, 100), before = [.. memory], tag = new byte[16];
        using Sm4 cipher = new(s_key);
        using Sm4Gcm gcm = new(s_key, 16);
        using Sm4Ccm ccm = new(s_key);
        Assert.Throws<ArgumentException>(() => cipher.EncryptEcb(memory.AsSpan(0, 32), memory.AsSpan(16, 32)));
        Assert.Throws<ArgumentException>(() => cipher.DecryptCbc(memory.AsSpan(16, 32), new byte[16], memory.AsSpan(0, 32)));
        Assert.Throws<ArgumentException>(() => cipher.EncryptCbc(memory.AsSpan(1, 32), new byte[16], memory, PaddingMode.PKCS7));
        Assert.Throws<ArgumentException>(() => cipher.TransformCtr(memory.AsSpan(0, 33), new byte[16], memory.AsSpan(32)));
        Assert.Throws<ArgumentException>(() => gcm.Encrypt(s_nonce, memory.AsSpan(0, 20), memory.AsSpan(19, 20), tag));
        Assert.Throws<ArgumentException>(() => gcm.Decrypt(s_nonce, memory.AsSpan(1, 20), tag, memory.AsSpan(0, 20)));
        Assert.Throws<ArgumentException>(() => ccm.Encrypt(s_nonce, memory.AsSpan(0, 20), memory.AsSpan(19, 20), tag));
        Assert.Equal(before, memory);
        gcm.Encrypt(s_nonce, memory.AsSpan(0, 20), memory.AsSpan(20, 20), tag);
    }

    [Fact]
    public void Wrong_lengths_are_refused_with_the_right_one_named()
    {
        using Sm4 cipher = new(s_key);
        using Sm4Gcm gcm = new(s_key, 12);
        using Sm4Ccm ccm = new(s_key);
        Assert.Contains("16", Assert.Throws<CryptographicException>(() => new Sm4(new byte[15])).Message);
        Assert.Throws<CryptographicException>(() => new Sm4Gcm(new byte[32], 16));
        Assert.Throws<CryptographicException>(() => new Sm4Ccm([]));
        Assert.Throws<ArgumentException>(() => new Sm4Gcm(s_key, 11));
        Assert.Throws<ArgumentException>(() => new Sm4Gcm(s_key, 17));
        Assert.Throws<CryptographicException>(() => cipher.EncryptEcb(new byte[17], new byte[32]));
        Assert.Throws<CryptographicException>(() => cipher.EncryptCbc(new byte[16], new byte[12], new byte[16]));
        Assert.Throws<ArgumentException>(() => cipher.EncryptEcb(new byte[32], new byte[31]));
        Assert.Throws<CryptographicException>(() => cipher.TransformCtr(new byte[1], new byte[15], new byte[1]));
        Assert.Throws<ArgumentException>(() => gcm.Encrypt([], new byte[1], new byte[1], new byte[12]));
        Assert.Throws<ArgumentException>(() => gcm.Encrypt(s_nonce, new byte[1], new byte[2], new byte[12]));
        Assert.Throws<ArgumentException>(() => gcm.Decrypt(s_nonce, new byte[1], new byte[16], new byte[1]));
        Assert.Throws<ArgumentException>(() => ccm.Encrypt(new byte[6], [], [], new byte[16]));
        Assert.Throws<ArgumentException>(() => ccm.Encrypt(new byte[14], [], [], new byte[16]));
        Assert.Throws<ArgumentException>(() => ccm.Encrypt(new byte[12], [], [], new byte[5]));
        Assert.Throws<ArgumentException>(() => ccm.Encrypt(new byte[12], [], [], new byte[2]));
        Assert.Throws<ArgumentException>(() => ccm.Encrypt(new byte[13], new byte[65536], new byte[65536], new byte[16]));
        ccm.Encrypt(new byte[13], new byte[65535], new byte[65535], new byte[16]);
    }

    [Fact]
    public void Lanes_that_reach_beyond_the_buffer_are_refused_before_anything_is_written()
    {
        using Sm4 cipher = new(s_key);
        byte[] buffer = Bytes(1, 64), before = [.. buffer];
        foreach (Sm4CbcLane wrong in new[]
        {
            new Sm4CbcLane(cipher, 0, 16, 17), new Sm4CbcLane(cipher, 0, 16, 64), new Sm4CbcLane(cipher, 49, 16, 16), new Sm4CbcLane(cipher, -1, 16, 16),
            new Sm4CbcLane(cipher, 0, -16, 16), new Sm4CbcLane(cipher, 0, 16, -16), new Sm4CbcLane(cipher, 0, 65, 0), new Sm4CbcLane(null!, 0, 16, 16),
            new Sm4CbcLane(cipher, int.MaxValue, 16, 16), new Sm4CbcLane(cipher, 0, int.MaxValue, int.MaxValue - 15),
        })
        {
            Assert.Throws<ArgumentException>(() => Sm4.EncryptCbcLanes(buffer, [new Sm4CbcLane(cipher, 0, 16, 16), wrong]));
            Assert.Equal(before, buffer);
        }
    }

    [Theory]
    [InlineData(PaddingMode.PKCS7)]
    [InlineData(PaddingMode.ANSIX923)]
    [InlineData(PaddingMode.ISO10126)]
    [InlineData(PaddingMode.Zeros)]
    public void Padding_round_trips_in_place_at_every_length(PaddingMode padding)
    {
        using Sm4 cipher = new(s_key);
        byte[] vector = Bytes(9, 16);
        for (int length = 0; length < 70; length++)
        {
            byte[] plaintext = Bytes(length, length), memory = new byte[Sm4.GetCiphertextLengthCbc(length, padding)];
            plaintext.CopyTo(memory, 0);
            Assert.Equal(memory.Length, cipher.EncryptCbc(memory.AsSpan(0, length), vector, memory, padding));
            int back = cipher.DecryptCbc(memory, vector, memory, padding);
            Assert.Equal(padding == PaddingMode.Zeros ? memory.Length : length, back);
            Assert.Equal(plaintext, memory[..length]);
            Assert.All(memory[length..], one => Assert.Equal(0, one));
        }
    }

    [Fact]
    public void Wrong_padding_is_refused_and_no_plaintext_is_left()
    {
        using Sm4 cipher = new(s_key);
        byte[] vector = new byte[16];
        (PaddingMode Mode, string Block, bool IsRight)[] cases =
        [
            (PaddingMode.PKCS7, "00000000000000000000000000000001", true), (PaddingMode.PKCS7, "10101010101010101010101010101010", true),
            (PaddingMode.PKCS7, "00000000000000000000000000000000", false), (PaddingMode.PKCS7, "11111111111111111111111111111111", false),
            (PaddingMode.PKCS7, "00000000000000000000000000000202", true), (PaddingMode.PKCS7, "00000000000000000000000000000302", false),
            (PaddingMode.PKCS7, "11101010101010101010101010101010", false), (PaddingMode.PKCS7, "000000000000000000000000000000FF", false),
            (PaddingMode.ANSIX923, "FFFFFFFFFFFFFFFFFFFFFFFFFF000003", true), (PaddingMode.ANSIX923, "FFFFFFFFFFFFFFFFFFFFFFFFFF010003", false),
            (PaddingMode.ISO10126, "FFFFFFFFFFFFFFFFFFFFFFFFFF010203", true), (PaddingMode.ISO10126, "FFFFFFFFFFFFFFFFFFFFFFFFFF010200", false),
            (PaddingMode.ISO10126, "FFFFFFFFFFFFFFFFFFFFFFFFFF010211", false),
        ];
        foreach ((PaddingMode mode, string block, bool isRight) in cases)
        {
            byte[] ciphertext = new byte[16], output = Bytes(1, 16);
            cipher.EncryptCbc(Convert.FromHexString(block), vector, ciphertext);
            if (isRight)
            {
                Assert.Equal(16 - Convert.FromHexString(block)[15], cipher.DecryptCbc(ciphertext, vector, output, mode));
                continue;
            }
            Assert.Throws<CryptographicException>(() => cipher.DecryptCbc(ciphertext, vector, output, mode));
            Assert.Equal(new byte[16], output);
        }
        Assert.Throws<CryptographicException>(() => cipher.DecryptCbc([], vector, [], PaddingMode.PKCS7));
        Assert.Throws<CryptographicException>(() => cipher.EncryptCbc(new byte[15], vector, new byte[16], PaddingMode.None));
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gcm_in_pieces_gives_the_same_as_at_once(string path)
    {
        Random random = new(11);
        using Sm4Gcm gcm = new(s_key, 16, Sm4Paths.Get(path));
        using Sm4GcmStream stream = new(gcm);
        for (int round = 0; round < 60; round++)
        {
            byte[] nonce = Bytes(round, round % 5 == 0 ? 20 : 12), associated = Bytes(round, random.Next(80)), plaintext = Bytes(round, random.Next(4000));
            byte[] expected = new byte[plaintext.Length], tag = new byte[16], expectedTag = new byte[16], output = [.. plaintext];
            gcm.Encrypt(nonce, plaintext, expected, expectedTag, associated);
            stream.Start(nonce, encrypt: true);
            Pieces(random, associated.Length, (from, length) => stream.AppendAssociatedData(associated.AsSpan(from, length)));
            Pieces(random, output.Length, (from, length) => stream.Transform(output.AsSpan(from, length), output.AsSpan(from, length)));
            stream.GetTag(tag);
            Assert.Equal(expected, output);
            Assert.Equal(expectedTag, tag);
            foreach (bool isRight in new[] { true, false })
            {
                stream.Start(nonce, encrypt: false);
                stream.AppendAssociatedData(associated);
                byte[] back = new byte[output.Length];
                Pieces(random, output.Length, (from, length) => stream.Transform(output.AsSpan(from, length), back.AsSpan(from)));
                Assert.Equal(plaintext, back);
                Assert.Equal(isRight, stream.VerifyTag(isRight ? tag : Flip(tag, round)));
            }
        }
    }

    [Fact]
    public void Gcm_in_pieces_keeps_to_its_order()
    {
        using Sm4Gcm gcm = new(s_key, 16);
        Sm4GcmStream stream = new(gcm);
        byte[] one = new byte[1], tag = new byte[16];
        Assert.Throws<InvalidOperationException>(() => stream.Transform(one, one));
        Assert.Throws<InvalidOperationException>(() => stream.AppendAssociatedData(one));
        Assert.Throws<InvalidOperationException>(() => stream.GetTag(tag));
        Assert.Throws<ArgumentException>(() => stream.Start([], encrypt: true));
        stream.Start(s_nonce, encrypt: true);
        stream.Transform(one, one);
        Assert.Throws<InvalidOperationException>(() => stream.AppendAssociatedData(one));
        Assert.Throws<InvalidOperationException>(() => stream.VerifyTag(tag));
        Assert.Throws<ArgumentException>(() => stream.GetTag(new byte[12]));
        stream.GetTag(tag);
        Assert.Throws<InvalidOperationException>(() => stream.GetTag(tag));
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.Start(s_nonce, encrypt: true));
    }

    [Fact]
    public void Ctr_in_pieces_gives_the_same_as_at_once()
    {
        Random random = new(12);
        using Sm4 cipher = new(s_key);
        byte[] counter = Convert.FromHexString("00000000FFFFFFFFFFFFFFFFFFFFFFF0");
        for (int round = 0; round < 50; round++)
        {
            byte[] data = Bytes(round, random.Next(2000)), expected = new byte[data.Length];
            cipher.TransformCtr(data, counter, expected);
            using Sm4Ctr stream = new(cipher, counter);
            Pieces(random, data.Length, (from, length) => stream.Transform(data.AsSpan(from, length), data.AsSpan(from, length)));
            Assert.Equal(expected, data);
        }
    }

    [Fact]
    public void A_disposed_key_is_refused()
    {
        Sm4 cipher = new(s_key);
        Sm4Gcm gcm = new(s_key, 16);
        Sm4Ccm ccm = new(s_key);
        cipher.Dispose();
        cipher.Dispose();
        gcm.Dispose();
        ccm.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cipher.EncryptEcb(new byte[16], new byte[16]));
        Assert.Throws<ObjectDisposedException>(() => gcm.Encrypt(s_nonce, [], [], new byte[16]));
        Assert.Throws<ObjectDisposedException>(() => ccm.Encrypt(s_nonce, [], [], new byte[16]));
        Assert.Throws<ObjectDisposedException>(() => Sm4.EncryptCbcLanes(new byte[64], [new Sm4CbcLane(cipher, 0, 16, 16)]));
    }

    [Fact]
    public unsafe void Dispose_zeroes_the_key_memory()
    {
        KeyMemory memory = new();
        fixed (byte* start = &memory.Start)
        {
            Assert.Equal(0, (nint)start % 64);
            Span<byte> block = new(start, KeyMemory.SizeInBytes);
            block.Fill(0xA5);
            memory.Dispose();
            Assert.Equal(-1, block.IndexOfAnyExcept((byte)0));
        }
        Assert.Throws<ObjectDisposedException>(() => memory.Start);
    }

    [Fact]
    public void No_call_allocates()
    {
        using Sm4 cipher = new(s_key);
        using Sm4Gcm gcm = new(s_key, 16);
        using Sm4Ccm ccm = new(s_key);
        using Sm4GcmStream stream = new(gcm);
        byte[] data = new byte[4096], tag = new byte[16], counter = new byte[16];
        Sm4CbcLane[] lanes = [.. Enumerable.Range(0, 20).Select(i => new Sm4CbcLane(cipher, i * 200, (i * 200) + 16, 160))];
        int[] lengths = [0, 1, 16, 256, 1400, 4096];
        void All()
        {
            foreach (int length in lengths)
            {
                Span<byte> part = data.AsSpan(0, length);
                gcm.Encrypt(s_nonce, part, part, tag, counter);
                gcm.Decrypt(s_nonce, part, tag, part, counter);
                ccm.Encrypt(s_nonce, part, part, tag, counter);
                ccm.Decrypt(s_nonce, part, tag, part, counter);
                cipher.TransformCtr(part, counter, part);
                stream.Start(s_nonce, encrypt: true);
                stream.AppendAssociatedData(tag);
                stream.Transform(part, part);
                stream.GetTag(tag);
            }
            cipher.EncryptEcb(data, data);
            cipher.EncryptCbc(data, counter, data);
            cipher.DecryptCbc(data, counter, data);
            Sm4.EncryptCbcLanes(data, lanes);
        }
        Assert.Equal(0, Allocations.Of(All));
    }

    private static void Pieces(Random random, int length, Action<int, int> piece)
    {
        for (int from = 0; from < length;)
        {
            int next = Math.Min(length - from, random.Next(3) == 0 ? random.Next(1500) : random.Next(40));
            piece(from, next);
            from += next;
        }
    }

    private static byte[] Flip(byte[] bytes, int bit)
    {
        byte[] changed = [.. bytes];
        changed[bit / 8] ^= (byte)(1 << (bit % 8));
        return changed;
    }

    private static byte[] Bytes(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
