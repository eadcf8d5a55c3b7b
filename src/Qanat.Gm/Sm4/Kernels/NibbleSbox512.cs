using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// SM4's S-box by shuffles that look up nibbles in registers, after Hamburg, "Accelerating AES with vector permute instructions" (2009). The field is taken as
/// pairs over GF(16) = GF(2)[x]/(x^4 + x + 1) in a basis t, t' with t + t' = 1 and t t' = 1/a; a nibble with its top bit set stands for infinity,
/// and the shuffle makes its inverse 0.
/// </summary>
internal readonly struct NibbleSbox512 : ISm4Sbox<Vector512<byte>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Apply(Vector512<byte> bytes)
    {
        Vector512<byte> nibble = Vector512.Create((byte)0x0F), inverse = Vector512.Create(Inverse0, Inverse1, Inverse0, Inverse1, Inverse0, Inverse1, Inverse0, Inverse1).AsByte();
        Vector512<byte> pair = Affine(bytes, nibble, Vector512.Create(InputLow0, InputLow1, InputLow0, InputLow1, InputLow0, InputLow1, InputLow0, InputLow1).AsByte(), Vector512.Create(InputHigh0, InputHigh1, InputHigh0, InputHigh1, InputHigh0, InputHigh1, InputHigh0, InputHigh1).AsByte());
        Invert(pair, nibble, inverse, Vector512.Create(Quotient0, Quotient1, Quotient0, Quotient1, Quotient0, Quotient1, Quotient0, Quotient1).AsByte(), out Vector512<byte> i, out Vector512<byte> j);
        return Output(i, j, Vector512.Create(OutputI0, OutputI1, OutputI0, OutputI1, OutputI0, OutputI1, OutputI0, OutputI1).AsByte(), Vector512.Create(OutputJ0, OutputJ1, OutputJ0, OutputJ1, OutputJ0, OutputJ1, OutputJ0, OutputJ1).AsByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(ref Vector512<byte> x0, ref Vector512<byte> x1, ref Vector512<byte> x2, ref Vector512<byte> x3)
    {
        Vector512<byte> nibble = Vector512.Create((byte)0x0F), low = Vector512.Create(InputLow0, InputLow1, InputLow0, InputLow1, InputLow0, InputLow1, InputLow0, InputLow1).AsByte(), high = Vector512.Create(InputHigh0, InputHigh1, InputHigh0, InputHigh1, InputHigh0, InputHigh1, InputHigh0, InputHigh1).AsByte();
        x0 = Affine(x0, nibble, low, high);
        x1 = Affine(x1, nibble, low, high);
        x2 = Affine(x2, nibble, low, high);
        x3 = Affine(x3, nibble, low, high);
        Vector512<byte> inverse = Vector512.Create(Inverse0, Inverse1, Inverse0, Inverse1, Inverse0, Inverse1, Inverse0, Inverse1).AsByte(), quotient = Vector512.Create(Quotient0, Quotient1, Quotient0, Quotient1, Quotient0, Quotient1, Quotient0, Quotient1).AsByte(), outputI = Vector512.Create(OutputI0, OutputI1, OutputI0, OutputI1, OutputI0, OutputI1, OutputI0, OutputI1).AsByte(), outputJ = Vector512.Create(OutputJ0, OutputJ1, OutputJ0, OutputJ1, OutputJ0, OutputJ1, OutputJ0, OutputJ1).AsByte();
        Invert(x0, nibble, inverse, quotient, out Vector512<byte> i0, out Vector512<byte> j0);
        Invert(x1, nibble, inverse, quotient, out Vector512<byte> i1, out Vector512<byte> j1);
        Invert(x2, nibble, inverse, quotient, out Vector512<byte> i2, out Vector512<byte> j2);
        Invert(x3, nibble, inverse, quotient, out Vector512<byte> i3, out Vector512<byte> j3);
        x0 = Output(i0, j0, outputI, outputJ);
        x1 = Output(i1, j1, outputI, outputJ);
        x2 = Output(i2, j2, outputI, outputJ);
        x3 = Output(i3, j3, outputI, outputJ);
    }

    /// <summary>The pair (i, k = i + j) for the element i t + j t'.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Affine(Vector512<byte> x, Vector512<byte> nibble, Vector512<byte> low, Vector512<byte> high) =>
        Avx512BW.Shuffle(low, x & nibble) ^ Avx512BW.Shuffle(high, (x.AsUInt32() >>> 4).AsByte() & nibble);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Invert(Vector512<byte> pair, Vector512<byte> nibble, Vector512<byte> inverse, Vector512<byte> quotient, out Vector512<byte> outI, out Vector512<byte> outJ)
    {
        Vector512<byte> k = pair & nibble, i = (pair.AsUInt32() >>> 4).AsByte() & nibble, j = i ^ k;
        Vector512<byte> overK = Avx512BW.Shuffle(quotient, k);
        outI = Avx512BW.Shuffle(inverse, Avx512BW.Shuffle(inverse, i) ^ overK) ^ j;
        outJ = Avx512BW.Shuffle(inverse, Avx512BW.Shuffle(inverse, j) ^ overK) ^ i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Output(Vector512<byte> i, Vector512<byte> j, Vector512<byte> outputI, Vector512<byte> outputJ) =>
        Avx512F.TernaryLogic(Avx512BW.Shuffle(outputI, i), Avx512BW.Shuffle(outputJ, j), Vector512.Create(OutputConstant), 0x96);

    private const byte OutputConstant = 0xD3;

    private const ulong InputLow0 = 0x86CFAFE66A23430A, InputLow1 = 0xCE87E7AE226B0B42;

    private const ulong InputHigh0 = 0xAF1657EE41F8B900, InputHigh1 = 0x1AA3E25BF44D0CB5;

    /// <summary>1/n.</summary>
    private const ulong Inverse0 = 0x06070B0D0E090180, Inverse1 = 0x0803040A050C020F;

    /// <summary>a/n.</summary>
    private const ulong Quotient0 = 0x0B0F0A010D020480, Quotient1 = 0x060C030E07050809;

    private const ulong OutputI0 = 0x9C1475E90B1F8800, OutputI1 = 0x97E2F6FD7E616A83;

    private const ulong OutputJ0 = 0xA3E07FDC84644300, OutputJ1 = 0x2758B83CFB9F1BC7;
}
