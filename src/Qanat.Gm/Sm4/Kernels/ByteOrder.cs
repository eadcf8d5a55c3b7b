using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>Byte shuffles of a 128-bit lane.</summary>
internal static class ByteOrder
{
    /// <summary>Big-endian words to host order and back.</summary>
    public static Vector128<byte> SwapWords => Vector128.Create(SwapWords0, SwapWords1).AsByte();

    public const ulong SwapWords0 = 0x0405060700010203, SwapWords1 = 0x0C0D0E0F08090A0B;

    /// <summary>All 16 bytes reversed.</summary>
    public static Vector128<byte> Reverse => Vector128.Create(Reverse0, Reverse1).AsByte();

    public const ulong Reverse0 = 0x08090A0B0C0D0E0F, Reverse1 = 0x0001020304050607;

    /// <summary>Each word rotated left by 8 bits.</summary>
    public static Vector128<byte> RotateLeft8 => Vector128.Create(RotateLeft80, RotateLeft81).AsByte();

    public const ulong RotateLeft80 = 0x0605040702010003, RotateLeft81 = 0x0E0D0C0F0A09080B;

    /// <summary>Each word rotated by 16 bits.</summary>
    public static Vector128<byte> RotateLeft16 => Vector128.Create(RotateLeft160, RotateLeft161).AsByte();

    public const ulong RotateLeft160 = 0x0504070601000302, RotateLeft161 = 0x0D0C0F0E09080B0A;

    /// <summary>Each word rotated left by 24 bits.</summary>
    public static Vector128<byte> RotateLeft24 => Vector128.Create(RotateLeft240, RotateLeft241).AsByte();

    public const ulong RotateLeft240 = 0x0407060500030201, RotateLeft241 = 0x0C0F0E0D080B0A09;
}
