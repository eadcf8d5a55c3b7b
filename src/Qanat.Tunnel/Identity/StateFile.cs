namespace Qanat.Tunnel.Identity;

/// <summary>A small file that a node or program keeps between runs: whole or not there, after a power cut too, and for its owner's eyes only. Stateless.</summary>
public static class StateFile
{
    /// <summary>Puts the content in the place of the file: written beside (<c>.new</c>), flushed to disk, moved over. Callers take turns by themselves.</summary>
    /// <param name="path">The file; mode 0600.</param>
    /// <param name="content">All of it.</param>
    /// <exception cref="IOException">The disk refuses; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written; the old file stays.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string beside = path + ".new";
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        using (FileStream stream = new(beside, options))
        {
            stream.Write(content);
            // Before the move: otherwise a power cut may leave the new name with nothing in it.
            stream.Flush(flushToDisk: true);
        }
        File.Move(beside, path, overwrite: true);
    }

    /// <summary>A file that is there and cannot be understood: said with its name and what deleting it means, never taken for an empty one.</summary>
    public static TunnelException Damaged(string path, string whenDeleted, Exception? inner = null) =>
        new(TunnelError.InvalidIdentity, $"The file '{path}' is damaged. Restore it; or delete it, and {whenDeleted}.", inner);
}
