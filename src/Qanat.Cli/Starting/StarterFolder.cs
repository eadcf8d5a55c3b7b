using Microsoft.Extensions.Options;
using Qanat.Configuration;
using Qanat.Tunnel.Identity;
using Qanat.Wire;

namespace Qanat.Cli.Starting;

/// <summary>Makes the folder, the key and the configuration file of a new hub or node. Never overwrites anything.</summary>
internal static class StarterFolder
{
    /// <summary>Checks what would be written, before anything is.</summary>
    /// <exception cref="CliException">A value is wrong (exit code 2); all that are wrong are named.</exception>
    public static void Check<T>(string yaml, string file, IValidateOptions<T> validator) where T : class, new()
    {
        try
        {
            ConfigurationFile.Parse(yaml, file, validator);
        }
        catch (ConfigurationException e)
        {
            // The token file is written with the rest, and the certificate of wss:// is put into the file by hand.
            string[] wrong = [.. e.Errors.Where(error => error.Fault != ConfigurationFault.ConfigSecretMissing && error.Key != "tls-certificate").Select(error => $"{error.Key}: {error.Message}{(error.Fix is { } fix ? $" ({fix})" : "")}")];
            if (wrong.Length > 0)
            {
                throw new CliException("usage", string.Join("; ", wrong), ExitCode.Usage, e);
            }
        }
    }

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
