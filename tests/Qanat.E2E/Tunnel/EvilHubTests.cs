using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Qanat.E2E.Harness;
using Qanat.Wire;

namespace Qanat.E2E.Tunnel;

/// <summary>
/// Case 2: the hub itself attacks (T6). Real nodes, real HTTP. No wrong byte may reach HTTP, errors are typed, and when the attack stops the
/// tunnel works again.
/// </summary>
public sealed class EvilHubTests(ITestOutputHelper output)
{
    private static readonly string s_body = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i} of the true answer\n"));

    public static TheoryData<string> Attacks { get; } = new(AllAttacks.Keys);

    private static Dictionary<string, Func<Tampering>> AllAttacks => new()
    {
        ["drop"] = () => Every(5, static (hub, header, payload) => { }),
        ["double"] = () => Every(3, static (hub, header, payload) =>
        {
            hub.Forward(header, payload);
            hub.Forward(header, payload);
        }),
        ["swap"] = Swap,
        ["flip"] = () => Every(40, Flip),
        ["truncate"] = () => Every(10, static (hub, header, payload) => hub.Forward(header, payload.AsSpan(0, payload.Length / 2))),
        ["reflect"] = () => Every(2, static (hub, header, payload) =>
        {
            // A's own bytes come back to A, as if B had sent them.
            hub.Send(header.Source, header with { Source = header.Destination, Destination = header.Source }, payload);
            hub.Forward(header, payload);
        }),
        ["shift-offset"] = () => Every(10, static (hub, header, payload) => hub.Forward(header with { Offset = header.Offset + 1 }, payload)),
        ["acknowledge-the-unsent"] = () => Every(10, static (hub, header, payload) =>
            hub.Forward(header.Type == FrameType.Ack ? header with { Offset = header.Offset + (1UL << 40) } : header, payload)),
        ["reset"] = () => Every(50, static (hub, header, payload) =>
            hub.Forward(header with { Type = FrameType.Reset, Reason = FrameReason.Normal, Offset = 0 }, [])),
        ["huge-limit"] = () => Every(5, static (hub, header, payload) =>
        {
            if (header.Type == FrameType.Ack)
            {
                payload.AsSpan().Fill(0xff);
            }
            hub.Forward(header, payload);
        }),
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    [Trait("Kind", "E2E")]
    public async Task No_wrong_byte_reaches_http(string attack)
    {
        await using Scene scene = await Scene.CreateAsync();
        Assert.Equal(s_body, await scene.GetAsync());
        scene.Hub.Tamper = AllAttacks[attack]();
        ConcurrentDictionary<string, int> outcomes = new();
        for (int i = 0; i < 20; i++)
        {
            outcomes.AddOrUpdate(await scene.TryAsync(), 1, (_, n) => n + 1);
        }
        output.WriteLine($"{attack}: {scene.Hub.Attacks} frames touched; {string.Join(", ", outcomes.Select(o => $"{o.Value} x {o.Key}"))}");
        Assert.True(scene.Hub.Attacks > 0, "The attack touched nothing, so this run proves nothing.");
        Assert.DoesNotContain("wrong", outcomes.Keys);
        if (attack == "flip")
        {
            // Where the changed byte lies decides what a platform sees above. With one in every frame no answer can begin: there must be an error, and a typed one.
            scene.Hub.Tamper = static (hub, header, payload) => Flip(hub, header, payload);
            string typed = await scene.TryAsync();
            output.WriteLine($"every frame changed: {typed}");
            Assert.Contains(typed, (string[])["502 security-failure", "502 session-lost", "502 protocol-error", "504 handshake-timeout"]);
        }
        scene.Hub.Tamper = null;
        await scene.WaitUntilHealthyAsync();
        Assert.True(scene.MostResidentBytes() < 400L << 20, $"A node grew to {scene.MostResidentBytes() >> 20} MiB.");
    }

    [Fact]
    [Trait("Kind", "E2E")]
    public async Task Tunnel_routed_to_another_valid_member_is_refused()
    {
        await using Scene scene = await Scene.CreateAsync();
        Mid b = scene.Hub.MidOf("node-b");
        Mid c = scene.Hub.MidOf("node-c");
        // Everything meant for B goes to C, which has a valid key and the same service, and back.
        scene.Hub.Tamper = (hub, header, payload) =>
        {
            hub.Attacks++;
            if (header.Destination == b)
            {
                hub.Send(c, header with { Destination = c }, payload);
            }
            else if (header.Source == c)
            {
                hub.Forward(header with { Source = b }, payload);
            }
            else
            {
                hub.Forward(header, payload);
            }
        };
        string outcome = await scene.TryAsync();
        Assert.Equal("502 peer-mid-mismatch", outcome);
        Assert.Equal(0, scene.RequestsAtC);
        scene.Hub.Tamper = null;
        await scene.WaitUntilHealthyAsync();
    }

    private static void Flip(EvilHub hub, FrameHeader header, byte[] payload)
    {
        if (payload.Length > 0)
        {
            payload[payload.Length / 2] ^= 0x10;
        }
        hub.Forward(header, payload);
    }

    private static Tampering Every(int nth, Tampering attack)
    {
        int seen = 0;
        return (hub, header, payload) =>
        {
            if (++seen % nth == 0)
            {
                hub.Attacks++;
                attack(hub, header, payload);
            }
            else
            {
                hub.Forward(header, payload);
            }
        };
    }

    private static Tampering Swap()
    {
        (FrameHeader Header, byte[] Payload)? held = null;
        return (hub, header, payload) =>
        {
            if (held is { } first)
            {
                hub.Forward(header, payload);
                hub.Forward(first.Header, first.Payload);
                held = null;
            }
            else
            {
                hub.Attacks++;
                held = (header, payload);
            }
        };
    }

    private sealed class Scene : IAsyncDisposable
    {
        private readonly TestNetwork _network = new();
        private readonly List<Backend> _backends = [];
        private HttpClient _http = null!;
        private int _requestsAtC;

        public EvilHub Hub { get; } = new();

        private string HubUrl => $"ws://127.0.0.1:{Hub.Port}";

        public int RequestsAtC => Volatile.Read(ref _requestsAtC);

        public static async Task<Scene> CreateAsync()
        {
            Scene scene = new();
            Backend b = await Backend.StartAsync(app => app.MapGet("/x", () => Results.Text(s_body)));
            Backend c = await Backend.StartAsync(app => app.MapGet("/x", () =>
            {
                Interlocked.Increment(ref scene._requestsAtC);
                return Results.Text("this is C's answer");
            }));
            scene._backends.AddRange([b, c]);
            await scene._network.AddNodeAtAsync("node-b", scene.HubUrl, scene.Hub.Mid.ToString(), [$"web=http://127.0.0.1:{b.Port},*"]);
            await scene._network.AddNodeAtAsync("node-c", scene.HubUrl, scene.Hub.Mid.ToString(), [$"web=http://127.0.0.1:{c.Port},*"]);
            TestNode a = await scene._network.AddNodeAtAsync("node-a", scene.HubUrl, scene.Hub.Mid.ToString(), []);
            scene._http = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy($"http://127.0.0.1:{a.ProxyPort}"), UseProxy = true, PooledConnectionLifetime = TimeSpan.Zero })
            {
                Timeout = TimeSpan.FromSeconds(60),
            };
            return scene;
        }

        public Task<string> GetAsync() => _http.GetStringAsync(new Uri("http://web.node-b.qanat/x"));

        /// <summary>"right", "wrong", "STATUS code", or "aborted": what the platform saw.</summary>
        public async Task<string> TryAsync()
        {
            try
            {
                using HttpResponseMessage answer = await _http.GetAsync(new Uri("http://web.node-b.qanat/x"));
                string body = await answer.Content.ReadAsStringAsync();
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    return body == s_body ? "right" : "wrong";
                }
                using System.Text.Json.JsonDocument problem = System.Text.Json.JsonDocument.Parse(body);
                return $"{(int)answer.StatusCode} {problem.RootElement.GetProperty("code").GetString()}";
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
            {
                return "aborted";
            }
        }

        public async Task WaitUntilHealthyAsync()
        {
            string last = "";
            for (int i = 0; i < 300; i++)
            {
                last = await TryAsync();
                if (last == "right")
                {
                    return;
                }
                await Task.Delay(100);
            }
            Assert.Fail($"Not healthy after the attack: {last}\n{_network.Logs()}");
        }

        public long MostResidentBytes() => _network.Nodes.Values.Max(n => n.Process.ResidentBytes());

        public async ValueTask DisposeAsync()
        {
            _http.Dispose();
            await _network.DisposeAsync();
            await Hub.DisposeAsync();
            foreach (Backend backend in _backends)
            {
                await backend.DisposeAsync();
            }
        }
    }
}
