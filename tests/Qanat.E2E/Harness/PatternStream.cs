using System.Buffers.Binary;

namespace Qanat.E2E.Harness;

/// <summary>A byte sequence that both ends can compute from a seed, so that every byte received is checked, not only a final hash.</summary>
internal sealed class PatternStream(ulong seed)
{
    private ulong _state = (seed * 0x9E3779B97F4A7C15) | 1;
    private readonly byte[] _word = new byte[8];
    private int _used = 8;

    /// <summary>Bytes produced so far.</summary>
    public long Position { get; private set; }

    public void Fill(Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            if (_used == 8)
            {
                _state ^= _state << 13;
                _state ^= _state >> 7;
                _state ^= _state << 17;
                BinaryPrimitives.WriteUInt64LittleEndian(_word, _state);
                _used = 0;
            }
            destination[i] = _word[_used++];
        }
        Position += destination.Length;
    }

    /// <summary>Throws when <paramref name="received"/> is not what comes next.</summary>
    public void Verify(ReadOnlySpan<byte> received)
    {
        long start = Position;
        Span<byte> expected = received.Length <= 8192 ? stackalloc byte[received.Length] : new byte[received.Length];
        Fill(expected);
        if (!expected.SequenceEqual(received))
        {
            int at = expected.CommonPrefixLength(received);
            throw new InvalidDataException($"Byte {start + at} is wrong (lost, doubled or changed data).");
        }
    }
}
