using System.CommandLine;
using Qanat.Cli.Gm;
using Qanat.Gm;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm pki</c>: an SM2 authority and the certificate pairs of TLCP servers and clients, in one folder.</summary>
internal static class GmPkiVerb
{
    private static readonly string[] s_reserved = ["root-ca", "ca"];

    public static Command Create(QanatCommand cli)
    {
        Option<string> folder = new("--out") { Description = "The folder; made when missing. Authorities and pairs that are there are kept.", HelpName = "DIR", Required = true };
        Option<string[]> servers = new("--server") { Description = "A server: its host names and IP addresses, separated by commas. Repeatable.", HelpName = "HOST[,HOST]" };
        Option<string[]> clients = new("--client") { Description = "A client's name. Repeatable.", HelpName = "NAME" };
        Option<string> organization = new("--organization") { Description = "O of every name.", DefaultValueFactory = _ => "Qanat" };
        Option<string> country = new("--country") { Description = "C of every name, two letters.", DefaultValueFactory = _ => "CN" };
        Option<int> days = new("--days") { Description = "How long end certificates last.", DefaultValueFactory = _ => 365 };
        Option<int> authorityDays = new("--ca-days") { Description = "How long the authorities last.", DefaultValueFactory = _ => 3650 };
        Option<string> encryption = new("--encryption") { Description = "With a password: sm (SM4, HMAC-SM3; for gmssl) or aes (for openssl and tongsuo).", DefaultValueFactory = _ => "sm" };
        encryption.AcceptOnlyFromAmong("sm", "aes");
        PasswordOptions password = new();
        Command command = new("pki", "Make an SM2 authority, and pairs of signing and encryption certificates for TLCP servers and clients.")
        {
            folder, servers, clients, organization, country, days, authorityDays, encryption,
            GmPkiRequestVerbs.CreateRequest(cli),
            GmPkiRequestVerbs.CreateSign(cli),
            GmPkiRevokeVerbs.CreateRevoke(cli),
            GmPkiRevokeVerbs.CreateList(cli),
        };
        password.AddTo(command);
        cli.Handle(command, (parsed, output, _) =>
        {
            IReadOnlyList<IReadOnlyList<string>> hosts = [.. (parsed.GetValue(servers) ?? []).Select(list => Hosts("--server", list))];
            string[] names = parsed.GetValue(clients) ?? [];
            RequireFileNames([.. hosts.Select(h => h[0]), .. names]);
            PkiFolder pki = new(Path.GetFullPath(parsed.GetRequiredValue(folder)), TimeProvider.System)
            {
                Organization = parsed.GetRequiredValue(organization),
                Country = parsed.GetRequiredValue(country),
                Lifetime = Days("--days", parsed.GetRequiredValue(days)),
                AuthorityLifetime = Days("--ca-days", parsed.GetRequiredValue(authorityDays)),
                Password = password.Read(parsed),
                Encryption = parsed.GetRequiredValue(encryption) == "aes" ? Sm2KeyEncryption.Aes : Sm2KeyEncryption.Sm,
            };
            pki.Write(hosts, names);
            output.Write(new { ok = true, made = pki.Made }, console =>
            {
                console.WriteLine(pki.Made.Count == 0 ? "everything is there already" : "made:");
                pki.Made.ForEach(file => console.Profile.Out.Writer.WriteLine("  " + file));
            });
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    /// <summary>The option for a folder that this verb has made.</summary>
    public static Option<string> FolderOption() => new("--pki") { Description = "The folder that 'qanat gm pki' made, with the authority.", HelpName = "DIR", Required = true };

    /// <summary>The option for hosts.</summary>
    public static Option<string?> HostOption(string description) => new("--host") { Description = description, HelpName = "HOST[,HOST]" };

    /// <summary>Host names and addresses that are separated by commas.</summary>
    public static IReadOnlyList<string> Hosts(string option, string text)
    {
        string[] hosts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (string host in hosts)
        {
            if (!Tls.Certificates.SmHostName.IsValid(host))
            {
                throw new CliException("usage", $"{option} '{host}' is neither a host name nor an IP address", ExitCode.Usage);
            }
        }
        return hosts.Length > 0 ? hosts : throw new CliException("usage", $"{option} names no host", ExitCode.Usage);
    }

    /// <summary>A number of days.</summary>
    public static TimeSpan Days(string option, int days) =>
        days is >= 1 and <= 36_500 ? TimeSpan.FromDays(days) : throw new CliException("usage", $"{option} is not within 1 to 36500", ExitCode.Usage);

    private static void RequireFileNames(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (name.Length is 0 or > 64 || name.StartsWith('.') || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_' or ':' or '*')) || s_reserved.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                throw new CliException("usage", $"'{name}' cannot name files: letters, digits, '.', '-', '_', at most 64, and not {string.Join(" or ", s_reserved)}", ExitCode.Usage);
            }
        }
        if (names.Distinct(StringComparer.OrdinalIgnoreCase).Count() != names.Count)
        {
            throw new CliException("usage", "a name is given twice among --server and --client", ExitCode.Usage);
        }
    }
}
