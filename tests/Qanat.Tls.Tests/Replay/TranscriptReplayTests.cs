using System.Text.Json;
using Qanat.Tls.Replay;

namespace Qanat.Tls.Tests.Replay;

/// <summary>Every recorded connection of real peers: parsed, decrypted and verified in both directions. See tests/vectors/sm-transcripts/README.md.</summary>
[Trait("Kind", "Vector")]
public sealed class TranscriptReplayTests
{
    // The failed cells and what made them fail, from cells/INDEX.md.
    private static readonly Dictionary<string, (ReplayCause Cause, AlertDescription? Alert)> s_failed = new()
    {
        ["neg-tlcp-ecc-cbc-mutual-singlechain-s-ts-c-gm"] = (ReplayCause.SingleClientCertificate, AlertDescription.UnsupportedCertificate),
        ["neg-tlcp-ecc-gcm-mutual-rawcv-s-go-c-gm"] = (ReplayCause.RawTranscriptVerify, AlertDescription.DecryptError),
        ["neg-tlcp-ecc-gcm-noauth-sigalgs-s-gm-c-go"] = (ReplayCause.HelloExtensionRefused, AlertDescription.HandshakeFailure),
        ["neg-tlcp-ecc-gcm-noauth-ticketext-s-gm-c-ts"] = (ReplayCause.HelloExtensionRefused, AlertDescription.DecodeError),
        ["neg-tlcp-ecdhe-gcm-mutual-cke69-s-gm-c-ts"] = (ReplayCause.KeyExchangeWithoutLength, AlertDescription.DecodeError),
        ["neg-tlcp-ecdhe-gcm-mutual-cke71-s-ts-c-gm"] = (ReplayCause.KeyExchangeWithLength, AlertDescription.DecodeError),
        ["neg-tlcp-ecdhe-gcm-nocert-s-gm-c-gm"] = (ReplayCause.EcdheWithoutClientCertificate, AlertDescription.InternalError),
        ["neg-tlcp-suite-mismatch-s-ts-c-ts"] = (ReplayCause.NoCommonSuite, AlertDescription.HandshakeFailure),
        ["neg-tlcp-unknown-ca-s-ts-c-ts"] = (ReplayCause.UnknownCa, AlertDescription.UnknownCa),
        ["neg-tls13-gcm-mutual-nocert-s-ts-c-ts"] = (ReplayCause.CertificateRequired, AlertDescription.CertificateRequired),
        ["neg-tls13-gcm-mutual-ticket597-s-ts-c-gm"] = (ReplayCause.Truncated, null),
    };

    public static TheoryData<string> Completed => [.. Vectors.Cells.Where(cell => !cell.StartsWith("neg-", StringComparison.Ordinal))];

    public static TheoryData<string> Failed => [.. Vectors.Cells.Where(cell => cell.StartsWith("neg-", StringComparison.Ordinal))];

    [Fact]
    public void There_are_72_cells_and_each_failed_one_has_its_cause()
    {
        Assert.Equal(72, Vectors.Cells.Length);
        Assert.Equal(s_failed.Keys.Order(), Vectors.Cells.Where(cell => cell.StartsWith("neg-", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Completed))]
    public void Completed_connection_is_read_to_its_last_byte(string cell)
    {
        ReplayResult result = Run(cell);
        Assert.Equal("", result.Message);
        Assert.True(result.Ok && result.FinishedOk && result.SignaturesOk);
        Assert.Null(result.ErrorText);
        Assert.Equal(Vectors.Read(cell, "app_c2s.bin"), result.ClientData);
        Assert.Equal(Vectors.Read(cell, "app_s2c.bin"), result.ServerData);
        CheckAgainstMeta(cell, result);
    }

    [Theory]
    [MemberData(nameof(Failed))]
    public void Failed_connection_names_its_cause(string cell)
    {
        ReplayResult result = Run(cell);
        (ReplayCause cause, AlertDescription? alert) = s_failed[cell];
        Assert.Equal(cause, result.Cause);
        Assert.Equal(alert, result.Alert?.Description);
        Assert.False(result.Ok);
        Assert.True(result.SignaturesOk);
        Assert.NotEmpty(result.Message);
        if (File.Exists(Path.Combine(Vectors.Folder(cell), "app_s2c.bin")))
        {
            Assert.Equal(Vectors.Read(cell, "app_s2c.bin"), result.ServerData);
        }
        CheckAgainstMeta(cell, result);
    }

    /// <summary>What the recorder of the cell wrote down about it, with its own parser and verifier.</summary>
    private static void CheckAgainstMeta(string cell, ReplayResult result)
    {
        using JsonDocument meta = JsonDocument.Parse(Vectors.Read(cell, "meta.json"));
        JsonElement wire = meta.RootElement.GetProperty("wire");
        JsonElement dialect = meta.RootElement.GetProperty("dialect_traits");
        string? Trait(string name) => dialect.TryGetProperty(name, out JsonElement value) ? value.ToString() : null;

        Assert.Equal(meta.RootElement.GetProperty("protocol").GetString()!.StartsWith("TLCP", StringComparison.Ordinal) ? SmProtocol.Tlcp : SmProtocol.Tls13, result.Protocol);
        if (wire.TryGetProperty("suite_name", out JsonElement suite))
        {
            Assert.Equal(suite.GetString(), result.Suite.Name());
        }
        Assert.Equal(wire.GetProperty("record_count").GetProperty("c2s").GetInt32() + wire.GetProperty("record_count").GetProperty("s2c").GetInt32(), result.Records);
        Assert.Equal(result.Protocol == SmProtocol.Tlcp
            ? wire.TryGetProperty("client_certificate_verify", out JsonElement verify) && verify.GetBoolean()
            : meta.RootElement.GetProperty("client_authenticated_on_the_wire").GetBoolean(), result.ClientAuthenticated);
        Assert.Equal(wire.GetProperty("client_hello_extensions").EnumerateArray().Select(e => e.GetString()), result.Dialect.ClientHelloExtensions);
        Assert.Equal(Trait("client_key_exchange") switch
        {
            { } text when text.StartsWith("71", StringComparison.Ordinal) => "with-length",
            { } text when text.StartsWith("69", StringComparison.Ordinal) => "without-length",
            _ => null,
        }, result.Dialect.ClientKeyExchange);
        if (result.Protocol == SmProtocol.Tlcp)
        {
            Assert.Equal(Trait("certificate_verify") switch
            {
                { } text when text.Contains("raw transcript", StringComparison.Ordinal) => "raw-transcript",
                { } text when text.Contains("SM3(transcript)", StringComparison.Ordinal) => "transcript-hash",
                _ => null,
            }, result.Dialect.CertificateVerify);
        }
        else
        {
            Assert.Equal(wire.GetProperty("hello_retry_request").GetBoolean(), result.Dialect.HelloRetryRequest);
            Assert.Equal(Trait("key_exchange_group") == "11ee" ? "curveSM2MLKEM768" : "curveSM2", result.Dialect.Group);
            Assert.Equal(Trait("middlebox_compatibility") == "True", result.Dialect.MiddleboxCompatibility);
        }
        if (meta.RootElement.GetProperty("completed").GetBoolean())
        {
            Assert.Equal(meta.RootElement.TryGetProperty("resumed", out JsonElement resumed) && resumed.GetBoolean(), result.Dialect.Resumption is not null);
        }
    }

    [Theory]
    [InlineData("tlcp-ecc-gcm-resume-id-s-go-c-go", "session-id")]
    [InlineData("tlcp-ecc-gcm-resume-ticket-s-ts-c-ts", "session-ticket")]
    [InlineData("tls13-gcm-resume-psk-s-ts-c-ts", "psk")]
    public void Kind_of_resumption_is_told(string cell, string kind) => Assert.Equal(kind, Run(cell).Dialect.Resumption);

    [Fact]
    public void Double_and_single_client_certificates_are_told_apart()
    {
        Assert.Equal("single", Run("tlcp-ecc-cbc-mutual-s-gm-c-gm").Dialect.ClientCertificates);
        Assert.Equal("double", Run("tlcp-ecc-cbc-mutual-s-go-c-go").Dialect.ClientCertificates);
    }

    [Theory]
    [InlineData("tlcp-ecc-gcm-mutual-s-ts-c-go")]
    [InlineData("tlcp-ecc-cbc-noauth-s-ts-c-gm")]
    public void Server_encryption_key_alone_opens_an_ecc_connection(string cell)
    {
        RecordedConnection whole = Load(cell);
        ReplayResult result = Replay(new RecordedConnection { ClientBytes = whole.ClientBytes, ServerBytes = whole.ServerBytes, Segments = whole.Segments }, whole.RecordedAt!.Value);
        Assert.Equal("", result.Message);
        Assert.Equal(Vectors.Read(cell, "app_s2c.bin"), result.ServerData);
    }

    [Theory]
    [InlineData("tlcp-ecdhe-gcm-mutual-s-go-c-go")]
    [InlineData("tls13-gcm-mutual-s-ts-c-gm")]
    public void One_ephemeral_key_opens_a_connection_without_a_key_log(string cell)
    {
        RecordedConnection whole = Load(cell);
        ReplayResult result = Replay(new RecordedConnection
        {
            ClientBytes = whole.ClientBytes,
            ServerBytes = whole.ServerBytes,
            Segments = whole.Segments,
            ClientEphemeralKeys = whole.ClientEphemeralKeys,
        }, whole.RecordedAt!.Value);
        Assert.Equal("", result.Message);
        Assert.Equal(Vectors.Read(cell, "app_s2c.bin"), result.ServerData);
    }

    [Fact]
    public void Missing_keys_are_told()
    {
        RecordedConnection whole = Load("tls13-gcm-noauth-s-ts-c-ts");
        ReplayResult result = Replay(new RecordedConnection { ClientBytes = whole.ClientBytes, ServerBytes = whole.ServerBytes, Segments = whole.Segments }, whole.RecordedAt!.Value);
        Assert.Equal(ReplayCause.KeysMissing, result.Cause);
        Assert.StartsWith("keys-missing: ", result.ErrorText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tlcp-ecc-gcm-noauth-s-ts-c-go", "2027-12-01T00:00:00Z")]
    [InlineData("tls13-gcm-mutual-s-ts-c-ts", "2026-11-01T00:00:00Z")]
    public void Certificates_are_judged_at_the_time_given(string cell, string time)
    {
        ReplayResult result = Replay(Load(cell), DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(ReplayCause.CertificateRefused, result.Cause);
        Assert.False(result.SignaturesOk);
        Assert.True(result.FinishedOk);
    }

    [Fact]
    public void Without_the_root_no_chain_is_good()
    {
        RecordedConnection recording = Load("tlcp-ecc-gcm-noauth-s-ts-c-go");
        using ReplayPki empty = ReplayPki.FromPem([]);
        Assert.Equal(ReplayCause.CertificateRefused, TranscriptReplay.Run(recording, empty, recording.RecordedAt!.Value).Cause);
    }

    [Theory]
    [InlineData("tlcp-ecc-cbc-mutual-s-go-c-ts")]
    [InlineData("tlcp-ecdhe-gcm-mutual-s-go-c-go")]
    [InlineData("tls13-ccm-mutual-s-gm-c-gm")]
    [InlineData("tls13-gcm-resume-psk-s-ts-c-ts")]
    [Trait("Kind", "Property")]
    public void Changed_bytes_never_pass_and_never_throw(string cell)
    {
        RecordedConnection whole = Load(cell);
        Random random = new(20261122);
        for (int i = 0; i < 150; i++)
        {
            byte[] client = [.. whole.ClientBytes], server = [.. whole.ServerBytes];
            byte[] changed = i % 2 == 0 ? client : server;
            int at = random.Next(changed.Length);
            changed[at] ^= (byte)(1 << random.Next(8));
            ReplayResult result = Replay(new RecordedConnection
            {
                ClientBytes = client,
                ServerBytes = server,
                Segments = whole.Segments,
                KeyLog = whole.KeyLog,
                ClientEphemeralKeys = whole.ClientEphemeralKeys,
                ServerEphemeralKeys = whole.ServerEphemeralKeys,
                PreSharedKeys = whole.PreSharedKeys,
            }, whole.RecordedAt!.Value);
            // The version of a record in the clear is the one field that nothing covers.
            Assert.True(!result.Ok || IsVersion(changed, at), $"byte {at} of the {(i % 2 == 0 ? "client" : "server")} changed and nobody saw");
        }
    }

    [Theory]
    [InlineData("[{\"dir\":\"c2s\",\"offset\":1,\"len\":1}]")]
    [InlineData("[{\"dir\":\"up\",\"offset\":0,\"len\":1}]")]
    [InlineData("[{\"dir\":\"c2s\",\"offset\":0,\"len\":99}]")]
    [InlineData("[{\"dir\":\"c2s\",\"offset\":0,\"len\":-1}]")]
    [InlineData("[{\"dir\":\"c2s\",\"offset\":\"0\",\"len\":1}]")]
    [InlineData("[3]")]
    [InlineData("{}")]
    [InlineData("[")]
    [InlineData("[]")]
    public void Broken_segments_are_told(string segments)
    {
        Dictionary<string, byte[]> files = new() { ["c2s.bin"] = [1], ["s2c.bin"] = [], ["segments.json"] = System.Text.Encoding.UTF8.GetBytes(segments) };
        SmTlsException error = Assert.Throws<SmTlsException>(() => RecordedConnection.Load(name => files.GetValueOrDefault(name)));
        Assert.Equal(SmTlsError.InvalidOptions, error.Error);
        Assert.StartsWith("segments.json", error.Message, StringComparison.Ordinal);
    }

    private static bool IsVersion(byte[] stream, int at)
    {
        int header = 0;
        while (header + 5 <= at)
        {
            int next = header + 5 + ((stream[header + 3] << 8) | stream[header + 4]);
            if (next > at)
            {
                return false;
            }
            header = next;
        }
        return at - header is 1 or 2;
    }

    private static ReplayResult Run(string cell)
    {
        RecordedConnection recording = Load(cell);
        return Replay(recording, recording.RecordedAt!.Value);
    }

    private static ReplayResult Replay(RecordedConnection recording, DateTimeOffset time)
    {
        using ReplayPki pki = ReplayPki.FromPem(Directory.EnumerateFiles(Vectors.Pki, "*.pem").Select(path => (path, File.ReadAllText(path))));
        return TranscriptReplay.Run(recording, pki, time);
    }

    private static RecordedConnection Load(string cell) => RecordedConnection.Load(name =>
    {
        string path = Path.Combine(Vectors.Folder(cell), name);
        return File.Exists(path) ? File.ReadAllBytes(path) : null;
    });
}
