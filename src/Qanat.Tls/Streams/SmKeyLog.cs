using System.Security.Cryptography;
using System.Text;
using Qanat.Tls.Schedule;

namespace Qanat.Tls;

/// <summary>
/// An NSS key log file (draft-ietf-tls-keylogfile), as Wireshark and tshark read it. <b>Whoever has the file can read every connection that it names, past and future ones alike</b>:
/// nothing is logged unless a program makes this object and gives it to a connection. The file belongs to its owner alone (mode 0600); an existing file that others may read
/// or write is refused. Lines are appended whole. Thread-safe; one object may serve many connections.
/// </summary>
public sealed class SmKeyLog : IDisposable
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly Lock _lock = new();
    private readonly FileStream _file;

    /// <summary>Opens the file for appending, or makes it.</summary>
    /// <param name="path">Where to write.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>: the file exists and others than its owner may read or write it, or it is no regular file.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public SmKeyLog(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileStreamOptions options = new() { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Owner;
        }
        _file = new FileStream(path, options);
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(_file.SafeFileHandle) & ~(Owner | UnixFileMode.UserExecute)) != 0)
            {
                throw new SmTlsException(SmTlsError.InvalidOptions, $"the key log {path} can be read or written by others than its owner; make it private first: chmod 600");
            }
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Appends a line. Never throws for a full disk or a file that was closed: a connection does not fail because its log does; see <see cref="Failure"/>.</summary>
    /// <param name="line">A line as <see cref="KeyLogLine.Format"/> makes it, without a line end.</param>
    public void Append(string line)
    {
        ArgumentException.ThrowIfNullOrEmpty(line);
        byte[] bytes = Encoding.ASCII.GetBytes(line + "\n");
        lock (_lock)
        {
            try
            {
                _file.Write(bytes);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                Failure ??= e;
            }
        }
        CryptographicOperations.ZeroMemory(bytes);
    }

    /// <summary>Why lines were lost; null when all were written.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _file.Dispose();
        }
    }
}
