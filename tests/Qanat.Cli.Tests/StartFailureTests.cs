using System.Net;
using System.Net.Sockets;

namespace Qanat.Cli.Tests;

/// <summary>A server that cannot start says in one line what is wrong and where it is configured; nobody is shown a stack trace.</summary>
public sealed class StartFailureTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-start-");
    private readonly TcpListener _taken = new(IPAddress.Loopback, 0);

    public StartFailureTests() => _taken.Start();

    private string Data => Path.Combine(_folder.FullName, "data");

    private EndPoint Taken => _taken.LocalEndpoint;

    public void Dispose()
    {
        _taken.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("listen", "ws")]
    [InlineData("mesh.listen", "tcp")]
    [InlineData("admin.listen", "http")]
    public async Task Hub_names_the_key_of_a_taken_port(string key, string scheme)
    {
        string Address(string of, string with) => $"{with}://{(of == key ? Taken : "127.0.0.1:0")}";
        Assert.Equal(0, (await Cli.RunAsync("init", "hub", "--data", Data, "--name", "hub-a", "--listen", Address("listen", "ws"), "--mesh", Address("mesh.listen", "tcp"), "--admin", Address("admin.listen", "http"))).Code);
        string error = await FailToStartAsync("hub");
        Assert.StartsWith("error start-failed: ", error, StringComparison.Ordinal);
        Assert.Contains(scheme == "http" ? Taken.ToString()! : $"{key}: cannot listen on {Taken}: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("proxy.listen")]
    [InlineData("admin.listen")]
    [InlineData("forwards")]
    public async Task Node_names_the_key_of_a_taken_port(string key)
    {
        string Address(string of) => of == key ? Taken.ToString()! : "127.0.0.1:0";
        await InitNodeAsync("--proxy", Address("proxy.listen"), "--admin", "http://" + Address("admin.listen"));
        if (key == "forwards")
        {
            await File.AppendAllTextAsync(Path.Combine(Data, "node.yaml"), $"\nforwards: [ {{ listen: '{Taken}', to: 'qanat://b/db' }} ]\n", TestContext.Current.CancellationToken);
        }
        string error = await FailToStartAsync("node");
        Assert.StartsWith($"error start-failed: {key}: ", error, StringComparison.Ordinal);
        Assert.Contains(Taken.ToString()!, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damaged_key_is_told_as_such()
    {
        await InitNodeAsync("--proxy", "127.0.0.1:0", "--admin", "http://127.0.0.1:0");
        await File.WriteAllTextAsync(Path.Combine(Data, "node.key"), "junk", TestContext.Current.CancellationToken);
        string error = await FailToStartAsync("node");
        Assert.StartsWith("error invalid-identity: ", error, StringComparison.Ordinal);
        Assert.Contains("node.key", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("node", "proxy", "admin.listen")]
    [InlineData("hub", "mesh", "admin.listen")]
    public async Task Address_given_twice_is_found_before_the_start(string role, string option, string key)
    {
        string address = option == "mesh" ? "tcp://127.0.0.1:7001" : "127.0.0.1:7001";
        string[] hub = role == "node" ? ["--hub", "ws://h:1"] : [];
        (int code, _, string error) = await Cli.RunAsync(["init", role, "--data", Data, "--name", "a", "--" + option, address, .. hub]);
        Assert.True(code == 0, error);
        string file = Path.Combine(Data, role + ".yaml");
        string text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        string admin = role == "node" ? "http://127.0.0.1:7081" : "http://127.0.0.1:7070";
        await File.WriteAllTextAsync(file, text.Replace(admin, "http://127.0.0.1:7001", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        (code, _, error) = await Cli.RunAsync("config", "check", file);
        Assert.Equal(2, code);
        Assert.Contains($"{key}: ", error, StringComparison.Ordinal);
        Assert.Contains($"is the address of {option}.listen too", error, StringComparison.Ordinal);
    }

    private async Task InitNodeAsync(params string[] more)
    {
        (int code, _, string error) = await Cli.RunAsync(["init", "node", "--data", Data, "--name", "a", "--hub", "ws://127.0.0.1:1", .. more]);
        Assert.True(code == 0, error);
    }

    private async Task<string> FailToStartAsync(string role)
    {
        (int code, _, string error) = await Cli.RunAsync(role, "--data", Data);
        Assert.Equal(1, code);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
        return error;
    }
}
