using System.Text.Json;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Tests;

/// <summary><c>qanat gm pki request|sign-request|revoke|crl</c>, <c>gm self-test</c> and <c>gm speed</c> as users type them.</summary>
public sealed class GmPkiTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-gm-pki-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_request_becomes_a_pair_that_validates_and_the_key_stays_where_it_was_made()
    {
        await Succeed("gm", "pki", "--out", At("pki"));
        foreach (string usage in new[] { "sign", "encrypt" })
        {
            JsonElement asked = await Succeed("gm", "pki", "request", "--name", "db.example.cn", "--host", "db.example.cn,10.0.0.7", "--key", At(usage + ".key"), "--out", At(usage + ".csr"));
            Assert.Equal(2, asked.GetProperty("made").GetArrayLength());
            JsonElement signed = await Succeed("gm", "pki", "sign-request", At(usage + ".csr"), "--pki", At("pki"), "--usage", usage, "--out", At(usage + ".crt"), "--days", "30");
            Assert.Equal(["db.example.cn", "10.0.0.7"], signed.GetProperty("hosts").EnumerateArray().Select(host => host.GetString()));
            using Sm2 key = Sm2Keys.ReadPem(await File.ReadAllTextAsync(At(usage + ".key"), TestContext.Current.CancellationToken));
            Assert.Equal(Certificate(usage + ".crt").PublicKey.PublicKey.ToArray(), key.PublicKey.ToArray());
        }
        SmCertificate[] chain = [Certificate("sign.crt"), Certificate("encrypt.crt"), Certificate("pki/ca.crt.pem")];
        SmChainResult result = new SmChainValidator(new SmTrustStore([Certificate("pki/root-ca.crt.pem")]))
            .Validate(chain, SmChainRequest.Server("10.0.0.7", SmChainForm.Pair), chain[0].NotBefore.AddMinutes(6));
        Assert.True(result.IsValid, result.ToString());
        Assert.InRange((chain[0].NotAfter - chain[0].NotBefore).TotalDays, 29.9, 30.1);
    }

    [Fact]
    public async Task The_authority_decides_about_names_and_an_existing_key_is_used_again()
    {
        await Succeed("gm", "pki", "--out", At("pki"));
        await Succeed("gm", "pki", "request", "--name", "alice", "--host", "bank.example.cn", "--key", At("key"), "--out", At("one.csr"));
        JsonElement second = await Succeed("gm", "pki", "request", "--name", "alice", "--key", At("key"), "--out", At("two.csr"));
        Assert.Equal(1, second.GetProperty("made").GetArrayLength());
        await Succeed("gm", "pki", "sign-request", At("one.csr"), "--pki", At("pki"), "--no-host", "--out", At("none.crt"));
        Assert.Empty(Certificate("none.crt").DnsNames);
        await Succeed("gm", "pki", "sign-request", At("one.csr"), "--pki", At("pki"), "--host", "alice.example.cn", "--out", At("other.crt"));
        Assert.Equal(["alice.example.cn"], Certificate("other.crt").DnsNames);
        await Fail("usage", "gm", "pki", "sign-request", At("one.csr"), "--pki", At("pki"), "--host", "a.cn", "--no-host", "--out", At("x.crt"));
        await Fail("file-exists", "gm", "pki", "sign-request", At("one.csr"), "--pki", At("pki"), "--out", At("other.crt"));
    }

    [Fact]
    public async Task Requests_that_must_not_be_signed_are_refused_with_the_field()
    {
        await Succeed("gm", "pki", "--out", At("pki"));
        Assert.Contains("subjectPublicKey: ", await Fail("invalid-request",
            "gm", "pki", "sign-request", await Request("--key", At("pki/ca.key.pem")), "--pki", At("pki"), "--out", At("x.crt")), StringComparison.Ordinal);
        string request = await File.ReadAllTextAsync(await Request("--key", At("key")), TestContext.Current.CancellationToken);
        byte[] der = SmCertificateRequest.FromPem(request).RawData.ToArray();
        der[^1] ^= 1;
        await File.WriteAllTextAsync(At("changed.csr"), System.Security.Cryptography.PemEncoding.WriteString("CERTIFICATE REQUEST", der), TestContext.Current.CancellationToken);
        Assert.Contains("signature", await Fail("invalid-request", "gm", "pki", "sign-request", At("changed.csr"), "--pki", At("pki"), "--out", At("x.crt")), StringComparison.Ordinal);
        Assert.Contains("qanat gm pki --out", await Fail("invalid-certificate",
            "gm", "pki", "sign-request", await Request("--key", At("key")), "--pki", At("nowhere"), "--out", At("x.crt")), StringComparison.Ordinal);
        Assert.False(File.Exists(At("x.crt")));
    }

    [Fact]
    public async Task Revoked_certificates_are_on_a_list_that_validators_take_and_that_grows()
    {
        await Succeed("gm", "pki", "--out", At("pki"), "--client", "alice", "--client", "bob");
        JsonElement first = await Succeed("gm", "pki", "revoke", At("pki/alice.sign.crt.pem"), At("pki/alice.enc.crt.pem"), "--pki", At("pki"), "--days", "7");
        Assert.Equal(2, first.GetProperty("revoked").GetInt32());
        SmCertificateRevocationList list = List();
        Assert.True(list.IsSignedBy(Certificate("pki/ca.crt.pem")));
        Assert.InRange((list.NextUpdate - list.ThisUpdate).TotalDays, 6.9, 7.1);
        Assert.Equal([SmChainError.Revoked], Errors("alice"));
        Assert.Empty(Errors("bob"));
        Assert.Equal(0, (await Succeed("gm", "pki", "revoke", At("pki/alice.sign.crt.pem"), "--pki", At("pki"))).GetProperty("made").GetArrayLength());
        Assert.Equal(3, (await Succeed("gm", "pki", "revoke", At("pki/bob.sign.crt.pem"), "--pki", At("pki"))).GetProperty("revoked").GetInt32());
        Assert.Equal([SmChainError.Revoked], Errors("bob"));
        SmCertificateRevocationList before = List();
        Assert.Equal(3, (await Succeed("gm", "pki", "crl", "--pki", At("pki"))).GetProperty("revoked").GetInt32());
        Assert.True(List().ThisUpdate > before.ThisUpdate && before.ThisUpdate > list.ThisUpdate);
        Assert.False(File.Exists(At("pki/ca.crl.pem.new")));
    }

    [Fact]
    public async Task A_list_that_is_not_the_authority_s_own_is_kept_and_strangers_are_not_revoked()
    {
        await Succeed("gm", "pki", "--out", At("pki"), "--client", "alice");
        await Succeed("gm", "pki", "--out", At("other"), "--client", "mallory");
        Assert.Contains("issuer: ", await Fail("not-issued-here", "gm", "pki", "revoke", At("other/mallory.sign.crt.pem"), "--pki", At("pki")), StringComparison.Ordinal);
        Assert.False(File.Exists(At("pki/ca.crl.pem")));
        await Succeed("gm", "pki", "crl", "--pki", At("other"));
        File.Copy(At("other/ca.crl.pem"), At("pki/ca.crl.pem"));
        Assert.Contains("signature: ", await Fail("invalid-crl", "gm", "pki", "revoke", At("pki/alice.sign.crt.pem"), "--pki", At("pki")), StringComparison.Ordinal);
        await File.WriteAllTextAsync(At("pki/ca.crl.pem"), "no list", TestContext.Current.CancellationToken);
        await Fail("invalid-crl", "gm", "pki", "crl", "--pki", At("pki"));
        Assert.Equal("no list", await File.ReadAllTextAsync(At("pki/ca.crl.pem"), TestContext.Current.CancellationToken));
        await File.WriteAllTextAsync(At("pki/ca.crl.pem.new"), "", TestContext.Current.CancellationToken);
        await Fail("file-exists", "gm", "pki", "crl", "--pki", At("pki"));
    }

    [Fact]
    public async Task Self_test_names_every_test_and_its_source()
    {
        JsonElement result = await Succeed("gm", "self-test");
        Assert.All(result.GetProperty("checks").EnumerateArray(), check => Assert.True(check.GetProperty("passed").GetBoolean(), check.ToString()));
        Assert.Equal(GmSelfTest.Run().Checks.Select(check => check.Name), result.GetProperty("checks").EnumerateArray().Select(check => check.GetProperty("name").GetString()));
        (int code, string output, _) = await Cli.RunAsync("gm", "self-test");
        Assert.Equal(0, code);
        Assert.Contains("GB/T 32918.5 A.2", output, StringComparison.Ordinal);
        Assert.Contains("self-tests passed", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Speed_measures_every_algorithm_and_names_the_code_paths()
    {
        JsonElement result = await Succeed("gm", "speed", "--seconds", "0.002");
        JsonElement[] rows = [.. result.GetProperty("speeds").EnumerateArray()];
        Assert.Equal(18, rows.Length);
        Assert.All(rows, row => Assert.True(row.GetProperty("rate").GetDouble() > 0, row.ToString()));
        Assert.Equal(System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(Sm4.Implementation.ToString()), result.GetProperty("paths").GetProperty("sm4").GetString());
        await Fail("usage", "gm", "speed", "--seconds", "0");
    }

    private async Task<string> Request(params string[] more)
    {
        string file = At(Guid.NewGuid().ToString("N") + ".csr");
        await Succeed(["gm", "pki", "request", "--name", "alice", "--out", file, .. more]);
        return file;
    }

    private SmChainError[] Errors(string name)
    {
        SmTrustStore trust = new([Certificate("pki/root-ca.crt.pem")], revocationLists: [List()]);
        SmCertificate[] chain = [Certificate($"pki/{name}.sign.crt.pem"), Certificate("pki/ca.crt.pem")];
        return [.. new SmChainValidator(trust).Validate(chain, SmChainRequest.Client(SmChainForm.One), DateTimeOffset.UtcNow.AddMinutes(1)).Failures.Select(failure => failure.Error)];
    }

    private SmCertificateRevocationList List() => SmCertificateRevocationList.FromPem(File.ReadAllText(At("pki/ca.crl.pem")));

    private SmCertificate Certificate(string name) => SmCertificate.FromPem(File.ReadAllText(At(name)));

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private static async Task<JsonElement> Succeed(params string[] arguments)
    {
        (int code, string output, string error) = await Cli.RunAsync([.. arguments, "--json"]);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }

    private static async Task<string> Fail(string expected, params string[] arguments)
    {
        (int code, _, string error) = await Cli.RunAsync([.. arguments, "--json"]);
        Assert.Equal(expected == "usage" ? 2 : 1, code);
        Assert.StartsWith($"error {expected}: ", error, StringComparison.Ordinal);
        return error;
    }
}
