namespace Qanat.Gm;

/// <summary>
/// The SM3 cryptographic hash of GB/T 32905-2016, one-shot. Allocates nothing but the array where one is returned. Thread-safe.
/// </summary>
public static class Sm3
{
    /// <summary>Length of a hash value in bytes.</summary>
    public const int HashSizeInBytes = 32;

    /// <summary>Length of the blocks that the compression function takes, in bytes.</summary>
    public const int BlockSizeInBytes = 64;

    /// <summary>Hash of <paramref name="source"/> as a new array of <see cref="HashSizeInBytes"/> bytes.</summary>
    public static byte[] HashData(ReadOnlySpan<byte> source)
    {
        byte[] hash = new byte[HashSizeInBytes];
        HashData(source, hash);
        return hash;
    }

    /// <summary>Writes the hash of <paramref name="source"/>.</summary>
    /// <param name="source">The message, any length; may overlap <paramref name="destination"/>.</param>
    /// <param name="destination">Its first <see cref="HashSizeInBytes"/> bytes are overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="HashSizeInBytes"/>.</exception>
    public static void HashData(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Sm3State state = Sm3State.Create();
        state.Append(source);
        state.Finish(destination);
    }
}
