namespace Qanat.Hub.Membership;

/// <summary>The directory could not be written (disk full, read-only, locked). Nothing was changed; relaying goes on.</summary>
public sealed class DirectoryUnavailableException : IOException
{
    /// <summary>Creates the exception.</summary>
    public DirectoryUnavailableException(string message, Exception inner) : base(message, inner) { }
}
