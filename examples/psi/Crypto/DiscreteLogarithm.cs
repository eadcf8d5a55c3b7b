using System.Buffers.Binary;

namespace Psi.Crypto;

/// <summary>Finds v in v·G for a small v by baby steps and giant steps; the table grows with the search, so that a small sum is found soon.</summary>
internal static class DiscreteLogarithm
{
    /// <summary>Bound of the numbers found: below 2^40. Costs at most 2^21 additions of points.</summary>
    internal const long Maximum = 1L << 40;

    /// <summary>The number v of v·G.</summary>
    /// <param name="point">v·G.</param>
    /// <param name="maximum">Where to give up.</param>
    /// <exception cref="InvalidDataException">v is <paramref name="maximum"/> or more, or the point is no valid encoding.</exception>
    internal static long Find(ReadOnlySpan<byte> point, long maximum = Maximum)
    {
        Span<byte> generator = stackalloc byte[Ristretto.PointBytes];
        Span<byte> baby = stackalloc byte[Ristretto.PointBytes];
        Span<byte> giantStep = stackalloc byte[Ristretto.PointBytes];
        Span<byte> giant = stackalloc byte[Ristretto.PointBytes];
        Span<byte> check = stackalloc byte[Ristretto.PointBytes];
        Span<byte> scalar = stackalloc byte[Ristretto.ScalarBytes];
        Multiple(1, scalar, generator);
        baby.Clear();

        // j·G for j below `width`, by the first 8 bytes of its encoding.
        Dictionary<ulong, int> babies = [];
        int filled = 0;
        long searched = 0;
        for (int width = 1 << 8; ; width <<= 1)
        {
            babies.EnsureCapacity(width);
            for (; filled < width; filled++)
            {
                babies.TryAdd(BinaryPrimitives.ReadUInt64LittleEndian(baby), filled);
                _ = Ristretto.TryAdd(baby, generator, baby);
            }
            Multiple(width, scalar, giantStep);
            Multiple(searched, scalar, giant);
            if (!Ristretto.TrySubtract(point, giant, giant))
            {
                throw new InvalidDataException("The sum is not a valid point.");
            }
            for (long end = Math.Min((long)width * width, maximum); searched < end; searched += width)
            {
                if (babies.TryGetValue(BinaryPrimitives.ReadUInt64LittleEndian(giant), out int j) && searched + j < maximum)
                {
                    Multiple(searched + j, scalar, check);
                    if (check.SequenceEqual(point))
                    {
                        return searched + j;
                    }
                }
                _ = Ristretto.TrySubtract(giant, giantStep, giant);
            }
            if (searched >= maximum)
            {
                throw new InvalidDataException($"The sum is {maximum} or more.");
            }
        }
    }

    private static void Multiple(long value, Span<byte> scalar, Span<byte> point)
    {
        Ristretto.SmallScalar(value, scalar);
        Ristretto.MultiplyBase(scalar, point);
    }
}
