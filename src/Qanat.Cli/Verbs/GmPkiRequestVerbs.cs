using System.CommandLine;
using Qanat.Cli.Gm;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm pki request</c> and <c>sign-request</c>: a key that never leaves its machine gets a certificate (PKCS#10).</summary>
internal static class GmPkiRequestVerbs
{
    public static Command CreateRequest(QanatCommand cli)
    {
        Option<string> name = new("--name") { Description = "CN: the host's or the person's name.", HelpName = "NAME", Required = true };
        Option<string> organization = new("--organization") { Description = "O of the name.", DefaultValueFactory = _ => "Qanat" };
        Option<string> country = new("--country") { Description = "C of the name, two letters.", DefaultValueFactory = _ => "CN" };
        Option<string?> hosts = GmPkiVerb.HostOption("Host names and IP addresses to ask for, separated by commas.");
        Option<string> key = new("--key") { Description = "The private key; made when the file is missing.", HelpName = "FILE", Required = true };
        Option<string> to = Out("The request, in PEM.");
        PasswordOptions password = new();
        Command command = new("request", "Ask for a certificate for a key of this machine.") { name, organization, country, hosts, key, to };
        password.AddTo(command);
        cli.Handle(command, (parsed, output, _) =>
        {
            SmName subject = Subject(parsed.GetRequiredValue(name), parsed.GetRequiredValue(organization), parsed.GetRequiredValue(country));
            IReadOnlyList<string> names = parsed.GetValue(hosts) is { } list ? GmPkiVerb.Hosts("--host", list) : [];
            (string keyFile, string file) = (parsed.GetRequiredValue(key), parsed.GetRequiredValue(to));
            bool isNew = !File.Exists(keyFile);
            using Sm2 own = isNew ? Sm2.Create() : GmFiles.ReadKey(keyFile, () => password.Read(parsed));
            if (!own.HasPrivateKey)
            {
                throw new CliException("invalid-key", $"--key {keyFile}: a public key; a request is signed with the private key");
            }
            string pem = SmCertificateRequest.Create(subject, own, names).ToPem() + "\n";
            if (isNew)
            {
                char[] text = password.Read(parsed) is { } secret ? Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(own, secret, Sm2KeyEncryption.Sm) : Sm2Keys.WritePkcs8PrivateKeyPem(own);
                GmFiles.WriteSecret(keyFile, [.. text, '\n']);
                text.AsSpan().Clear();
            }
            GmFiles.WritePublic(file, pem);
            string[] made = isNew ? [keyFile, file] : [file];
            output.Write(new { ok = true, made, subject = subject.ToString() }, console => console.Profile.Out.Writer.WriteLine($"{subject}\nmade: {string.Join(", ", made)}"));
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    public static Command CreateSign(QanatCommand cli)
    {
        Argument<string> file = new("FILE") { Description = "The request, in PEM." };
        Option<string> pki = GmPkiVerb.FolderOption();
        Option<string> usage = new("--usage") { Description = "sign: the signing certificate of a TLCP pair, and that of TLS 1.3; encrypt: the encryption certificate.", DefaultValueFactory = _ => "sign" };
        usage.AcceptOnlyFromAmong("sign", "encrypt");
        Option<string?> hosts = GmPkiVerb.HostOption("Host names and IP addresses in place of those that the request asks for, separated by commas.");
        Option<bool> noHosts = new("--no-host") { Description = "No host names, whatever the request asks for: a client's certificate." };
        Option<int> days = new("--days") { Description = "How long the certificate lasts.", DefaultValueFactory = _ => 365 };
        Option<string> to = Out("The certificate, in PEM.");
        PasswordOptions password = new();
        Command command = new("sign-request", "Issue the certificate that a request asks for. Read first whom and which hosts it names: they are printed.") { file, pki, usage, hosts, noHosts, days, to };
        password.AddTo(command);
        cli.Handle(command, (parsed, output, _) =>
        {
            SmCertificateRequest request = PkiAuthority.ReadRequest(parsed.GetRequiredValue(file));
            string? list = parsed.GetValue(hosts);
            if (list is not null && parsed.GetValue(noHosts))
            {
                throw new CliException("usage", "--host and --no-host exclude each other", ExitCode.Usage);
            }
            IReadOnlyList<string>? names = parsed.GetValue(noHosts) ? [] : list is null ? null : GmPkiVerb.Hosts("--host", list);
            using PkiAuthority authority = new(parsed.GetRequiredValue(pki), () => password.Read(parsed), TimeProvider.System);
            SmCertificate certificate = authority.Sign(request, parsed.GetRequiredValue(usage) == "encrypt", names, GmPkiVerb.Days("--days", parsed.GetValue(days)));
            string target = parsed.GetRequiredValue(to);
            GmFiles.WritePublic(target, certificate.ToPem() + "\n");
            string[] issued = [.. certificate.DnsNames, .. certificate.IPAddresses.Select(address => address.ToString())];
            string serial = Convert.ToHexStringLower(certificate.SerialNumber.Span);
            output.Write(new { ok = true, made = new[] { target }, subject = certificate.Subject.ToString(), hosts = issued, serial, notAfter = certificate.NotAfter },
                console => console.Profile.Out.Writer.WriteLine($"{certificate.Subject}, {(issued.Length > 0 ? string.Join(", ", issued) : "no host")}, serial {serial}, until {certificate.NotAfter:u}\nmade: {target}"));
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static Option<string> Out(string description) => new("--out") { Description = description + " A new file.", HelpName = "FILE", Required = true };

    private static SmName Subject(string name, string organization, string country)
    {
        try
        {
            return SmName.Create(name, organization, country: country);
        }
        catch (ArgumentException e)
        {
            throw new CliException("usage", $"--name, --organization or --country: {e.Message}", ExitCode.Usage);
        }
    }
}
