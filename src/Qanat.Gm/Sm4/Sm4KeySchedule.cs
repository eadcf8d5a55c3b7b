using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>The round keys of SM4 (GB/T 32907 section 7.3), in constant time: the S-box is computed, by GFNI where the processor has it and otherwise bit by bit; no table is read.</summary>
internal static unsafe class Sm4KeySchedule
{
    public const int KeySizeInBytes = 16;
    public const int Rounds = 32;

    /// <summary>Bytes of one schedule; the one for decryption, the same words in reverse order, follows the one for encryption.</summary>
    public const int SizeInBytes = Rounds * sizeof(uint);

    /// <summary>Writes the 32 words for encryption and, when asked, 32 more for decryption.</summary>
    public static void Expand(ReadOnlySpan<byte> key, uint* schedule, bool both)
    {
        uint k0 = BinaryPrimitives.ReadUInt32BigEndian(key) ^ 0xA3B1BAC6;
        uint k1 = BinaryPrimitives.ReadUInt32BigEndian(key[4..]) ^ 0x56AA3350;
        uint k2 = BinaryPrimitives.ReadUInt32BigEndian(key[8..]) ^ 0x677D9197;
        uint k3 = BinaryPrimitives.ReadUInt32BigEndian(key[12..]) ^ 0xB27022DC;
        for (int round = 0; round < Rounds; round++)
        {
            uint word = k1 ^ k2 ^ k3 ^ Constant(round);
            uint substituted = Gfni.IsSupported ? GfniSbox128.Apply(Vector128.CreateScalar(word).AsByte()).AsUInt32().ToScalar() : Substitute(word);
            uint next = k0 ^ substituted ^ BitOperations.RotateLeft(substituted, 13) ^ BitOperations.RotateLeft(substituted, 23);
            (k0, k1, k2, k3) = (k1, k2, k3, next);
            schedule[round] = next;
            if (both)
                schedule[(2 * Rounds) - 1 - round] = next;
        }
    }

    /// <summary>CK of round i: the bytes (4i + j) * 7 mod 256 for j = 0..3.</summary>
    private static uint Constant(int round)
    {
        uint first = (uint)round * 28;
        return ((first & 0xFF) << 24) | (((first + 7) & 0xFF) << 16) | (((first + 14) & 0xFF) << 8) | ((first + 21) & 0xFF);
    }

    /// <summary>The S-box on the four bytes of a word, bit-sliced. Plane i holds bit i of each byte, one byte in each element.</summary>
    internal static uint Substitute(uint word)
    {
        word ^= Sm4BitSlicedSbox.InputConstant * 0x01010101u;
        Vector128<uint> bytes = Vector128.Create(word, word >> 8, word >> 16, word >> 24);
        Vector128<uint> one = Vector128.Create(1u);
        Vector128<uint> p0 = bytes & one, p1 = (bytes >>> 1) & one, p2 = (bytes >>> 2) & one, p3 = (bytes >>> 3) & one;
        Vector128<uint> p4 = (bytes >>> 4) & one, p5 = (bytes >>> 5) & one, p6 = (bytes >>> 6) & one, p7 = (bytes >>> 7) & one;
        Sm4BitSlicedSbox.Apply(ref p0, ref p1, ref p2, ref p3, ref p4, ref p5, ref p6, ref p7);
        Vector128<uint> all = p0 | (p1 << 1) | (p2 << 2) | (p3 << 3) | (p4 << 4) | (p5 << 5) | (p6 << 6) | (p7 << 7);
        uint result = all.GetElement(0) | (all.GetElement(1) << 8) | (all.GetElement(2) << 16) | (all.GetElement(3) << 24);
        return result ^ (Sm4BitSlicedSbox.OutputConstant * 0x01010101u);
    }
}
