using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Gm;

/// <summary>Files of the <c>gm</c> verbs: keys and certificates in, results out. What is written is new, and only its owner may read it when it is secret.</summary>
internal static class GmFiles
{
    private const int MaxKeyBytes = 64 * 1024;
    private const int MaxCertificateBytes = 1024 * 1024;
    private const string Standard = "-";
    private static readonly SearchValues<byte> s_hexDigits = SearchValues.Create("0123456789abcdefABCDEF"u8);

    /// <summary>Opens a file, or standard input for <c>-</c>.</summary>
    public static Stream OpenRead(string path) => path == Standard ? Console.OpenStandardInput() : File.OpenRead(path);

    /// <summary>Reads a whole file, or standard input for <c>-</c>.</summary>
    public static byte[] Read(string option, string path, int atMost)
    {
        using Stream stream = OpenRead(path);
        byte[] buffer = new byte[atMost + 1];
        int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        byte[] content = length <= atMost
            ? buffer[..length]
            : throw new CliException("file-too-large", $"{option} {path}: more than {atMost} bytes");
        CryptographicOperations.ZeroMemory(buffer);
        return content;
    }

    /// <summary>Reads a key in PEM or DER.</summary>
    /// <param name="path">The file.</param>
    /// <param name="password">Asked for when the key is encrypted.</param>
    public static Sm2 ReadKey(string path, Func<string?> password)
    {
        byte[] content = Read("--key", path, MaxKeyBytes);
        char[] text = Encoding.Latin1.GetChars(content);
        try
        {
            return Sm2Keys.ReadPem(text, Sm2Keys.IsEncryptedPem(text) ? password() : null);
        }
        catch (Sm2KeyException e)
        {
            string hint = e.Error == Sm2KeyError.PasswordRequired ? " with --password-file or --password-env" : "";
            throw new CliException("invalid-key", $"--key {path}: {e.Message}{hint}", inner: e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
            text.AsSpan().Clear();
        }
    }

    /// <summary>Reads the first certificate of a PEM file.</summary>
    public static SmCertificate ReadCertificate(string option, string path)
    {
        try
        {
            return SmCertificate.FromPem(Encoding.Latin1.GetString(Read(option, path, MaxCertificateBytes)));
        }
        catch (SmCertificateException e)
        {
            throw new CliException("invalid-certificate", $"{option} {path}: {e.Message}", inner: e);
        }
    }

    /// <summary>Writes a new file that all may read.</summary>
    public static void WritePublic(string path, ReadOnlySpan<char> text) => WriteNew(path, Encoding.UTF8.GetBytes(text.ToArray()), isSecret: false);

    /// <summary>Writes a new file that only its owner may read, and clears the text.</summary>
    public static void WriteSecret(string path, char[] text)
    {
        byte[] content = Encoding.ASCII.GetBytes(text);
        try
        {
            WriteNew(path, content, isSecret: true);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
            text.AsSpan().Clear();
        }
    }

    /// <summary>Writes a new file.</summary>
    /// <exception cref="CliException">The file exists.</exception>
    public static void WriteNew(string path, ReadOnlySpan<byte> content, bool isSecret)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            UnixFileMode everyone = isSecret ? 0 : UnixFileMode.GroupRead | UnixFileMode.OtherRead;
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | everyone;
        }
        try
        {
            using FileStream file = new(path, options);
            file.Write(content);
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new CliException("file-exists", $"{path} exists and is not overwritten; choose another name or remove it");
        }
    }

    /// <summary>Bytes of a file: as they are, or what the hexadecimal text in it stands for.</summary>
    public static byte[] ReadBinaryOrHex(string option, string path, int atMost)
    {
        byte[] content = Read(option, path, atMost * 2 + 2);
        ReadOnlySpan<byte> text = content.AsSpan().TrimEnd("\r\n"u8);
        if (!text.IsEmpty && text.Length % 2 == 0 && !text.ContainsAnyExcept(s_hexDigits))
        {
            return Convert.FromHexString(Encoding.ASCII.GetString(text));
        }
        return content.Length <= atMost ? content : throw new CliException("file-too-large", $"{option} {path}: more than {atMost} bytes");
    }
}
