using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// The nonces of one signature, in the spirit of RFC 6979 section 3.6: candidates HMAC-SM3(d, e || 16 random bytes || number) until one is from 1 to n - 1, which nearly always
/// is the first. Uniform, since nothing is reduced. A snapshot of a machine that runs twice gives the same nonce only for the same e, which gives nothing away.
/// </summary>
internal struct Sm2Nonce
{
    private const int HashSize = 32, RandomSize = 16;

    private NonceInput _input;

    public Sm2Nonce(ReadOnlySpan<byte> hash)
    {
        Span<byte> input = _input;
        hash.CopyTo(input);
        RandomNumberGenerator.Fill(input.Slice(HashSize, RandomSize));
    }

    /// <summary>With randomness of the caller's choice, as if the generator had failed.</summary>
    public Sm2Nonce(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> random)
    {
        Span<byte> input = _input;
        hash.CopyTo(input);
        random[..RandomSize].CopyTo(input[HashSize..]);
    }

    public Limbs Next(in HmacSm3Pads key)
    {
        Span<byte> input = _input;
        Span<byte> candidate = stackalloc byte[Sm3.HashSizeInBytes];
        try
        {
            while (true)
            {
                key.Compute(input, default, default, default, candidate);
                input[^1]++;
                Limbs k = Limbs.FromBytes(candidate);
                if (Scalar.IsValid(k) != 0) return k;
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(candidate);
        }
    }

    public void Clear() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(new Span<NonceInput>(ref _input)));

    [System.Runtime.CompilerServices.InlineArray(HashSize + RandomSize + 1)]
    private struct NonceInput
    {
        private byte _first;
    }
}
