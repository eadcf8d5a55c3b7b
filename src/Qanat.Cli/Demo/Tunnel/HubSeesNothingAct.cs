using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Qanat.Cli.Demo.Capture;

namespace Qanat.Cli.Demo.Tunnel;

/// <summary>
/// Everything hub A received and sent is searched for what the platform sent and got. The same search runs over the wire between the platform and its own
/// node, where it must find every one of them: a check that cannot fail would prove nothing.
/// </summary>
internal sealed partial class HubSeesNothingAct : IDemoAct
{
    private const int BodySamples = 64;
    private const int SampleBytes = 16;

    public string Id => "tunnel.hub-sees-nothing";

    public IReadOnlyList<string> Spec => ["T4", "T6"];

    public string Title => "everything hub A received and sent is searched for ids, paths, header names and content";

    public async Task RunAsync(DemoStage stage, ActReport report, CancellationToken cancellationToken)
    {
        TunnelNetwork network = await stage.SceneAsync(s => TunnelNetwork.StartAsync(s, cancellationToken));
        if (network.Runs.Count == 0)
        {
            (await network.AskTwoHubAsync("ask-captured", [], null, cancellationToken)).AddTo(report);
        }
        string[] marks = await SendMarkedRequestAsync(network, cancellationToken);

        IReadOnlyList<RecordedConnection> platform = network.PlatformA.Snapshot();
        LinkCapture hub = new();
        hub.AddWebSocket(network.HubALinks.Snapshot());
        foreach (RecordingProxy mesh in network.HubAMesh)
        {
            hub.AddTcp(mesh.Snapshot());
        }
        report.Require(!network.HubALinks.IsTruncated && !network.PlatformA.IsTruncated && !network.HubAMesh.Any(m => m.IsTruncated), "a recording is not whole");

        List<byte[]> needles = [.. marks.Concat(Words(platform)).Distinct().Select(Encoding.ASCII.GetBytes), .. Samples(platform)];
        List<byte[]> seenByHub = [.. needles.Where(n => hub.Contains(n))];
        int seenAtPlatform = needles.Count(n => platform.Any(c => c.FromClient.AsSpan().IndexOf(n) >= 0 || c.FromServer.AsSpan().IndexOf(n) >= 0));

        report.Note("searchedFor", needles.Count);
        report.Check("foundAtHub", seenByHub.Count, 0);
        report.Check("foundAtPlatform", seenAtPlatform, needles.Count);
        report.Require(needles.Count >= BodySamples, "there is too little to search for");
        foreach (byte[] seen in seenByHub.Take(5))
        {
            report.Require(false, $"hub A saw '{Encoding.ASCII.GetString(seen)}'");
        }
        report.Note("examples", new JsonArray([.. marks.Concat(Words(platform)).Distinct().Take(6).Select(w => (JsonNode)w)]));

        // What it does see: this is also the proof that the capture was read right.
        report.Note("hubWireBytes", hub.WireBytes);
        report.Note("hubSaw", new JsonObject([.. hub.Frames.OrderBy(f => f.Key).Select(f => KeyValuePair.Create(f.Key.ToString().ToLowerInvariant(), (JsonNode?)f.Value))]));
        report.Note("sessionsSeen", hub.Sessions.Count);
        report.Require(new[] { network.NodeA.Mid, network.NodeB.Mid }.All(hub.Mids.Contains), "the capture of hub A does not hold the frames of both nodes");
        report.Require(hub.SessionBytes > 100_000, $"only {hub.SessionBytes} bytes of session content passed hub A");
        double share = hub.CompressedShare();
        report.Note("sessionBytesCompressTo", share);
        report.Require(share > 0.97, $"session content compresses to {share} of its size: it is not ciphertext");
    }

    /// <summary>One more request whose id, path and header nobody else would send.</summary>
    private static async Task<string[]> SendMarkedRequestAsync(TunnelNetwork network, CancellationToken cancellationToken)
    {
        string patient = $"patient-{Guid.NewGuid():N}";
        using HttpClient platform = new(new SocketsHttpHandler { UseProxy = true, Proxy = new System.Net.WebProxy(network.ProxyA) });
        using HttpRequestMessage request = new(HttpMethod.Get, $"http://psi.hospital-b.qanat/healthz?id={patient}");
        request.Headers.Add("X-Hospital-Ward", "ward-of-" + patient);
        using HttpResponseMessage response = await platform.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
        return [patient, "/healthz?id=", "X-Hospital-Ward", "psi.hospital-b"];
    }

    /// <summary>Paths and header names of the platform's own HTTP. Short ones are left out: they would occur in ciphertext by chance.</summary>
    private static IEnumerable<string> Words(IReadOnlyList<RecordedConnection> platform)
    {
        foreach (RecordedConnection connection in platform)
        {
            foreach (Match match in PathOrHeader().Matches(Encoding.Latin1.GetString(connection.FromClient)))
            {
                string word = match.Groups["path"].Success ? match.Groups["path"].Value : match.Groups["header"].Value;
                if (word.Length >= 8)
                {
                    yield return word;
                }
            }
        }
    }

    /// <summary>Pieces of bodies, from evenly spread places of what the platform received.</summary>
    private static IEnumerable<byte[]> Samples(IReadOnlyList<RecordedConnection> platform)
    {
        byte[][] bodies = [.. platform.Select(c => c.FromServer).Where(b => b.Length > 4096)];
        for (int i = 0; bodies.Length > 0 && i < BodySamples; i++)
        {
            byte[] body = bodies[i % bodies.Length];
            int at = 1024 + (int)((body.Length - 1024 - SampleBytes) * (long)i / BodySamples);
            yield return body[at..(at + SampleBytes)];
        }
    }

    [GeneratedRegex(@"^(?:GET|PUT|POST|DELETE) http://[^/ ]+(?<path>/[^ ]*) HTTP/1\.1\r$|^(?<header>[A-Za-z][A-Za-z-]+): ", RegexOptions.Multiline)]
    private static partial Regex PathOrHeader();
}
