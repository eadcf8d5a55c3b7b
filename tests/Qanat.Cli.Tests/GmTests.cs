using System.Text;
using System.Text.Json;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Tests;

/// <summary><c>qanat gm</c> as users type it.</summary>
public sealed class GmTests : IDisposable
{
    private const string PasswordVariable = "QANAT_TEST_GM_PASSWORD";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-gm-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Pki_makes_chains_that_validate_and_keys_that_belong_to_them()
    {
        await Succeed("gm", "pki", "--out", At("pki"), "--server", "localhost,127.0.0.1", "--server", "db.example.cn", "--client", "alice", "--organization", "Example");
        SmCertificate root = Certificate("root-ca");
        SmChainValidator validator = new(new SmTrustStore([root]));
        foreach ((string name, string? host) in new[] { ("localhost", "127.0.0.1"), ("db.example.cn", "db.example.cn"), ("alice", null) })
        {
            IReadOnlyList<SmCertificate> chain = SmCertificate.ListFromPem(await File.ReadAllTextAsync(At($"pki/{name}.chain.crt.pem"), TestContext.Current.CancellationToken));
            Assert.Equal([Certificate($"{name}.sign"), Certificate($"{name}.enc"), Certificate("ca")], chain);
            SmChainRequest request = host is null ? SmChainRequest.Client(SmChainForm.Pair) : SmChainRequest.Server(host, SmChainForm.Pair);
            SmChainResult result = validator.Validate(chain, request, chain[0].NotBefore.AddMinutes(6));
            Assert.True(result.IsValid, result.ToString());
        }
        foreach (string name in new[] { "root-ca", "ca", "localhost.sign", "localhost.enc", "alice.sign", "alice.enc" })
        {
            using Sm2 key = Sm2Keys.ReadPem(await File.ReadAllTextAsync(At($"pki/{name}.key.pem"), TestContext.Current.CancellationToken));
            Assert.Equal(Certificate(name).SubjectPublicKeyInfo.ToArray(), Sm2Keys.WriteSubjectPublicKeyInfo(key));
        }
        Assert.Equal("CN=alice, O=Example, C=CN", Certificate("alice.sign").Subject.ToString());
        Assert.Equal(0, Certificate("ca").PathLength);
    }

    [Fact]
    public async Task Pki_keeps_what_is_there_and_adds_what_is_missing()
    {
        await Succeed("gm", "pki", "--out", At("pki"), "--server", "localhost");
        byte[] ca = await File.ReadAllBytesAsync(At("pki/ca.crt.pem"), TestContext.Current.CancellationToken);
        JsonElement second = await Succeed("gm", "pki", "--out", At("pki"), "--server", "localhost", "--client", "bob");
        Assert.Equal(5, second.GetProperty("made").GetArrayLength());
        Assert.Equal(ca, await File.ReadAllBytesAsync(At("pki/ca.crt.pem"), TestContext.Current.CancellationToken));
        Assert.True(Certificate("bob.sign").IsSignedBy(Certificate("ca")));
        Assert.Equal(0, (await Succeed("gm", "pki", "--out", At("pki"), "--client", "bob")).GetProperty("made").GetArrayLength());
    }

    [Fact]
    public async Task Pki_keys_are_for_their_owner_only_and_certificates_for_all()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix file modes");
            return;
        }
        await Succeed("gm", "pki", "--out", At("pki"), "--client", "alice");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(At("pki")));
        string[] keys = Directory.GetFiles(At("pki"), "*.key.pem");
        Assert.Equal(4, keys.Length);
        foreach (string key in keys)
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
        }
    }

    [Theory]
    [InlineData("sm")]
    [InlineData("aes")]
    public async Task Pki_encrypts_keys_under_a_password_from_a_file_and_needs_it_to_go_on(string encryption)
    {
        string password = Write("password", "密码 one\nsecond line\n");
        await Succeed("gm", "pki", "--out", At("pki"), "--client", "alice", "--password-file", password, "--encryption", encryption);
        Assert.All(Directory.GetFiles(At("pki"), "*.key.pem"), key => Assert.StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----", File.ReadAllText(key), StringComparison.Ordinal));
        (int code, _, string error) = await Cli.RunAsync("gm", "pki", "--out", At("pki"), "--client", "bob");
        Assert.Equal(1, code);
        Assert.Contains("error invalid-key: ", error, StringComparison.Ordinal);
        Assert.Contains("--password-file", error, StringComparison.Ordinal);
        Environment.SetEnvironmentVariable(PasswordVariable, "密码 one");
        await Succeed("gm", "pki", "--out", At("pki"), "--client", "bob", "--password-env", PasswordVariable);
        string text = Write("text", "x");
        await Succeed("gm", "sign", text, "--key", At("pki/bob.sign.key.pem"), "--password-env", PasswordVariable);
        Environment.SetEnvironmentVariable(PasswordVariable, "wrong");
        Assert.Contains("password does not open", await Fail("invalid-key", "gm", "sign", text, "--key", At("pki/bob.sign.key.pem"), "--password-env", PasswordVariable), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--server", "not a host")]
    [InlineData("--server", "")]
    [InlineData("--client", "../up")]
    [InlineData("--client", "ca")]
    [InlineData("--client", ".hidden")]
    [InlineData("--days", "0")]
    [InlineData("--country", "CHN")]
    [InlineData("--encryption", "rot13")]
    public async Task Pki_refuses_bad_arguments_and_makes_no_certificate(string option, string value)
    {
        (int code, _, string error) = await Cli.RunAsync("gm", "pki", "--out", At("pki"), option, value);
        Assert.Equal(2, code);
        Assert.Contains("error usage: ", error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("pki/ca.crt.pem")));
    }

    [Theory]
    [InlineData("der", "1234567812345678")]
    [InlineData("raw", "alice@example.cn")]
    public async Task Signatures_verify_and_any_difference_is_refused(string format, string id)
    {
        (string key, string publicKey) = NewKey();
        string file = Write("text", "message"), other = Write("other", "Message"), signature = At("signature");
        await Succeed("gm", "sign", file, "--key", key, "--id", id, "--format", format, "--out", signature);
        await Succeed("gm", "verify", file, "--key", publicKey, "--signature", signature, "--id", id, "--format", format);
        await Fail("signature-wrong", "gm", "verify", other, "--key", publicKey, "--signature", signature, "--id", id, "--format", format);
        await Fail("signature-wrong", "gm", "verify", file, "--key", publicKey, "--signature", signature, "--id", "another", "--format", format);
        await Fail("signature-wrong", "gm", "verify", file, "--key", NewKey().Public, "--signature", signature, "--id", id, "--format", format);
        await Fail("file-exists", "gm", "sign", file, "--key", key, "--out", signature);
        JsonElement printed = await Succeed("gm", "sign", file, "--key", key);
        await Succeed("gm", "verify", file, "--key", publicKey, "--signature", Write("hex", printed.GetProperty("signature").GetString() + "\n"));
    }

    [Fact]
    public async Task A_certificate_may_stand_for_the_key()
    {
        await Succeed("gm", "pki", "--out", At("pki"), "--client", "alice");
        string file = Write("text", "message");
        await Succeed("gm", "sign", file, "--key", At("pki/alice.sign.key.pem"), "--out", At("signature"));
        await Succeed("gm", "verify", file, "--certificate", At("pki/alice.sign.crt.pem"), "--signature", At("signature"));
        await Fail("invalid-certificate", "gm", "verify", file, "--certificate", file, "--signature", At("signature"));
    }

    [Theory]
    [InlineData("asn1")]
    [InlineData("c1c3c2")]
    public async Task What_is_encrypted_is_decrypted_by_the_owner_only(string format)
    {
        (string key, string publicKey) = NewKey();
        string file = Write("text", "机密 message"), ciphertext = At("ciphertext"), plaintext = At("plaintext");
        await Succeed("gm", "encrypt", file, "--key", publicKey, "--format", format, "--out", ciphertext);
        await Succeed("gm", "decrypt", ciphertext, "--key", key, "--format", format, "--out", plaintext);
        Assert.Equal("机密 message", await File.ReadAllTextAsync(plaintext, TestContext.Current.CancellationToken));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(plaintext));
        }
        await Fail("decryption-failed", "gm", "decrypt", ciphertext, "--key", NewKey().Private, "--format", format);
        (int code, string output, _) = await Cli.RunAsync("gm", "decrypt", ciphertext, "--key", key, "--format", format);
        Assert.Equal((0, "机密 message"), (code, output));
    }

    [Fact]
    public async Task Binary_plaintext_is_not_printed_as_text()
    {
        (string key, string publicKey) = NewKey();
        await File.WriteAllBytesAsync(At("binary"), [0xFF, 0xFE, 0x00], TestContext.Current.CancellationToken);
        await Succeed("gm", "encrypt", At("binary"), "--key", publicKey, "--out", At("ciphertext"));
        await Fail("not-text", ["gm", "decrypt", At("ciphertext"), "--key", key], json: false);
        Assert.Equal("//4A", (await Succeed("gm", "decrypt", At("ciphertext"), "--key", key)).GetProperty("plaintextBase64").GetString());
    }

    [Fact]
    public async Task Hash_prints_sm3_as_sm3sum_would()
    {
        string file = Write("abc", "abc"); // GB/T 32905 appendix A.1
        (int code, string output, _) = await Cli.RunAsync("gm", "hash", file);
        Assert.Equal((0, $"66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0  {file}"), (code, output.TrimEnd()));
    }

    [Fact]
    public async Task Keys_that_do_not_serve_are_told_with_the_file()
    {
        (string key, string publicKey) = NewKey();
        string file = Write("text", "message");
        Assert.Contains(publicKey, await Fail("invalid-key", "gm", "sign", file, "--key", publicKey), StringComparison.Ordinal);
        Assert.Contains(file, await Fail("invalid-key", "gm", "sign", file, "--key", file), StringComparison.Ordinal);
        await Fail("password-missing", "gm", "sign", file, "--key", EncryptedKey(), "--password-env", "QANAT_TEST_NOT_SET");
        await Fail("io", "gm", "sign", At("missing"), "--key", key);
        await Fail("usage", "gm", "verify", file, "--signature", file);
        await Fail("usage", "gm", "verify", file, "--signature", file, "--key", key, "--certificate", file);
        await Fail("file-too-large", "gm", "verify", file, "--key", key, "--signature", Write("large", new string('#', 3000)));
    }

    private string EncryptedKey()
    {
        using Sm2 key = Sm2.Create();
        return Write("encrypted", new string(Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(key, "x", Sm2KeyEncryption.Sm with { Iterations = 1000 })));
    }

    private (string Private, string Public) NewKey()
    {
        using Sm2 key = Sm2.Create();
        string name = Guid.NewGuid().ToString("N");
        return (Write(name + ".key", new string(Sm2Keys.WritePkcs8PrivateKeyPem(key))), Write(name + ".pub", Sm2Keys.WriteSubjectPublicKeyInfoPem(key)));
    }

    private SmCertificate Certificate(string name) => SmCertificate.FromPem(File.ReadAllText(At($"pki/{name}.crt.pem")));

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private string Write(string name, string text)
    {
        File.WriteAllText(At(name), text, new UTF8Encoding(false));
        return At(name);
    }

    private static async Task<JsonElement> Succeed(params string[] arguments)
    {
        (int code, string output, string error) = await Cli.RunAsync([.. arguments, "--json"]);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }

    private static Task<string> Fail(string expected, params string[] arguments) => Fail(expected, arguments, json: true);

    private static async Task<string> Fail(string expected, string[] arguments, bool json)
    {
        (int code, _, string error) = await Cli.RunAsync(json ? [.. arguments, "--json"] : arguments);
        Assert.Equal(expected == "usage" ? 2 : 1, code);
        Assert.StartsWith($"error {expected}: ", error, StringComparison.Ordinal);
        return error;
    }
}
