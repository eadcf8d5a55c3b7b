using System.CommandLine;
using Qanat.Cli.Gm;
using Qanat.Gm;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm verify</c>: checks an SM2 signature; exit code 1 when it is not good.</summary>
internal static class GmVerifyVerb
{
    private const int MaxSignatureBytes = 1024;

    public static Command Create(QanatCommand cli)
    {
        Sm2KeyOptions key = Sm2KeyOptions.Public();
        Argument<string> file = new("FILE") { Description = "What was signed; - for standard input." };
        Option<string> signature = new("--signature") { Description = "The signature, in binary or hexadecimal.", HelpName = "FILE", Required = true };
        Option<string> id = Sm2KeyOptions.UserId();
        Option<string> format = GmSignVerb.SignatureFormat();
        Command command = new("verify", "Verify an SM2 signature of a file. Exit code 1 when it is not good.") { file, signature, id, format };
        key.AddTo(command);
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using Sm2 signer = key.Read(parsed);
            byte[] claimed = GmFiles.ReadBinaryOrHex("--signature", parsed.GetRequiredValue(signature), MaxSignatureBytes);
            byte[] hash = await Sm3Stream.MessageAsync(signer, Sm2KeyOptions.UserIdBytes(parsed.GetRequiredValue(id)), parsed.GetRequiredValue(file), cancellationToken);
            if (!signer.VerifyHash(hash, claimed, GmSignVerb.Format(parsed.GetRequiredValue(format))))
            {
                throw new CliException("signature-wrong", "the signature does not verify: another file, key, --id or --format");
            }
            output.Write(new { ok = true }, console => console.WriteLine("good signature"));
            return ExitCode.Done;
        });
        return command;
    }
}
