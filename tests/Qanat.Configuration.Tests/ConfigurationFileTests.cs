using CsCheck;

namespace Qanat.Configuration.Tests;

public sealed class ConfigurationFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-config-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Parse_binds_every_kind_of_setting()
    {
        SampleOptions options = Load("""
            # a comment
            name: hospital-a
            listen: "[::1]:7001"
            hub-url: ws://hub.example:7000
            level: very-high
            enabled: false
            heartbeat-seconds: 7
            window-max-bytes: 64MiB
            tags: [a, b]
            optional: 3
            main: { address: "x:1", port: 2 }
            peers:
              - address: y:2
              - address: z:3
                port: 4
            services:
              psi: { target: "http://127.0.0.1:1", allow: [hospital-b] }
            """);
        Assert.Equal("hospital-a", options.Name);
        Assert.Equal("[::1]:7001", options.Listen!.ToString());
        Assert.Equal("ws://hub.example:7000/", options.HubUrl!.ToString());
        Assert.Equal(SampleLevel.VeryHigh, options.Level);
        Assert.False(options.Enabled);
        Assert.Equal(7, options.HeartbeatSeconds);
        Assert.Equal(64L << 20, options.WindowMaxBytes);
        Assert.Equal(["a", "b"], options.Tags);
        Assert.Equal(3, options.Optional);
        Assert.Equal(("x:1", 2), (options.Main.Address, options.Main.Port));
        Assert.Equal([("y:2", 1), ("z:3", 4)], options.Peers.Select(p => (p.Address, p.Port)));
        Assert.Equal(["hospital-b"], options.Services["psi"].Allow);
    }

    [Fact]
    public void Parse_reports_all_errors_at_once_with_their_places()
    {
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Load("""
            nam: x
            heartbeat-seconds: soon
            listen: 127.0.0.1
            main:
              port: 5
              adress: q
            level: medium
            services:
              psi:
                allow: hospital-b
            """));
        Assert.Equal(
            [
                "test.yaml:1:1: nam: unknown key (did you mean 'name'?)",
                "test.yaml:1:1: name: set it to the participant's name",
                "test.yaml:2:20: heartbeat-seconds: 'soon' is not a whole number that fits here (write a whole number)",
                "test.yaml:3:9: listen: '127.0.0.1' is not an address and port (write ADDRESS:PORT, such as 127.0.0.1:7001)",
                "test.yaml:6:3: main.adress: unknown key (did you mean 'address'?)",
                "test.yaml:7:8: level: 'medium' is not a known word (one of: low, very-high)",
                "test.yaml:9:3: services.psi.target: missing (set it to http://127.0.0.1:PORT)",
                "test.yaml:10:12: services.psi.allow: expected a list (write '[a, b]' or one '- item' a line)",
            ],
            e.Errors.Select(error => error.ToString()));
    }

    [Theory]
    [InlineData("name: a\nheartbeat-seconds: 0", "heartbeat-seconds", "config-invalid", 2, 1)]
    [InlineData("name: a\nmain: { address: '' }", "main.address", "config-invalid", 2, 9)]
    [InlineData("name: a\npeers:\n- address: ''", "peers[0].address", "config-invalid", 3, 3)]
    [InlineData("name: a\nname: b", "", "config-syntax", 2, 1)]
    [InlineData("name: [a", "", "config-syntax", 2, 1)]
    [InlineData("- a", "", "config-wrong-type", 1, 1)]
    [InlineData("name: a\nwindow-max-bytes: 9999999999GiB", "window-max-bytes", "config-wrong-type", 2, 19)]
    [InlineData("name: a\noptional: 99999999999", "optional", "config-wrong-type", 2, 11)]
    [InlineData("name: a\nmain: x", "main", "config-wrong-type", 2, 7)]
    [InlineData("name: {a: 1}", "name", "config-wrong-type", 1, 7)]
    [InlineData("name: a\n---\nname: b", "", "config-syntax", 3, 1)]
    public void Parse_points_at_the_error(string yaml, string key, string code, int line, int column)
    {
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Load(yaml));
        Assert.Contains((key, code, line, column), e.Errors.Select(x => (x.Key, x.Code, x.Line, x.Column)));
    }

    [Fact]
    public void Parse_substitutes_environment_variables_and_secret_files()
    {
        string variable = $"QANAT_TEST_{Guid.NewGuid():N}";
        Environment.SetEnvironmentVariable(variable, "a1");
        File.WriteAllText(Path.Combine(_folder.FullName, "token"), "ID.SECRET\n");
        SampleOptions options = Load($"name: hospital-${{ENV:{variable}}}\nenrolment-token: file:token");
        Assert.Equal("hospital-a1", options.Name);
        Assert.Equal("ID.SECRET", options.EnrolmentToken);
    }

    [Fact]
    public void Parse_says_which_secret_is_missing_and_never_its_value()
    {
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Load("name: ${ENV:QANAT_NOT_SET}\nenrolment-token: file:nowhere"));
        Assert.All(e.Errors, error => Assert.Equal("config-secret-missing", error.Code));
        Assert.Contains("QANAT_NOT_SET", e.Message, StringComparison.Ordinal);
        Assert.Contains("nowhere", e.Message, StringComparison.Ordinal);

        Environment.SetEnvironmentVariable("QANAT_TEST_HIDDEN", "s3cret");
        e = Assert.Throws<ConfigurationException>(() => Load("name: a\nheartbeat-seconds: ${ENV:QANAT_TEST_HIDDEN}"));
        Assert.DoesNotContain("s3cret", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_says_that_the_file_is_missing()
    {
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => ConfigurationFile.Load<SampleOptions>(Path.Combine(_folder.FullName, "none.yaml")));
        Assert.Equal("config-unreadable", Assert.Single(e.Errors).Code);
    }

    [Fact]
    public void Parse_bounds_what_aliases_unfold_to()
    {
        string yaml = "tags: &a [x, x, x, x, x, x, x, x, x, x]\n";
        string lists = string.Join("\n", Enumerable.Range(0, 20_000).Select(i => $"  s{i}: {{ allow: *a }}"));
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Load(yaml + "name: a\nservices:\n" + lists));
        Assert.Contains(e.Errors, error => error.Message.Contains("more than 100000 values", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("? :\nlisten: 1:2:3\n")]
    [InlineData("#XL\n\n${ENV:\n\nservices: {x: {target: y}}\nmain:\n- \nname: a\n[_$TDaYb\n6itSW\\O{\n  - address: b\n&a [*a]")]
    public void Parse_reports_what_the_yaml_library_throws_on(string yaml) =>
        Assert.Equal(ConfigurationFault.ConfigSyntax, Assert.Throws<ConfigurationException>(() => Load(yaml)).Errors[0].Fault);

    [Fact]
    public void Parse_of_any_text_binds_or_reports()
    {
        string[] pieces = ["name: a", "peers:", "  - address: b", "services: {x: {target: y}}", "main:", "- ", "&a [*a]", "\t", "? :", "!!int x", "\u0001", "'", "tags: []", "listen: 1:2:3", "${ENV:"];
        Gen.OneOf(Gen.Int[0, pieces.Length - 1].Select(i => pieces[i]), Gen.String[0, 8]).Array[0, 12].Sample(lines =>
        {
            try
            {
                Load(string.Join("\n", lines));
            }
            catch (ConfigurationException e)
            {
                Assert.NotEmpty(e.Errors);
                Assert.All(e.Errors, error => Assert.True(error.Line >= 1 && error.Column >= 1));
            }
        });
    }

    private SampleOptions Load(string yaml)
    {
        string path = Path.Combine(_folder.FullName, "test.yaml");
        try
        {
            return ConfigurationFile.Parse(yaml, path, new SampleValidator());
        }
        catch (ConfigurationException e)
        {
            throw new ConfigurationException([.. e.Errors.Select(error => error with { File = "test.yaml" })]);
        }
    }
}
