using System.CommandLine;
using Qanat.Cli.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm pki revoke</c> and <c>crl</c>: the revocation list of the folder's authority.</summary>
internal static class GmPkiRevokeVerbs
{
    public static Command CreateRevoke(QanatCommand cli)
    {
        Argument<string[]> files = new("CERTIFICATE") { Description = "Certificates of this authority, in PEM. Of a TLCP pair name both.", Arity = ArgumentArity.OneOrMore };
        return Create(cli, new Command("revoke", "Put certificates on the revocation list, ca.crl.pem, and issue it anew.") { files },
            parsed => [.. parsed.GetRequiredValue(files).Select(file => GmFiles.ReadCertificate("CERTIFICATE", file))]);
    }

    public static Command CreateList(QanatCommand cli) =>
        Create(cli, new Command("crl", "Issue the revocation list, ca.crl.pem, anew: the same entries for another while."), _ => []);

    private static Command Create(QanatCommand cli, Command command, Func<ParseResult, IReadOnlyList<SmCertificate>> read)
    {
        Option<string> pki = GmPkiVerb.FolderOption();
        Option<int> days = new("--days") { Description = "How long the list is good for; peers that want lists refuse everybody after that.", DefaultValueFactory = _ => 30 };
        PasswordOptions password = new();
        command.Options.Add(pki);
        command.Options.Add(days);
        password.AddTo(command);
        cli.Handle(command, (parsed, output, _) =>
        {
            TimeSpan lifetime = GmPkiVerb.Days("--days", parsed.GetValue(days));
            IReadOnlyList<SmCertificate> revoked = read(parsed);
            using PkiAuthority authority = new(parsed.GetRequiredValue(pki), () => password.Read(parsed), TimeProvider.System);
            bool isNew = authority.Revoke(revoked, lifetime, out SmCertificateRevocationList list);
            string[] made = isNew ? [authority.ListFile] : [];
            output.Write(new { ok = true, made, revoked = list.Count, nextUpdate = list.NextUpdate },
                console => console.Profile.Out.Writer.WriteLine($"{(isNew ? $"made: {authority.ListFile}" : "on the list already")}; {list.Count} revoked, next list by {list.NextUpdate:u}"));
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
