using System.Diagnostics;

namespace Qanat.Interop.Peers;

/// <summary>Finds peers' programs: by an environment variable, or else in the PATH.</summary>
internal static class PeerProgram
{
    /// <summary>The path of a program; null when there is none.</summary>
    public static string? Find(string variable, string name)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } path)
        {
            return File.Exists(path) ? Path.GetFullPath(path) : null;
        }
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>Why a program that was looked for is not used.</summary>
    public static string Explain(string variable, string name) => $"{name} is not in the PATH and {variable} names no file";

    /// <summary>
    /// The folder with the program's own shared libraries: beside it, above it as in a build tree, or in lib64 or lib of its prefix. Null when there are none. They are given to the
    /// program alone, since .NET loads libraries of the same names.
    /// </summary>
    public static string? Libraries(string program, string library)
    {
        string folder = Path.GetDirectoryName(program)!;
        return ((string[])[folder, Path.Combine(folder, ".."), Path.Combine(folder, "../lib64"), Path.Combine(folder, "../lib")])
            .Select(Path.GetFullPath).FirstOrDefault(candidate => File.Exists(Path.Combine(candidate, library)));
    }

    /// <summary>The first line that a program prints.</summary>
    public static string FirstLine(string program, string? libraries, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true };
        if (libraries is not null)
        {
            start.Environment["LD_LIBRARY_PATH"] = libraries;
        }
        using Process process = Process.Start(start)!;
        string line = process.StandardOutput.ReadLine() ?? "";
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return line;
    }
}
