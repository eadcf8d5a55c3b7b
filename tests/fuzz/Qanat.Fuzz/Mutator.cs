using System.Buffers.Binary;

namespace Qanat.Fuzz;

/// <summary>Changes inputs in a way that depends on the seed only: a poor fuzzer, but one that runs anywhere and finds the same again.</summary>
internal sealed class Mutator(byte[][] corpus, int seed)
{
    private const int MaxLength = 80_000;
    private static readonly ulong[] s_interesting = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x3ff8, 0x3ff9, 0x7fff, 0x8000, 0xffff, 0x10000, 0x10001, 0x7fffffff, 0x80000000, 0xffffffff, long.MaxValue, 1UL << 63, ulong.MaxValue];

    // The generator of .NET for a fixed seed is stable across versions.
    private readonly Random _random = new(seed);

    /// <summary>The next input: an entry of the corpus with one to eight changes.</summary>
    internal byte[] Next()
    {
        List<byte> input = [.. corpus[_random.Next(corpus.Length)]];
        for (int changes = _random.Next(1, 9); changes > 0; changes--)
        {
            Change(input);
        }
        return input.Count <= MaxLength ? [.. input] : [.. input.Take(MaxLength)];
    }

    private void Change(List<byte> input)
    {
        int at = _random.Next(input.Count + 1);
        int length = Math.Min(_random.Next(1, 33), input.Count - at);
        switch (_random.Next(8))
        {
            case 0 when length > 0:
                input[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when length > 0:
                input[at] = (byte)_random.Next(256);
                break;
            case 2:
                input.RemoveRange(at, length);
                break;
            case 3:
                input.InsertRange(at, input.GetRange(at, length));
                break;
            case 4:
                byte[] noise = new byte[_random.Next(1, 17)];
                _random.NextBytes(noise);
                input.InsertRange(at, noise);
                break;
            case 5:
                Overwrite(input, at);
                break;
            case 6:
                byte[] other = corpus[_random.Next(corpus.Length)];
                int from = _random.Next(other.Length + 1);
                input.InsertRange(at, other.AsSpan(from, _random.Next(other.Length - from + 1)));
                break;
            default:
                input.RemoveRange(at, input.Count - at);
                break;
        }
    }

    private void Overwrite(List<byte> input, int at)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(number, s_interesting[_random.Next(s_interesting.Length)]);
        int width = 1 << _random.Next(4);
        for (int i = 0; i < width && at + i < input.Count; i++)
        {
            input[at + i] = number[8 - width + i];
        }
    }
}
