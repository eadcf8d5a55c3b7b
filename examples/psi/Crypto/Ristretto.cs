using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Psi.Crypto;

/// <summary>
/// The prime-order group ristretto255 (RFC 9496) over libsodium. Points and scalars are 32-byte encodings; the all-zero point is the identity.
/// Constant time where a scalar is secret (libsodium's promise).
/// </summary>
internal static class Ristretto
{
    internal const int PointBytes = 32;
    internal const int ScalarBytes = 32;
    internal const int UniformBytes = 64;

    static Ristretto()
    {
        if (Sodium.Initialize() < 0)
        {
            throw new CryptographicException("libsodium could not start.");
        }
    }

    internal static bool IsValid(ReadOnlySpan<byte> point) => point.Length == PointBytes && Sodium.IsValidPoint(point) == 1;

    /// <summary>Maps 64 uniform bytes to a point (RFC 9496 section 4.3.4).</summary>
    internal static void FromUniform(ReadOnlySpan<byte> uniform, Span<byte> point)
    {
        Check(uniform.Length, UniformBytes);
        Check(point.Length, PointBytes);
        _ = Sodium.FromHash(point, uniform);
    }

    /// <summary>scalar · point. False when the point is no valid encoding, is the identity, or the scalar is zero.</summary>
    internal static bool TryMultiply(ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> point, Span<byte> result)
    {
        Check(scalar.Length, ScalarBytes);
        Check(point.Length, PointBytes);
        Check(result.Length, PointBytes);
        return Sodium.Multiply(result, scalar, point) == 0;
    }

    /// <summary>scalar · G; the identity for the zero scalar.</summary>
    internal static void MultiplyBase(ReadOnlySpan<byte> scalar, Span<byte> result)
    {
        Check(scalar.Length, ScalarBytes);
        Check(result.Length, PointBytes);
        if (Sodium.MultiplyBase(result, scalar) != 0)
        {
            result.Clear();
        }
    }

    /// <summary>left + right. False when either is no valid encoding.</summary>
    internal static bool TryAdd(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        Check(left.Length, PointBytes);
        Check(right.Length, PointBytes);
        Check(result.Length, PointBytes);
        return Sodium.Add(result, left, right) == 0;
    }

    /// <summary>left - right. False when either is no valid encoding.</summary>
    internal static bool TrySubtract(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        Check(left.Length, PointBytes);
        Check(right.Length, PointBytes);
        Check(result.Length, PointBytes);
        return Sodium.Subtract(result, left, right) == 0;
    }

    /// <summary>A uniform non-zero scalar.</summary>
    internal static void RandomScalar(Span<byte> scalar)
    {
        Check(scalar.Length, ScalarBytes);
        Sodium.ScalarRandom(scalar);
    }

    /// <summary>A small number as a scalar (little-endian, RFC 9496 section 4.4).</summary>
    internal static void SmallScalar(long value, Span<byte> scalar)
    {
        Check(scalar.Length, ScalarBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        scalar.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(scalar, value);
    }

    internal static void AddScalars(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        Check(left.Length, ScalarBytes);
        Check(right.Length, ScalarBytes);
        Check(result.Length, ScalarBytes);
        Sodium.ScalarAdd(result, left, right);
    }

    internal static void MultiplyScalars(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        Check(left.Length, ScalarBytes);
        Check(right.Length, ScalarBytes);
        Check(result.Length, ScalarBytes);
        Sodium.ScalarMultiply(result, left, right);
    }

    private static void Check(int length, int expected) => ArgumentOutOfRangeException.ThrowIfNotEqual(length, expected);
}
