using Qanat.Tunnel.Identity;
using Qanat.Wire;

namespace Qanat.Cli.Starting;

/// <summary>Makes the folder, the key and the configuration file of a new hub or node. Never overwrites anything.</summary>
internal static class StarterFolder
{
    /// <summary>Makes a folder that only its owner may enter.</summary>
    public static void Create(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>The mid of the key in the folder; makes the key when there is none.</summary>
    public static Mid EnsureIdentity(string keyFile)
    {
        if (File.Exists(keyFile))
        {
            using NodeIdentity existing = NodeIdentity.Load(keyFile);
            return existing.Mid;
        }
        using NodeIdentity identity = NodeIdentity.Create();
        identity.Save(keyFile);
        return identity.Mid;
    }

    /// <summary>Writes a new file that only its owner may read.</summary>
    /// <exception cref="CliException">The file exists.</exception>
    public static void WriteNew(string file, string text)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        try
        {
            using StreamWriter writer = new(file, options);
            writer.Write(text);
        }
        catch (IOException) when (File.Exists(file))
        {
            throw new CliException("already-initialised", $"{file} exists; edit it, or choose another --data folder");
        }
    }
}
