using System.CommandLine;
using Qanat.Cli.Gm;
using Qanat.Gm;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm encrypt</c>: SM2 encryption to a public key.</summary>
internal static class GmEncryptVerb
{
    public static Command Create(QanatCommand cli)
    {
        Sm2KeyOptions key = Sm2KeyOptions.Public();
        Argument<string> file = new("FILE") { Description = "What is encrypted, at most 16 MiB; - for standard input." };
        Option<string> format = CiphertextFormat();
        Option<string?> to = new("--out") { Description = "Write the ciphertext to this new file, in binary; without it, hexadecimal on standard output.", HelpName = "FILE" };
        Command command = new("encrypt", "Encrypt a file to the owner of an SM2 key.") { file, format, to };
        key.AddTo(command);
        cli.Handle(command, (parsed, output, _) =>
        {
            using Sm2 recipient = key.Read(parsed);
            byte[] plaintext = GmFiles.Read("FILE", parsed.GetRequiredValue(file), Sm2.MaxPlaintextSizeInBytes);
            if (plaintext.Length == 0)
            {
                throw new CliException("usage", "FILE is empty; SM2 encrypts at least one byte", ExitCode.Usage);
            }
            byte[] ciphertext = recipient.Encrypt(plaintext, Format(parsed.GetRequiredValue(format)));
            if (parsed.GetValue(to) is { } path)
            {
                GmFiles.WriteNew(path, ciphertext, isSecret: false);
                output.Write(new { ok = true, file = path, bytes = ciphertext.Length }, console => console.WriteLine($"written to {path}"));
            }
            else
            {
                string hex = Convert.ToHexStringLower(ciphertext);
                output.Write(new { ok = true, ciphertext = hex }, console => console.Profile.Out.Writer.WriteLine(hex));
            }
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    /// <summary>The option for the form of a ciphertext.</summary>
    public static Option<string> CiphertextFormat()
    {
        Option<string> format = new("--format") { Description = "asn1: GM/T 0009, as gmssl and openssl write it; c1c3c2: the parts one after the other.", DefaultValueFactory = _ => "asn1" };
        format.AcceptOnlyFromAmong("asn1", "c1c3c2");
        return format;
    }

    /// <summary>What the option means.</summary>
    public static Sm2CipherFormat Format(string name) => name == "asn1" ? Sm2CipherFormat.Asn1 : Sm2CipherFormat.C1C3C2;
}
