using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// SM4's S-box as an affine map, the S-box of AES and another affine map: both S-boxes are inversion in isomorphic fields between affine maps. AESENCLAST with a zero
/// key gives the middle (and a row shift, undone before); an affine map is two shuffles that look up a nibble each in a register.
/// </summary>
internal static class AesSbox
{
    public const ulong InputLow0 = 0x078B37BB820EB23E, InputLow1 = 0x9814A8241D912DA1;

    public const ulong InputHigh0 = 0x37EB19C5F22EDC00, InputHigh1 = 0x3FE311CDFA26D408;

    public const ulong OutputLow0 = 0x2098EA521EA6D46C, OutputLow1 = 0x47FF8D3579C1B30B;

    public const ulong OutputHigh0 = 0x2DCD7D9DB050E000, OutputHigh1 = 0xED0DBD5D709020C0;

    /// <summary>The inverse of AES's ShiftRows.</summary>
    public const ulong UnshiftRows0 = 0x0B0E0104070A0D00, UnshiftRows1 = 0x0306090C0F020508;
}

internal readonly struct AesSbox128 : ISm4Sbox<Vector128<byte>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> bytes)
    {
        Vector128<byte> nibble = Vector128.Create((byte)0x0F);
        Vector128<byte> x = Ssse3.Shuffle(Affine(bytes, Vector128.Create(AesSbox.InputLow0, AesSbox.InputLow1).AsByte(), Vector128.Create(AesSbox.InputHigh0, AesSbox.InputHigh1).AsByte(), nibble), Vector128.Create(AesSbox.UnshiftRows0, AesSbox.UnshiftRows1).AsByte());
        return Affine(Middle(x), Vector128.Create(AesSbox.OutputLow0, AesSbox.OutputLow1).AsByte(), Vector128.Create(AesSbox.OutputHigh0, AesSbox.OutputHigh1).AsByte(), nibble);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(ref Vector128<byte> x0, ref Vector128<byte> x1, ref Vector128<byte> x2, ref Vector128<byte> x3)
    {
        Vector128<byte> nibble = Vector128.Create((byte)0x0F), low = Vector128.Create(AesSbox.InputLow0, AesSbox.InputLow1).AsByte(), high = Vector128.Create(AesSbox.InputHigh0, AesSbox.InputHigh1).AsByte(), unshift = Vector128.Create(AesSbox.UnshiftRows0, AesSbox.UnshiftRows1).AsByte();
        x0 = Middle(Ssse3.Shuffle(Affine(x0, low, high, nibble), unshift));
        x1 = Middle(Ssse3.Shuffle(Affine(x1, low, high, nibble), unshift));
        x2 = Middle(Ssse3.Shuffle(Affine(x2, low, high, nibble), unshift));
        x3 = Middle(Ssse3.Shuffle(Affine(x3, low, high, nibble), unshift));
        low = Vector128.Create(AesSbox.OutputLow0, AesSbox.OutputLow1).AsByte();
        high = Vector128.Create(AesSbox.OutputHigh0, AesSbox.OutputHigh1).AsByte();
        x0 = Affine(x0, low, high, nibble);
        x1 = Affine(x1, low, high, nibble);
        x2 = Affine(x2, low, high, nibble);
        x3 = Affine(x3, low, high, nibble);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Middle(Vector128<byte> x) => Aes.EncryptLast(x, Vector128<byte>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Affine(Vector128<byte> x, Vector128<byte> low, Vector128<byte> high, Vector128<byte> nibble) =>
        Ssse3.Shuffle(low, x & nibble) ^ Ssse3.Shuffle(high, (x.AsUInt32() >>> 4).AsByte() & nibble);
}

/// <summary>The affine maps on 256 bits, AES on the halves.</summary>
internal readonly struct AesSbox256 : ISm4Sbox<Vector256<byte>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Apply(Vector256<byte> bytes)
    {
        Vector256<byte> nibble = Vector256.Create((byte)0x0F);
        Vector256<byte> x = Avx2.Shuffle(Affine(bytes, Vector256.Create(AesSbox.InputLow0, AesSbox.InputLow1, AesSbox.InputLow0, AesSbox.InputLow1).AsByte(), Vector256.Create(AesSbox.InputHigh0, AesSbox.InputHigh1, AesSbox.InputHigh0, AesSbox.InputHigh1).AsByte(), nibble), Vector256.Create(AesSbox.UnshiftRows0, AesSbox.UnshiftRows1, AesSbox.UnshiftRows0, AesSbox.UnshiftRows1).AsByte());
        return Affine(Middle(x), Vector256.Create(AesSbox.OutputLow0, AesSbox.OutputLow1, AesSbox.OutputLow0, AesSbox.OutputLow1).AsByte(), Vector256.Create(AesSbox.OutputHigh0, AesSbox.OutputHigh1, AesSbox.OutputHigh0, AesSbox.OutputHigh1).AsByte(), nibble);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Apply(ref Vector256<byte> x0, ref Vector256<byte> x1, ref Vector256<byte> x2, ref Vector256<byte> x3)
    {
        Vector256<byte> nibble = Vector256.Create((byte)0x0F), low = Vector256.Create(AesSbox.InputLow0, AesSbox.InputLow1, AesSbox.InputLow0, AesSbox.InputLow1).AsByte(), high = Vector256.Create(AesSbox.InputHigh0, AesSbox.InputHigh1, AesSbox.InputHigh0, AesSbox.InputHigh1).AsByte(), unshift = Vector256.Create(AesSbox.UnshiftRows0, AesSbox.UnshiftRows1, AesSbox.UnshiftRows0, AesSbox.UnshiftRows1).AsByte();
        x0 = Middle(Avx2.Shuffle(Affine(x0, low, high, nibble), unshift));
        x1 = Middle(Avx2.Shuffle(Affine(x1, low, high, nibble), unshift));
        x2 = Middle(Avx2.Shuffle(Affine(x2, low, high, nibble), unshift));
        x3 = Middle(Avx2.Shuffle(Affine(x3, low, high, nibble), unshift));
        low = Vector256.Create(AesSbox.OutputLow0, AesSbox.OutputLow1, AesSbox.OutputLow0, AesSbox.OutputLow1).AsByte();
        high = Vector256.Create(AesSbox.OutputHigh0, AesSbox.OutputHigh1, AesSbox.OutputHigh0, AesSbox.OutputHigh1).AsByte();
        x0 = Affine(x0, low, high, nibble);
        x1 = Affine(x1, low, high, nibble);
        x2 = Affine(x2, low, high, nibble);
        x3 = Affine(x3, low, high, nibble);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Middle(Vector256<byte> x) => Vector256.Create(Aes.EncryptLast(x.GetLower(), Vector128<byte>.Zero), Aes.EncryptLast(x.GetUpper(), Vector128<byte>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Affine(Vector256<byte> x, Vector256<byte> low, Vector256<byte> high, Vector256<byte> nibble) =>
        Avx2.Shuffle(low, x & nibble) ^ Avx2.Shuffle(high, (x.AsUInt32() >>> 4).AsByte() & nibble);
}
