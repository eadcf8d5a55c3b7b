namespace Qanat.Gm;

/// <summary>What all modes ask of the memory they are given.</summary>
internal static class SpanRules
{
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    public static void CheckOutput(ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, string parameter = "destination")
    {
        if (destination.Length < source.Length)
            throw new ArgumentException($"The destination has {destination.Length} bytes; {source.Length} are needed.", parameter);
        if (source.Overlaps(destination[..source.Length], out int offset) && offset != 0)
            throw new ArgumentException("The destination overlaps the source partly; give the same memory to work in place, or separate memory.", parameter);
    }

    /// <exception cref="ArgumentException">The lengths differ or the memory overlaps partly.</exception>
    public static void CheckSameLength(ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, string sourceName, string parameter)
    {
        if (destination.Length != source.Length)
            throw new ArgumentException($"The {parameter} has {destination.Length} bytes and the {sourceName} {source.Length}; they must be equally long.", parameter);
        CheckOutput(source, destination, parameter);
    }
}
