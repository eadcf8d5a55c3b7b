using System.Security.Cryptography;
using Qanat.Tunnel.Identity;

namespace Qanat.Hub.Hosting;

/// <summary>The hub's files. The folder has mode 0700, its secrets 0600; what is missing is made.</summary>
internal sealed class DataFolder
{
    /// <summary>Opens the folder, making it when missing.</summary>
    public DataFolder(string path)
    {
        Path = path;
        if (!Directory.Exists(path))
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The directory's file. It holds the secrets of tokens that are not spent, so it is its owner's only, whoever made the folder.</summary>
    public string OpenDatabase()
    {
        string path = System.IO.Path.Combine(Path, "hub.db");
        if (OperatingSystem.IsWindows())
        {
            return path;
        }
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        if (!File.Exists(path))
        {
            // An empty file is an empty database; SQLite gives the files beside it the same mode.
            new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Owner }).Dispose();
        }
        foreach (string file in new[] { path, path + "-wal", path + "-shm" }.Where(File.Exists))
        {
            File.SetUnixFileMode(file, Owner);
        }
        return path;
    }

    /// <summary>The admin API's bearer token.</summary>
    public string AdminTokenFile => System.IO.Path.Combine(Path, "admin.token");

    /// <summary>The hub's key; made on the first start.</summary>
    public NodeIdentity LoadOrCreateIdentity(TimeProvider time)
    {
        string path = System.IO.Path.Combine(Path, "hub.key");
        if (!File.Exists(path))
        {
            using NodeIdentity made = NodeIdentity.Create(time);
            made.Save(path);
        }
        return NodeIdentity.Load(path, null, time);
    }

    /// <summary>The admin token; made on the first start, kept over restarts.</summary>
    public string LoadOrCreateAdminToken()
    {
        if (!File.Exists(AdminTokenFile))
        {
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }
            // Written whole under another name, so that nobody reads half a token.
            string temporary = AdminTokenFile + ".new";
            File.Delete(temporary);
            using (FileStream file = new(temporary, options))
            {
                file.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)) + "\n"));
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, AdminTokenFile);
        }
        string token = File.ReadAllText(AdminTokenFile).Trim();
        return token.Length >= 32 ? token : throw new InvalidDataException($"'{AdminTokenFile}' holds no token of 32 characters or more; delete it and a new one is made.");
    }
}
