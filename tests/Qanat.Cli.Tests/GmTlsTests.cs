using System.Text.Json;
using System.Text.RegularExpressions;

namespace Qanat.Cli.Tests;

/// <summary><c>qanat gm s_client</c> and <c>qanat gm s_server</c> against each other.</summary>
public sealed partial class GmTlsTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-gm-tls-");

    public async ValueTask InitializeAsync() =>
        Assert.Equal(0, (await Cli.RunAsync("gm", "pki", "--out", At("pki"), "--server", "localhost,127.0.0.1", "--client", "alice")).Code);

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    public static TheoryData<string, string> Suites => new()
    {
        { "tlcp", "ECC_SM4_GCM_SM3" }, { "tlcp", "ECC_SM4_CBC_SM3" }, { "tlcp", "ECDHE_SM4_GCM_SM3" }, { "tlcp", "ECDHE-SM2-SM4-CBC-SM3" },
        { "tls13", "TLS_SM4_GCM_SM3" }, { "tls13", "TLS_SM4_CCM_SM3" },
    };

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task Every_suite_connects_with_client_certificates_and_resumes(string protocol, string suite)
    {
        await using Server server = await Server.StartAsync(this, "--www", "--verify", "require", "--alpn", "x,http/1.1");
        JsonElement report = await ConnectAsync(server, ["--protocol", protocol, "--cipher", suite, "--alpn", "http/1.1", "--resume", "2", "--get", "/",
            "--cert", At("pki/alice.chain.crt.pem"), "--key", At("pki/alice.sign.key.pem"), "--enc-key", At("pki/alice.enc.key.pem")]);
        JsonElement[] connections = [.. report.GetProperty("connections").EnumerateArray()];
        Assert.Equal([false, true, true], connections.Select(c => c.GetProperty("resumed").GetBoolean()));
        foreach (JsonElement connection in connections)
        {
            Assert.Equal(protocol == "tlcp" ? "TLCP" : "TLS 1.3", connection.GetProperty("protocol").GetString());
            Assert.Equal(suite.Replace("-SM2", "", StringComparison.Ordinal).Replace('-', '_'), connection.GetProperty("suite").GetString());
            Assert.Equal("http/1.1", connection.GetProperty("alpn").GetString());
            Assert.True(connection.GetProperty("peer").GetProperty("verified").GetBoolean());
            Assert.StartsWith("CN=localhost", connection.GetProperty("peer").GetProperty("sign").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_answer_goes_to_standard_output_and_the_summary_to_standard_error()
    {
        await using Server server = await Server.StartAsync(this, "--www");
        (int code, string output, string error) = await Cli.RunAsync(
            ["gm", "s_client", "--connect", server.Address, "--servername", "localhost", "--ca", At("pki/root-ca.crt.pem"), "--protocol", "tlcp", "--get", "/"]);
        Assert.True(code == 0, error);
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", output, StringComparison.Ordinal);
        Assert.Contains("TLCP ECC_SM4_GCM_SM3", output, StringComparison.Ordinal);
        Assert.Contains("certificates: verified", error, StringComparison.Ordinal);
        Assert.DoesNotContain("HTTP", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_input_and_output_are_carried_both_ways_until_both_have_ended()
    {
        await using Server server = await Server.StartAsync(this, "--count", "1");
        server.Type("from the server 服务器\n");
        (int code, string output, string error) = await Cli.RunAsync(
            "from the client 客户端\n", TestContext.Current.CancellationToken,
            "gm", "s_client", "--connect", server.Address, "--servername", "localhost", "--ca", At("pki/root-ca.crt.pem"));
        Assert.True(code == 0, error);
        Assert.Equal("from the server 服务器\n", output);
        Assert.Equal((0, "from the client 客户端\n"), await server.EndAsync());
    }

    [Fact]
    public async Task What_is_wrong_has_a_stable_code_and_says_what_to_do()
    {
        await using Server server = await Server.StartAsync(this, "--www", "--protocol", "tls13");
        string[] good = ["gm", "s_client", "--connect", server.Address, "--servername", "localhost", "--ca", At("pki/root-ca.crt.pem")];
        await Fails(1, "peer-alert", [.. good, "--protocol", "tlcp"]);
        await Fails(1, "unknown-ca", "gm", "s_client", "--connect", server.Address, "--servername", "localhost", "--ca", At("pki/localhost.enc.crt.pem"));
        await Fails(1, "certificate-unknown", "gm", "s_client", "--connect", server.Address, "--servername", "other.example.cn", "--ca", At("pki/root-ca.crt.pem"));
        await Fails(2, "invalid-options", "gm", "s_client", "--connect", server.Address);
        await Fails(2, "invalid-options", [.. good, "--cert", At("pki/alice.sign.crt.pem"), "--key", At("pki/alice.enc.key.pem")]);
        await Fails(2, "usage", [.. good, "--cert", At("pki/alice.sign.crt.pem")]);
        await Fails(2, "usage", [.. good, "--cipher", "TLS_AES_128_GCM_SHA256"]);
        await Fails(2, "usage", [.. good, "--resume", "-1"]);
        await Fails(2, "usage", "gm", "s_client", "--connect", "localhost");
        await Fails(1, "invalid-certificate", "gm", "s_client", "--connect", server.Address, "--ca", At("pki/ca.key.pem"));
        await Fails(1, "connect-failed", "gm", "s_client", "--connect", "127.0.0.1:1", "--ca", At("pki/root-ca.crt.pem"));
        await Fails(1, "listen-failed", ["gm", "s_server", "--accept", server.Address, .. Own()]);
        await Fails(2, "usage", "gm", "s_server", "--accept", "0");
        // Diagnosis goes on, and says that nothing was verified.
        JsonElement report = await ConnectAsync(server, ["--no-verify", "--ca", At("pki/localhost.enc.crt.pem")], hasTrust: false);
        JsonElement peer = report.GetProperty("connections")[0].GetProperty("peer");
        Assert.False(peer.GetProperty("verified").GetBoolean());
        Assert.Equal("unknown-issuer", peer.GetProperty("errors")[0].GetProperty("error").GetString());
    }

    [Fact]
    public async Task A_key_log_is_written_only_when_asked_for_and_with_a_warning()
    {
        await using Server server = await Server.StartAsync(this, "--www");
        string log = At("keys.log");
        (int code, _, string error) = await Cli.RunAsync(
            "gm", "s_client", "--connect", server.Address, "--servername", "localhost", "--ca", At("pki/root-ca.crt.pem"), "--get", "/", "--keylog", log);
        Assert.True(code == 0, error);
        Assert.Contains("whoever has the file can read them", error, StringComparison.Ordinal);
        Assert.Contains("CLIENT_TRAFFIC_SECRET_0 ", await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private string[] Own() => ["--cert", At("pki/localhost.chain.crt.pem"), "--key", At("pki/localhost.sign.key.pem"), "--enc-key", At("pki/localhost.enc.key.pem")];

    private async Task<JsonElement> ConnectAsync(Server server, string[] arguments, bool hasTrust = true)
    {
        string[] trust = hasTrust ? ["--ca", At("pki/root-ca.crt.pem")] : [];
        (int code, string output, string error) = await Cli.RunAsync(["gm", "s_client", "--connect", server.Address, "--servername", "localhost", .. trust, .. arguments, "--json"]);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }

    private static async Task Fails(int exitCode, string expected, params string[] arguments)
    {
        (int code, _, string error) = await Cli.RunAsync([.. arguments, "--json"]);
        Assert.True(code == exitCode && error.StartsWith($"error {expected}: ", StringComparison.Ordinal), $"{code}: {error}");
    }

    /// <summary>A running <c>s_server</c> on a port of its own.</summary>
    private sealed partial class Server : IAsyncDisposable
    {
        private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        private readonly StringWriter _output = new();
        private readonly TypedInput _input = new();
        private Task<int> _running = Task.FromResult(0);

        public string Address { get; private set; } = "";

        public static async Task<Server> StartAsync(GmTlsTests test, params string[] arguments)
        {
            Server server = new();
            Announcement error = new();
            server._running = Task.Run(() => QanatCommand.RunAsync(
                ["gm", "s_server", "--accept", "0", .. test.Own(), "--ca", test.At("pki/root-ca.crt.pem"), .. arguments], server._input, server._output, error, server._end.Token));
            server.Address = await error.Address.WaitAsync(TestContext.Current.CancellationToken);
            return server;
        }

        /// <summary>Says what stands on its standard input.</summary>
        public void Type(string text) => _input.Text.SetResult(text);

        /// <summary>Waits for it to end by itself.</summary>
        public async Task<(int Code, string Output)> EndAsync() => (await _running, _output.ToString());

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _running;
            _end.Dispose();
        }

        private sealed class TypedInput : TextReader
        {
            public TaskCompletionSource<string> Text { get; } = new();

            public override string ReadToEnd() => Text.Task.GetAwaiter().GetResult();
        }

        private sealed partial class Announcement : StringWriter
        {
            private readonly TaskCompletionSource<string> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

            public Task<string> Address => _address.Task;

            public override Task WriteLineAsync(string? value)
            {
                if (Listening().Match(value ?? "") is { Success: true } match)
                {
                    _address.TrySetResult(match.Groups[1].Value);
                }
                return Task.CompletedTask;
            }

            public override void WriteLine(string? value)
            {
                if (value is not null && value.StartsWith("error ", StringComparison.Ordinal))
                {
                    _address.TrySetException(new InvalidOperationException(value));
                }
            }

            [GeneratedRegex("^listening on (.*)$")]
            private static partial Regex Listening();
        }
    }
}
