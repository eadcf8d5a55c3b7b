using System.CommandLine;
using System.Security.Cryptography;
using Qanat.Cli.Gm;
using Qanat.Gm;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm sign</c>: an SM2 signature over SM3 of a file.</summary>
internal static class GmSignVerb
{
    public static Command Create(QanatCommand cli)
    {
        Sm2KeyOptions key = Sm2KeyOptions.Private();
        Argument<string> file = new("FILE") { Description = "What is signed; - for standard input." };
        Option<string> id = Sm2KeyOptions.UserId();
        Option<string> format = SignatureFormat();
        Option<string?> to = new("--out") { Description = "Write the signature to this new file, in binary; without it, hexadecimal on standard output.", HelpName = "FILE" };
        Command command = new("sign", "Sign a file with an SM2 key.") { file, id, format, to };
        key.AddTo(command);
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            using Sm2 signer = key.Read(parsed);
            byte[] hash = await Sm3Stream.MessageAsync(signer, Sm2KeyOptions.UserIdBytes(parsed.GetRequiredValue(id)), parsed.GetRequiredValue(file), cancellationToken);
            byte[] signature = signer.SignHash(hash, Format(parsed.GetRequiredValue(format)));
            if (parsed.GetValue(to) is { } path)
            {
                GmFiles.WriteNew(path, signature, isSecret: false);
            }
            string hex = Convert.ToHexStringLower(signature);
            output.Write(new { ok = true, signature = hex }, console => console.Profile.Out.Writer.WriteLine(parsed.GetValue(to) is { } written ? $"written to {written}" : hex));
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>The option for the form of a signature.</summary>
    public static Option<string> SignatureFormat()
    {
        Option<string> format = new("--format") { Description = "der: ASN.1 (GM/T 0009); raw: r and s, 64 bytes.", DefaultValueFactory = _ => "der" };
        format.AcceptOnlyFromAmong("der", "raw");
        return format;
    }

    /// <summary>What the option means.</summary>
    public static DSASignatureFormat Format(string name) => name == "raw" ? DSASignatureFormat.IeeeP1363FixedFieldConcatenation : DSASignatureFormat.Rfc3279DerSequence;
}
