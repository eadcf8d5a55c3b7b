namespace Qanat.Tls.Tests;

/// <summary>Recorded connections of real peers; see tests/vectors/sm-transcripts/README.md.</summary>
internal static class Vectors
{
    private static readonly string s_root = Path.Combine(AppContext.BaseDirectory, "vectors", "sm-transcripts");

    /// <summary>Names of all recorded connections.</summary>
    public static string[] Cells { get; } = [.. Directory.EnumerateDirectories(Path.Combine(s_root, "cells")).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    /// <summary>The folder of certificates and keys.</summary>
    public static string Pki => Path.Combine(s_root, "pki");

    /// <summary>The folder of a recorded connection.</summary>
    public static string Folder(string cell) => Path.Combine(s_root, "cells", cell);

    /// <summary>A file of a recorded connection.</summary>
    public static byte[] Read(string cell, string file) => File.ReadAllBytes(Path.Combine(Folder(cell), file));
}
