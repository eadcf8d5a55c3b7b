using System.CommandLine;
using System.Text;
using Qanat.Gm;

namespace Qanat.Cli.Gm;

/// <summary>The key of a <c>gm</c> verb: a private key, or a public key from a key file or a certificate.</summary>
internal sealed class Sm2KeyOptions
{
    private readonly Option<string?> _key;
    private readonly Option<string?>? _certificate;
    private readonly PasswordOptions _password = new();

    private Sm2KeyOptions(Option<string?> key, Option<string?>? certificate) => (_key, _certificate) = (key, certificate);

    public static Sm2KeyOptions Private() =>
        new(new Option<string?>("--key") { Description = "The private key: PEM, PKCS#8 (also encrypted) or SEC 1.", HelpName = "FILE", Required = true }, null);

    public static Sm2KeyOptions Public() => new(
        new Option<string?>("--key") { Description = "The key: PEM, public or private.", HelpName = "FILE" },
        new Option<string?>("--certificate") { Description = "The certificate with the key, in place of --key.", HelpName = "FILE" });

    public void AddTo(Command command)
    {
        command.Options.Add(_key);
        if (_certificate is not null)
        {
            command.Options.Add(_certificate);
        }
        _password.AddTo(command);
    }

    /// <summary>Reads the key; the caller disposes it.</summary>
    public Sm2 Read(ParseResult parsed)
    {
        (string? file, string? certificate) = (parsed.GetValue(_key), _certificate is null ? null : parsed.GetValue(_certificate));
        if (file is null == certificate is null)
        {
            throw new CliException("usage", "one of --key and --certificate is needed", ExitCode.Usage);
        }
        if (certificate is not null)
        {
            return Sm2.ImportPublicKey(GmFiles.ReadCertificate("--certificate", certificate).PublicKey.PublicKey);
        }
        Sm2 key = GmFiles.ReadKey(file!, () => _password.Read(parsed));
        if (_certificate is null && !key.HasPrivateKey)
        {
            key.Dispose();
            throw new CliException("invalid-key", $"--key {file}: a public key; the private key is needed");
        }
        return key;
    }

    /// <summary>The option for the SM2 user id.</summary>
    public static Option<string> UserId() => new("--id")
    {
        Description = "The SM2 user id of the signer.",
        HelpName = "TEXT",
        DefaultValueFactory = _ => Encoding.ASCII.GetString(Sm2.DefaultUserId),
    };

    /// <summary>Bytes of the user id.</summary>
    public static byte[] UserIdBytes(string text)
    {
        byte[] id = Encoding.UTF8.GetBytes(text);
        return id.Length <= Sm2.MaxUserIdSizeInBytes ? id : throw new CliException("usage", $"--id is longer than {Sm2.MaxUserIdSizeInBytes} bytes", ExitCode.Usage);
    }
}
