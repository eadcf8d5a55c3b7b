using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using Qanat.Cli.Gm;
using Qanat.Gm;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm decrypt</c>: SM2 decryption with a private key.</summary>
internal static class GmDecryptVerb
{
    private const int OverheadBytes = 256;

    public static Command Create(QanatCommand cli)
    {
        Sm2KeyOptions key = Sm2KeyOptions.Private();
        Argument<string> file = new("FILE") { Description = "The ciphertext, in binary or hexadecimal; - for standard input." };
        Option<string> format = GmEncryptVerb.CiphertextFormat();
        Option<string?> to = new("--out") { Description = "Write the plaintext to this new file, which only its owner may read; without it, text on standard output.", HelpName = "FILE" };
        Command command = new("decrypt", "Decrypt a file with an SM2 key.") { file, format, to };
        key.AddTo(command);
        cli.Handle(command, (parsed, output, _) =>
        {
            using Sm2 owner = key.Read(parsed);
            byte[] ciphertext = GmFiles.ReadBinaryOrHex("FILE", parsed.GetRequiredValue(file), Sm2.MaxPlaintextSizeInBytes + OverheadBytes);
            byte[] plaintext;
            try
            {
                plaintext = owner.Decrypt(ciphertext, GmEncryptVerb.Format(parsed.GetRequiredValue(format)));
            }
            catch (CryptographicException e)
            {
                throw new CliException("decryption-failed", "the file does not decrypt: it was encrypted to another key, in another --format, or was changed", inner: e);
            }
            if (parsed.GetValue(to) is { } path)
            {
                GmFiles.WriteNew(path, plaintext, isSecret: true);
                output.Write(new { ok = true, file = path, bytes = plaintext.Length }, console => console.WriteLine($"written to {path}"));
            }
            else
            {
                output.Write(new { ok = true, plaintextBase64 = Convert.ToBase64String(plaintext) }, console => console.Profile.Out.Writer.Write(AsText(plaintext)));
            }
            CryptographicOperations.ZeroMemory(plaintext);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static string AsText(byte[] plaintext)
    {
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(plaintext);
        }
        catch (DecoderFallbackException)
        {
            throw new CliException("not-text", "the plaintext is not text; write it with --out FILE");
        }
    }
}
