using System.Buffers.Binary;

namespace Qanat.Gm;

/// <summary>
/// GHASH without carry-less instructions. Integer multiplication serves instead: operands keep every fourth bit only, so that sums of partial products do not
/// reach the next kept bit (the method of BearSSL's <c>ctmul64</c>). Relies on 64-bit multiplication taking the same time for all operands, as it does on
/// x86-64 and ARMv8.
/// </summary>
internal sealed unsafe class GhashPortable : GhashKernel
{
    public static GhashPortable Instance { get; } = new();

    public override string Name => "portable";

    /// <summary>The table: high and low half of H, and both with their bits reversed.</summary>
    public override void Initialize(byte* subkey, byte* table)
    {
        ulong* words = (ulong*)table;
        words[0] = BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(subkey, 8));
        words[1] = BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(subkey + 8, 8));
        words[2] = ReverseBits(words[0]);
        words[3] = ReverseBits(words[1]);
    }

    public override void Update(byte* table, byte* state, byte* data, nuint blocks)
    {
        ulong* words = (ulong*)table;
        ulong h1 = words[0], h0 = words[1], h1Reversed = words[2], h0Reversed = words[3];
        ulong y1 = BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(state, 8));
        ulong y0 = BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(state + 8, 8));
        for (; blocks > 0; blocks--, data += BlockSize)
        {
            y1 ^= BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(data, 8));
            y0 ^= BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(data + 8, 8));
            Multiply(ref y1, ref y0, h1, h0, h1Reversed, h0Reversed);
        }
        BinaryPrimitives.WriteUInt64BigEndian(new Span<byte>(state, 8), y1);
        BinaryPrimitives.WriteUInt64BigEndian(new Span<byte>(state + 8, 8), y0);
    }

    /// <summary>y *= h by Karatsuba; the high half of each 64x64 product is the low half of the product of the reversed operands, reversed.</summary>
    private static void Multiply(ref ulong y1, ref ulong y0, ulong h1, ulong h0, ulong h1Reversed, ulong h0Reversed)
    {
        ulong y1Reversed = ReverseBits(y1), y0Reversed = ReverseBits(y0);
        ulong low = MultiplyLow(y0, h0), high = MultiplyLow(y1, h1);
        ulong middle = MultiplyLow(y0 ^ y1, h0 ^ h1) ^ low ^ high;
        ulong lowTop = MultiplyLow(y0Reversed, h0Reversed), highTop = MultiplyLow(y1Reversed, h1Reversed);
        ulong middleTop = MultiplyLow(y0Reversed ^ y1Reversed, h0Reversed ^ h1Reversed) ^ lowTop ^ highTop;

        ulong v0 = low;
        ulong v1 = (ReverseBits(lowTop) >> 1) ^ middle;
        ulong v2 = high ^ (ReverseBits(middleTop) >> 1);
        ulong v3 = ReverseBits(highTop) >> 1;

        // The product of reflected operands is one bit short; then reduce by x^128 + x^7 + x^2 + x + 1.
        v3 = (v3 << 1) | (v2 >> 63);
        v2 = (v2 << 1) | (v1 >> 63);
        v1 = (v1 << 1) | (v0 >> 63);
        v0 <<= 1;
        v2 ^= v0 ^ (v0 >> 1) ^ (v0 >> 2) ^ (v0 >> 7);
        v1 ^= (v0 << 63) ^ (v0 << 62) ^ (v0 << 57);
        v3 ^= v1 ^ (v1 >> 1) ^ (v1 >> 2) ^ (v1 >> 7);
        v2 ^= (v1 << 63) ^ (v1 << 62) ^ (v1 << 57);
        y0 = v2;
        y1 = v3;
    }

    /// <summary>The low 64 bits of the carry-less product.</summary>
    private static ulong MultiplyLow(ulong x, ulong y)
    {
        const ulong m0 = 0x1111111111111111, m1 = 0x2222222222222222, m2 = 0x4444444444444444, m3 = 0x8888888888888888;
        ulong x0 = x & m0, x1 = x & m1, x2 = x & m2, x3 = x & m3;
        ulong y0 = y & m0, y1 = y & m1, y2 = y & m2, y3 = y & m3;
        ulong z0 = (x0 * y0) ^ (x1 * y3) ^ (x2 * y2) ^ (x3 * y1);
        ulong z1 = (x0 * y1) ^ (x1 * y0) ^ (x2 * y3) ^ (x3 * y2);
        ulong z2 = (x0 * y2) ^ (x1 * y1) ^ (x2 * y0) ^ (x3 * y3);
        ulong z3 = (x0 * y3) ^ (x1 * y2) ^ (x2 * y1) ^ (x3 * y0);
        return (z0 & m0) | (z1 & m1) | (z2 & m2) | (z3 & m3);
    }

    private static ulong ReverseBits(ulong x)
    {
        x = ((x & 0x5555555555555555) << 1) | ((x >> 1) & 0x5555555555555555);
        x = ((x & 0x3333333333333333) << 2) | ((x >> 2) & 0x3333333333333333);
        x = ((x & 0x0F0F0F0F0F0F0F0F) << 4) | ((x >> 4) & 0x0F0F0F0F0F0F0F0F);
        return BinaryPrimitives.ReverseEndianness(x);
    }
}
