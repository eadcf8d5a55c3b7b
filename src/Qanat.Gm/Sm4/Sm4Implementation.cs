namespace Qanat.Gm;

/// <summary>The code path that computes SM4 on this processor. All paths are free of tables indexed by secrets and give the same bytes.</summary>
public enum Sm4Implementation
{
    /// <summary>Bit-sliced over 128-bit vectors; needs no special instruction.</summary>
    Portable,

    /// <summary>The S-box from AES-NI between two affine maps, on 256-bit vectors where AVX2 is present.</summary>
    AesNi,

    /// <summary>The S-box by nibble shuffles on 512-bit vectors, for processors with AVX-512 but without GFNI.</summary>
    Avx512,

    /// <summary>The S-box from GFNI on 256-bit vectors.</summary>
    Gfni256,

    /// <summary>The S-box from GFNI on 512-bit vectors.</summary>
    Gfni512,
}
