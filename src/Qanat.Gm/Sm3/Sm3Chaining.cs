using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Qanat.Gm;

/// <summary>The eight words V of SM3 between two blocks (GB/T 32905 section 5.3).</summary>
[InlineArray(Words)]
internal struct Sm3Chaining
{
    public const int Words = 8;

    private uint _word0;

    /// <summary>The initial value, GB/T 32905 section 4.1.</summary>
    public static Sm3Chaining InitialValue
    {
        get
        {
            Sm3Chaining v = default;
            v[0] = 0x7380166f;
            v[1] = 0x4914b2b9;
            v[2] = 0x172442d7;
            v[3] = 0xda8a0600;
            v[4] = 0xa96f30bc;
            v[5] = 0x163138aa;
            v[6] = 0xe38dee4d;
            v[7] = 0xb0fb0e4e;
            return v;
        }
    }

    /// <summary>Writes the words big-endian: the hash value once the padded end has been compressed.</summary>
    public readonly void Write(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Sm3.HashSizeInBytes, nameof(destination));
        for (int i = 0; i < Words; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[(4 * i)..], this[i]);
        }
    }
}
