using System.Text.Json;

namespace Qanat.Cli.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public async Task Version_prints_one_json_object()
    {
        (int code, string output, _) = await Cli.RunAsync("version", "--json");
        Assert.Equal(0, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal("qanat-mux/1", json.RootElement.GetProperty("muxProtocol").GetString());
    }

    [Theory]
    [InlineData]
    [InlineData("bogus")]
    [InlineData("init", "node")]
    [InlineData("demo", "--act", "no.such.act")]
    [InlineData("init", "hub", "--data", "/nowhere", "--name", "x", "--peer", "hub-b")]
    [InlineData("init", "node", "--data", "/nowhere", "--name", "x", "--hub", "ws://h:1", "--hub-mid", "short")]
    public async Task Wrong_usage_returns_2_and_says_why_on_standard_error(params string[] arguments)
    {
        (int code, string output, string error) = await Cli.RunAsync(arguments);
        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.Contains("error usage: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_usage_with_json_prints_one_object_with_every_error()
    {
        (int code, string output, _) = await Cli.RunAsync("init", "node", "--json");
        Assert.Equal(2, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.False(json.RootElement.GetProperty("ok").GetBoolean());
        Assert.Equal(3, json.RootElement.GetProperty("errors").GetArrayLength());
    }
}
