using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Qanat.Gm;

public static partial class Sm2Keys
{
    /// <summary>PBKDF2 (RFC 8018 section 5.2) with HMAC-SM3 as the pseudo-random function.</summary>
    internal static void Pbkdf2Sm3(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int iterations, Span<byte> destination)
    {
        Span<byte> u = stackalloc byte[HmacSm3.HashSizeInBytes];
        Span<byte> sum = stackalloc byte[HmacSm3.HashSizeInBytes];
        Span<byte> counter = stackalloc byte[sizeof(uint)];
        using HmacSm3 prf = new(password);
        try
        {
            for (uint block = 1; !destination.IsEmpty; block++)
            {
                BinaryPrimitives.WriteUInt32BigEndian(counter, block);
                prf.AppendData(salt);
                prf.AppendData(counter);
                prf.GetHashAndReset(u);
                u.CopyTo(sum);
                for (int i = 1; i < iterations; i++)
                {
                    prf.AppendData(u);
                    prf.GetHashAndReset(u);
                    for (int j = 0; j < sum.Length; j++)
                    {
                        sum[j] ^= u[j];
                    }
                }
                int taken = Math.Min(sum.Length, destination.Length);
                sum[..taken].CopyTo(destination);
                destination = destination[taken..];
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(u);
            CryptographicOperations.ZeroMemory(sum);
        }
    }
}
