using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Qanat.Gm.Tests;

/// <summary>Every path against BouncyCastle: random keys, sizes, positions in memory and associated data. Seeds are fixed, so that a failure comes again.</summary>
public sealed class Sm4AgreementTests
{
    private static readonly int s_cases =
        !Vector128.IsHardwareAccelerated ? 200 :
        Environment.GetEnvironmentVariable("QANAT_FULL") == "1" ? 1_000_000 :
        Environment.GetEnvironmentVariable(Sm4SwitchTests.ForbiddenVariable) is not null ? 10_000 : 100_000;

    public static TheoryData<string> Paths => Sm4Paths.Names;

    [Fact]
    public void Gcm_agrees_with_the_oracle() => Run(1, (random, kernel, draw) =>
    {
        byte[] key = Bytes(random, 16), nonce = Bytes(random, random.Next(8) == 0 ? random.Next(1, 40) : 12), associated = Bytes(random, random.Next(4) == 0 ? random.Next(200) : random.Next(24));
        byte[] plaintext = Bytes(random, draw);
        int tagSize = random.Next(12, 17);
        byte[] expected = Sm4Oracle.Gcm(key, nonce, plaintext, associated, tagSize);
        using Sm4Gcm gcm = new(key, tagSize, kernel);
        Memory<byte> input = Shifted(random, plaintext), output = random.Next(2) == 0 ? input : Shifted(random, new byte[draw]);
        byte[] tag = new byte[tagSize];
        gcm.Encrypt(nonce, input.Span, output.Span, tag, associated);
        Assert.True(output.Span.SequenceEqual(expected.AsSpan(0, draw)), $"ciphertext of {draw} bytes");
        Assert.True(tag.AsSpan().SequenceEqual(expected.AsSpan(draw)), $"tag for {draw} bytes and {associated.Length} of associated data");
        Memory<byte> back = random.Next(2) == 0 ? output : Shifted(random, new byte[draw]);
        gcm.Decrypt(nonce, output.Span, tag, back.Span, associated);
        Assert.True(back.Span.SequenceEqual(plaintext));
    });

    [Fact]
    public void Ctr_agrees_with_the_oracle_also_where_words_carry() => Run(2, (random, kernel, draw) =>
    {
        byte[] key = Bytes(random, 16), counter = Bytes(random, 16), data = Bytes(random, draw);
        if (random.Next(2) == 0)
            counter.AsSpan(16 - random.Next(4, 17)).Fill(0xFF);
        if (random.Next(2) == 0)
            BinaryPrimitives.WriteUInt32BigEndian(counter.AsSpan(12), (uint)-random.Next(1, 80));
        byte[] expected = Sm4Oracle.Ctr(key, counter, data);
        using Sm4 cipher = new(key, kernel);
        Memory<byte> input = Shifted(random, data), output = random.Next(2) == 0 ? input : Shifted(random, new byte[draw]);
        cipher.TransformCtr(input.Span, counter, output.Span);
        Assert.True(output.Span.SequenceEqual(expected), $"{draw} bytes from {Convert.ToHexString(counter)}");
    });

    [Fact]
    public void Ecb_and_cbc_agree_with_the_oracle() => Run(3, (random, kernel, draw) =>
    {
        byte[] key = Bytes(random, 16), vector = Bytes(random, 16), data = Bytes(random, draw & ~15);
        using Sm4 cipher = new(key, kernel);
        Check(random, data, Sm4Oracle.Ecb(key, data, encrypt: true), cipher.EncryptEcb);
        Check(random, data, Sm4Oracle.Ecb(key, data, encrypt: false), cipher.DecryptEcb);
        Check(random, data, Sm4Oracle.Cbc(key, vector, data, encrypt: true), (source, destination) => cipher.EncryptCbc(source, vector, destination));
        Check(random, data, Sm4Oracle.Cbc(key, vector, data, encrypt: false), (source, destination) => cipher.DecryptCbc(source, vector, destination));
    }, divideBy: 4);

    [Fact]
    public void Ccm_agrees_with_the_oracle() => Run(4, (random, kernel, draw) =>
    {
        byte[] key = Bytes(random, 16), nonce = Bytes(random, random.Next(7, 14)), associated = Bytes(random, random.Next(4) == 0 ? random.Next(300) : random.Next(24));
        byte[] plaintext = Bytes(random, draw);
        int tagSize = 2 * random.Next(2, 9);
        byte[] expected = Sm4Oracle.Ccm(key, nonce, plaintext, associated, tagSize);
        using Sm4Ccm ccm = new(key, kernel);
        Memory<byte> input = Shifted(random, plaintext), output = random.Next(2) == 0 ? input : Shifted(random, new byte[draw]);
        byte[] tag = new byte[tagSize];
        ccm.Encrypt(nonce, input.Span, output.Span, tag, associated);
        Assert.True(output.Span.SequenceEqual(expected.AsSpan(0, draw)), $"ciphertext of {draw} bytes");
        Assert.True(tag.AsSpan().SequenceEqual(expected.AsSpan(draw)), $"tag for {draw} bytes and {associated.Length} of associated data");
        ccm.Decrypt(nonce, output.Span, tag, output.Span, associated);
        Assert.True(output.Span.SequenceEqual(plaintext));
    }, divideBy: 4);

    [Theory, MemberData(nameof(Paths))]
    public void Every_length_gives_the_same_bytes_as_the_portable_path(string path)
    {
        int longest = !Vector128.IsHardwareAccelerated ? 300 : 4200;
        Random random = new(5);
        byte[] key = Bytes(random, 16), nonce = Bytes(random, 12), data = Bytes(random, longest);
        using Sm4Gcm mine = new(key, 16, Sm4Paths.Get(path)), portable = new(key, 16, Sm4Kernels.Available()[^1]);
        byte[] output = new byte[longest], expected = new byte[longest], tag = new byte[16], expectedTag = new byte[16], back = new byte[longest];
        for (int length = 0; length <= longest; length += length < 1200 ? 1 : 13)
        {
            int associated = length % 45;
            portable.Encrypt(nonce, data.AsSpan(0, length), expected.AsSpan(0, length), expectedTag, data.AsSpan(0, associated));
            mine.Encrypt(nonce, data.AsSpan(0, length), output.AsSpan(0, length), tag, data.AsSpan(0, associated));
            Assert.True(output.AsSpan(0, length).SequenceEqual(expected.AsSpan(0, length)) && tag.AsSpan().SequenceEqual(expectedTag), $"{length} bytes");
            mine.Decrypt(nonce, output.AsSpan(0, length), tag, back.AsSpan(0, length), data.AsSpan(0, associated));
            Assert.True(back.AsSpan(0, length).SequenceEqual(data.AsSpan(0, length)), $"{length} bytes");
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Long_messages_agree_with_the_oracle(string path)
    {
        Random random = new(6);
        byte[] key = Bytes(random, 16), nonce = Bytes(random, 12), associated = Bytes(random, 5000);
        int longest = !Vector128.IsHardwareAccelerated || Sm4Paths.IsModel(path) ? 20_000 : 300_000;
        byte[] data = Bytes(random, longest);
        foreach (int length in new[] { 16_384, 16_401, longest })
        {
            byte[] expected = Sm4Oracle.Gcm(key, nonce, data.AsSpan(0, length), associated, 16);
            using Sm4Gcm gcm = new(key, 16, Sm4Paths.Get(path));
            byte[] output = new byte[length], tag = new byte[16];
            gcm.Encrypt(nonce, data.AsSpan(0, length), output, tag, associated);
            Assert.True(output.AsSpan().SequenceEqual(expected.AsSpan(0, length)));
            Assert.Equal(expected[length..], tag);
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Lanes_give_the_same_as_one_record_after_the_other(string path)
    {
        Random random = new(7);
        Sm4Kernel kernel = Sm4Paths.Get(path);
        for (int round = 0; round < 40; round++)
        {
            Sm4[] ciphers = [.. Enumerable.Range(0, 3).Select(_ => new Sm4(Bytes(random, 16), kernel))];
            int count = random.Next(0, 40);
            List<Sm4CbcLane> lanes = [];
            int offset = random.Next(5);
            for (int i = 0; i < count; i++)
            {
                int length = 16 * random.Next(0, 30);
                lanes.Add(new Sm4CbcLane(ciphers[random.Next(3)], offset, offset + 16, length));
                offset += 16 + length + random.Next(7);
            }
            byte[] buffer = Bytes(random, offset + 3), expected = [.. buffer];
            foreach (Sm4CbcLane lane in lanes)
            {
                Span<byte> data = expected.AsSpan(lane.Offset, lane.Length);
                lane.Cipher.EncryptCbc(data, expected.AsSpan(lane.InitializationVectorOffset, 16), data);
            }
            Sm4.EncryptCbcLanes(buffer, [.. lanes]);
            Assert.Equal(expected, buffer);
            Array.ForEach(ciphers, cipher => cipher.Dispose());
        }
    }

    private delegate void Transform(ReadOnlySpan<byte> source, Span<byte> destination);

    private static void Run(int seed, Action<Random, Sm4Kernel, int> check, int divideBy = 1)
    {
        Random random = new(seed);
        for (int i = 0; i < s_cases / divideBy; i++)
        {
            // The models are slow; they take one case in 64.
            IReadOnlyList<Sm4Kernel> kernels = i % 64 == 0 ? Sm4Paths.All : Sm4Paths.Real;
            int length = random.Next(64) switch { 0 => random.Next(6000), < 16 => random.Next(1500), _ => random.Next(300) };
            check(random, kernels[random.Next(kernels.Count)], length);
        }
    }

    private static void Check(Random random, byte[] data, byte[] expected, Transform transform)
    {
        Memory<byte> input = Shifted(random, data), output = random.Next(2) == 0 ? input : Shifted(random, new byte[data.Length]);
        transform(input.Span, output.Span);
        Assert.True(output.Span.SequenceEqual(expected), $"{data.Length} bytes");
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>A copy at a position that is not aligned to anything.</summary>
    private static Memory<byte> Shifted(Random random, byte[] data)
    {
        int offset = random.Next(64);
        byte[] copy = new byte[data.Length + offset];
        data.CopyTo(copy, offset);
        return copy.AsMemory(offset);
    }
}
