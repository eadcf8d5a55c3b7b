using System.CommandLine;
using System.Net.Security;
using System.Text;
using Qanat.Tls;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Gm;

/// <summary>Options that <c>gm s_client</c> and <c>gm s_server</c> share: certificates, trust, suites, key log.</summary>
internal sealed class GmTlsOptions
{
    private const int MaxAuthorityBytes = 4 * 1024 * 1024;

    private readonly Option<string?> _certificate = new("--cert") { Description = "Own certificates in PEM: the signing one first; the encryption one and authorities may follow.", HelpName = "FILE" };
    private readonly Option<string?> _key = new("--key") { Description = "Private key of the signing certificate.", HelpName = "FILE" };
    private readonly Option<string?> _encryptCertificate = new("--enc-cert") { Description = "Encryption certificate of TLCP, when it is not in --cert.", HelpName = "FILE" };
    private readonly Option<string?> _encryptKey = new("--enc-key") { Description = "Private key of the encryption certificate.", HelpName = "FILE" };
    private readonly Option<string?> _authorities = new("--ca") { Description = "Authorities to trust, in PEM.", HelpName = "FILE" };
    private readonly Option<string[]> _suites = new("--cipher") { Description = "Suites in order of preference, such as ECC_SM4_GCM_SM3 or TLS_SM4_GCM_SM3, separated by commas.", HelpName = "SUITE[,SUITE]" };
    private readonly Option<string[]> _groups = new("--group") { Description = "Groups of TLS 1.3: curveSM2, curveSM2MLKEM768.", HelpName = "GROUP[,GROUP]" };
    private readonly Option<string[]> _protocols = new("--alpn") { Description = "Application protocols in order of preference, such as h2,http/1.1.", HelpName = "NAME[,NAME]" };
    private readonly Option<string?> _keyLog = new("--keylog") { Description = "Append the secrets of connections to FILE, for tshark. Whoever has the file can read them.", HelpName = "FILE" };
    private readonly Option<int> _timeout = new("--timeout-seconds") { Description = "How long a handshake may take.", DefaultValueFactory = _ => 10 };
    private readonly PasswordOptions _password = new();

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _certificate, _key, _encryptCertificate, _encryptKey, _authorities, _suites, _groups, _protocols, _keyLog, _timeout })
        {
            command.Options.Add(option);
        }
        _password.AddTo(command);
    }

    /// <summary>Sets what was given. The key log and the credential are the caller's to dispose.</summary>
    public void Apply(ParseResult parsed, SmSslAuthenticationOptions options, SmKeyLog? keyLog)
    {
        options.Trust = ReadTrust(parsed);
        options.CipherSuites = Parse(parsed, _suites, ParseSuite);
        options.Groups = Parse(parsed, _groups, ParseGroup);
        options.ApplicationProtocols = Parse(parsed, _protocols, name => new SslApplicationProtocol(name));
        options.HandshakeTimeout = TimeSpan.FromSeconds(parsed.GetValue(_timeout));
        options.KeyLog = keyLog is null ? null : keyLog.Append;
    }

    /// <summary>The own certificates and keys; null when none were given.</summary>
    public SmSslCredential? ReadCredential(ParseResult parsed)
    {
        (string? certificate, string? key) = (parsed.GetValue(_certificate), parsed.GetValue(_key));
        if (certificate is null && key is null && parsed.GetValue(_encryptCertificate) is null && parsed.GetValue(_encryptKey) is null)
        {
            return null;
        }
        return certificate is not null && key is not null
            ? SmSslCredential.FromPemFiles(certificate, key, parsed.GetValue(_encryptKey), parsed.GetValue(_encryptCertificate), _password.Read(parsed))
            : throw new CliException("usage", "--cert and --key belong together", ExitCode.Usage);
    }

    /// <summary>Opens the key log when one was asked for, and says what that means.</summary>
    public SmKeyLog? OpenKeyLog(ParseResult parsed, TextWriter error)
    {
        if (parsed.GetValue(_keyLog) is not { } path)
        {
            return null;
        }
        error.WriteLine($"warning: the secrets of these connections go to {path}; whoever has the file can read them");
        return new SmKeyLog(path);
    }

    /// <summary>Reads <c>[HOST:]PORT</c>.</summary>
    public static (string Host, int Port) ParseAddress(string option, string text, string defaultHost)
    {
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? defaultHost : text[..colon].Trim('[', ']');
        return int.TryParse(text.AsSpan(colon + 1), out int port) && port is >= 0 and <= 65_535 && host.Length > 0
            ? (host, port)
            : throw new CliException("usage", $"{option} {text}: write HOST:PORT", ExitCode.Usage);
    }

    private SmTrustStore? ReadTrust(ParseResult parsed)
    {
        if (parsed.GetValue(_authorities) is not { } path)
        {
            return null;
        }
        try
        {
            return new SmTrustStore(SmCertificate.ListFromPem(Encoding.Latin1.GetString(GmFiles.Read("--ca", path, MaxAuthorityBytes))));
        }
        catch (SmCertificateException e)
        {
            throw new CliException("invalid-certificate", $"--ca {path}: {e.Message}", inner: e);
        }
    }

    private static T[]? Parse<T>(ParseResult parsed, Option<string[]> option, Func<string, T> parse)
    {
        string[] texts = [.. (parsed.GetValue(option) ?? []).SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
        return texts.Length == 0 ? null : [.. texts.Select(parse)];
    }

    // Also as tongsuo writes them: ECC-SM2-SM4-GCM-SM3.
    private static SmCipherSuite ParseSuite(string text)
    {
        string name = text.ToUpperInvariant().Replace('-', '_').Replace("_SM2_", "_", StringComparison.Ordinal);
        SmCipherSuite found = Enum.GetValues<SmCipherSuite>().FirstOrDefault(suite => suite.Name() == name);
        return found != SmCipherSuite.None ? found : throw new CliException("usage", $"--cipher {text}: no SM suite of that name", ExitCode.Usage);
    }

    private static NamedGroup ParseGroup(string text) => text.ToUpperInvariant() switch
    {
        "CURVESM2" => NamedGroup.CurveSm2,
        "CURVESM2MLKEM768" => NamedGroup.CurveSm2MlKem768,
        _ => throw new CliException("usage", $"--group {text}: write curveSM2 or curveSM2MLKEM768", ExitCode.Usage),
    };
}
