using System.Text.Json;

namespace Qanat.Cli.Tests;

/// <summary><c>qanat gm replay</c> over recorded connections of real peers (tests/vectors/sm-transcripts).</summary>
public sealed class GmReplayTests
{
    private static readonly string s_vectors = Path.Combine(AppContext.BaseDirectory, "vectors", "sm-transcripts");
    private static readonly string s_pki = Path.Combine(s_vectors, "pki");

    [Theory]
    [InlineData("tlcp-ecdhe-cbc-mutual-s-gm-c-gm", "TLCP", "ECDHE_SM4_CBC_SM3", 17)]
    [InlineData("tls13-ccm-mutual-s-gm-c-gm", "TLS 1.3", "TLS_SM4_CCM_SM3", 14)]
    public async Task Completed_connection_is_ok(string cell, string protocol, string suite, int atLeastRecords)
    {
        (int code, string output, string error) = await Cli.RunAsync("gm", "replay", Cell(cell), "--pki", s_pki, "--json");
        Assert.Equal("", error);
        Assert.Equal(0, code);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement root = json.RootElement;
        Assert.True(root.GetProperty("ok").GetBoolean() && root.GetProperty("finishedOk").GetBoolean() && root.GetProperty("signaturesOk").GetBoolean());
        Assert.Equal((protocol, suite), (root.GetProperty("protocol").GetString(), root.GetProperty("suite").GetString()));
        Assert.True(root.GetProperty("records").GetInt32() >= atLeastRecords);
        Assert.Equal(JsonValueKind.Object, root.GetProperty("dialect").ValueKind);
        Assert.False(root.TryGetProperty("error", out _));
    }

    [Fact]
    public async Task Failed_connection_names_its_cause_and_ends_with_1()
    {
        string cell = Cell("neg-tlcp-ecdhe-gcm-mutual-cke71-s-ts-c-gm");
        (int code, string output, _) = await Cli.RunAsync("gm", "replay", cell, "--pki", s_pki, "--json");
        Assert.Equal(1, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.False(json.RootElement.GetProperty("ok").GetBoolean());
        Assert.StartsWith("key-exchange-with-length: the server sent decode_error", json.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("with-length", json.RootElement.GetProperty("dialect").GetProperty("clientKeyExchange").GetString());

        (_, string text, _) = await Cli.RunAsync("gm", "replay", cell, "--pki", s_pki);
        Assert.Contains("key-exchange-with-length", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_time_refuses_the_certificates()
    {
        (int code, string output, _) = await Cli.RunAsync("gm", "replay", Cell("tls13-gcm-noauth-s-gm-c-gm"), "--pki", s_pki, "--at", "2030-01-01T00:00:00Z", "--json");
        Assert.Equal(1, code);
        Assert.Contains("\"error\":\"certificate-refused: ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no-such-cell", "recording-unreadable")]
    [InlineData("tls13-gcm-noauth-s-gm-c-gm", "usage", "--at", "yesterday")]
    public async Task What_cannot_be_read_is_a_usage_error(string cell, string expected, params string[] more)
    {
        (int code, _, string error) = await Cli.RunAsync(["gm", "replay", Cell(cell), "--pki", s_pki, .. more]);
        Assert.Equal(2, code);
        Assert.StartsWith($"error {expected}: ", error, StringComparison.Ordinal);
    }

    private static string Cell(string name) => Path.Combine(s_vectors, "cells", name);
}
