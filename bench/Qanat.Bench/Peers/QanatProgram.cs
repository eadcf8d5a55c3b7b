using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Qanat.Bench.Processes;
using Qanat.Bench.Report;
using Qanat.Tunnel.Identity;
using Qanat.Wire;

namespace Qanat.Bench.Peers;

/// <summary>The built <c>qanat</c> program, used as anyone would: <c>init</c>, then <c>hub</c> and <c>node</c> with the files that made.</summary>
public static class QanatProgram
{
    /// <exception cref="InvalidOperationException">Not built.</exception>
    public static string Path
    {
        get
        {
            string root = Directory.GetParent(ResultsBook.FindBenchFolder())!.FullName;
            string path = System.IO.Path.Combine(root, "artifacts", "bin", "Qanat.Cli", "release", "qanat");
            return File.Exists(path) ? path : throw new InvalidOperationException($"{System.IO.Path.GetRelativePath(root, path)} is not built; run: dotnet build -c Release");
        }
    }

    /// <summary>Runs a verb to its end.</summary>
    public static Task<string> RunAsync(params IEnumerable<string> arguments) => ChildProcess.RunAsync(Path, arguments);

    /// <summary>Makes the key of a hub before its configuration, so that hubs can name each other's mid.</summary>
    public static Mid MakeHubKey(string folder)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using NodeIdentity identity = NodeIdentity.Create();
        identity.Save(System.IO.Path.Combine(folder, "hub.key"));
        return identity.Mid;
    }
}

/// <summary>One hub of ours: its files, its addresses, and its process once started.</summary>
public sealed class QanatHub(Site site, string folder, string name, int port, int meshPort, int adminPort, Mid mid)
{
    public Mid Mid => mid;

    public string Name => name;

    public Site Site => site;

    public int Port => port;

    public int AdminPort => adminPort;

    public string Address => $"{site.Address}:{port}";

    public string MeshAddress => $"tcp://{site.Address}:{meshPort}";

    public string ConfigFile => Path.Combine(folder, "hub.yaml");

    public Task InitAsync(QanatHub? peer = null) => QanatProgram.RunAsync(
    [
        "init", "hub", "--data", folder, "--name", name, "--listen", $"ws://{Address}", "--mesh", MeshAddress, "--admin", $"http://127.0.0.1:{adminPort}",
        .. peer is null ? Array.Empty<string>() : ["--peer", $"{peer.Name}={peer.Mid}@{peer.MeshAddress}"],
    ]);

    public System.Diagnostics.ProcessStartInfo StartInfo() => site.StartInfo(QanatProgram.Path, "hub", "--config", ConfigFile);

    /// <summary>Makes one-time enrolment tokens through the admin API, many at once.</summary>
    public async Task<string[]> CreateTokensAsync(int count)
    {
        string bearer = (await File.ReadAllTextAsync(Path.Combine(folder, "admin.token")).ConfigureAwait(false)).Trim();
        using SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            ConnectCallback = async (context, cancellation) =>
            {
                static System.Net.Sockets.Socket New() => new(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
                System.Net.Sockets.Socket socket = site.Namespace is null ? New() : site.Namespace.Run(New);
                await socket.ConnectAsync(context.DnsEndPoint, cancellation).ConfigureAwait(false);
                return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
            },
        };
        using HttpClient http = new(handler);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        string[] tokens = new string[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, cancellation) =>
        {
            using HttpResponseMessage answer = await http.PostAsJsonAsync($"http://127.0.0.1:{adminPort}/api/v1/tokens", new { }, cancellation).ConfigureAwait(false);
            answer.EnsureSuccessStatusCode();
            using JsonDocument json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false));
            tokens[i] = json.RootElement.GetProperty("token").GetString()!;
        }).ConfigureAwait(false);
        return tokens;
    }
}
