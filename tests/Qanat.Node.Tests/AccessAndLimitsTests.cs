using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Qanat.Node.Naming;
using Qanat.Node.Options;
using Qanat.Node.Tests.Fakes;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Node.Tests;

public sealed class AccessAndLimitsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("G")]
    [InlineData("CONN")]
    [InlineData("CONNECT echo.bob.qanat:80 HTTP/1.1\r\nHost: e")]
    [InlineData("PRI *")]
    [InlineData("\u0005")]
    [InlineData("\u0005\u0001\0\u0005\u0001\0\u0003")]
    public async Task A_client_that_never_finishes_its_request_is_cut_off(string sent)
    {
        var time = new FakeTimeProvider();
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["echo"] = new() { Target = $"http://127.0.0.1:{backend.Port}", Allow = ["*"] };
            o.Proxy.HeaderSeconds = 1;
        }, time);
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync(sent);
        var ended = client.ReadToEndAsync();
        // The server looks at its deadlines once a second of real time; ours only moves here.
        while (!ended.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(11));
            await Task.WhenAny(ended, Task.Delay(200));
        }
        Assert.Empty(pair.B.Accepted);
        Assert.False(ended.IsCanceled, "The connection is still open.");
        if (ended.IsCompletedSuccessfully)
        {
            Assert.DoesNotContain("200", await ended);
        }
    }

    [Fact]
    public async Task More_clients_than_allowed_are_closed_and_room_comes_back()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["echo"] = new() { Target = $"http://127.0.0.1:{backend.Port}", Allow = ["*"] };
            o.Proxy.MaxConnections = 2;
        });
        const string Request = "GET http://echo.bob.qanat/ HTTP/1.1\r\nHost: echo.bob.qanat\r\n\r\n";
        using RawClient first = await pair.ConnectRawAsync();
        using RawClient second = await pair.ConnectRawAsync();
        await first.SendAsync(Request);
        await first.ReadUntilAsync("\r\n\r\n");
        await second.SendAsync(Request);
        await second.ReadUntilAsync("\r\n\r\n");
        using RawClient third = await pair.ConnectRawAsync();
        string? answer = null;
        try
        {
            answer = await third.ReadToEndAsync();
        }
        catch (SocketException)
        {
            answer = "";
        }
        Assert.Equal("", answer);
        first.Dispose();
        while (true)
        {
            using RawClient next = await pair.ConnectRawAsync();
            try
            {
                await next.SendAsync(Request);
                Assert.StartsWith("HTTP/1.1 200", await next.ReadUntilAsync("\r\n\r\n"));
                return;
            }
            catch (Exception e) when (e is SocketException or EndOfStreamException)
            {
                await Task.Yield();
            }
        }
    }

    [Fact]
    public async Task Backend_connections_stay_within_the_cap_and_unused_ones_are_given_back()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["db"] = new() { Target = $"tcp://127.0.0.1:{port}", Allow = ["*"], MaxBackendConnections = 2 };
            o.Proxy.RefusalWaitMilliseconds = 0;
        });
        var clients = new List<RawClient>();
        var servers = new List<Socket>();
        for (int i = 0; i < 2; i++)
        {
            RawClient client = await pair.ConnectRawAsync();
            clients.Add(client);
            await client.SendAsync("CONNECT db.bob.qanat:1 HTTP/1.1\r\n\r\n");
            await client.ReadUntilAsync("\r\n\r\n");
            servers.Add(await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        }
        using (RawClient third = await pair.ConnectRawAsync())
        {
            await third.SendAsync("CONNECT db.bob.qanat:1 HTTP/1.1\r\n\r\n");
            await third.ReadUntilAsync("\r\n\r\n");
            await Assert.ThrowsAsync<SocketException>(third.ReadToEndAsync);
            Assert.Equal(MuxResetReason.TooManyConnections, pair.B.Accepted.Last().ResetWith);
            Assert.False(listener.Pending());
            Assert.Equal(2, pair.Catalog.Find("db")!.Backend.OpenConnections);
        }
        servers.ForEach(s => s.Dispose());
        clients.ForEach(c => c.Dispose());
        await UntilAsync(() => pair.Catalog.Find("db")!.Backend.OpenConnections == 0 && pair.Catalog.Find("db")!.Connections.Value == 0);
    }

    [Fact]
    public async Task Hundreds_of_idle_streams_live_side_by_side_without_any_setting()
    {
        const int Streams = 300;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start(Streams);
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["db"] = new() { Target = $"tcp://127.0.0.1:{port}", Allow = ["*"] };
            o.Proxy.RefusalWaitMilliseconds = 0;
        });
        var sockets = new List<(RawClient Client, Socket Server)>();
        for (int i = 0; i < Streams; i++)
        {
            RawClient client = await pair.ConnectRawAsync();
            await client.SendAsync("CONNECT db.bob.qanat:1 HTTP/1.1\r\n\r\n");
            await client.ReadUntilAsync("\r\n\r\n");
            sockets.Add((client, await listener.AcceptSocketAsync().WaitAsync(TimeSpan.FromSeconds(60))));
        }
        Assert.Equal(Streams, pair.Catalog.Find("db")!.Backend.OpenConnections);
        foreach ((RawClient client, Socket server) in sockets)
        {
            await server.SendAsync("alive"u8.ToArray());
            await client.ReadUntilAsync("alive");
            server.Dispose();
            client.Dispose();
        }
    }

    [Fact]
    public void By_default_no_admitted_connection_is_refused_for_want_of_one_to_the_target()
    {
        var service = new ServiceOptions();
        Assert.True(service.MaxBackendConnections >= service.MaxConnections);
    }

    [Fact]
    public async Task Opens_and_connections_of_one_peer_are_capped_and_the_opener_pays()
    {
        var time = new FakeTimeProvider();
        await using NodePair pair = await NodePair.StartAsync(o =>
        {
            o.Services["db"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["*"] };
            o.Peers.OpensPerSecond = 5;
        }, time);
        MuxResetReason[] results = [.. Enumerable.Range(0, 100).Select(_ => pair.Acceptor.Authorize(pair.A.Mid, "db"))];
        Assert.Equal(10, results.Count(r => r == MuxResetReason.None));
        Assert.Equal(90, results.Count(r => r == MuxResetReason.TooManyConnections));
        Assert.Equal(MuxResetReason.None, pair.Acceptor.Authorize(pair.Network.Add("carol").Mid, "db"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(5, Enumerable.Range(0, 100).Count(_ => pair.Acceptor.Authorize(pair.A.Mid, "db") == MuxResetReason.None));
    }

    [Theory]
    [InlineData("DB")]
    [InlineData("db.")]
    [InlineData("db ")]
    [InlineData("db\0")]
    [InlineData("../db")]
    [InlineData("ｄｂ")]
    [InlineData("")]
    public async Task Other_spellings_of_a_service_do_not_exist(string spelling)
    {
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["db"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["*"] });
        Assert.Equal(MuxResetReason.UnknownService, pair.Acceptor.Authorize(pair.A.Mid, spelling));
    }

    [Fact]
    public async Task Nobody_is_allowed_by_default_and_mids_and_names_are_matched_by_the_proven_mid()
    {
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["none"] = new() { Target = "tcp://127.0.0.1:1" });
        FakeMember carol = pair.Network.Add("carol");
        pair.Options.Services["by-mid"] = new() { Target = "tcp://127.0.0.1:1", Allow = [carol.Mid.ToString()] };
        pair.Options.Services["by-name"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["carol"] };
        pair.Catalog.Apply(pair.Options);
        Assert.Equal(MuxResetReason.Denied, pair.Acceptor.Authorize(carol.Mid, "none"));
        Assert.Equal(MuxResetReason.None, pair.Acceptor.Authorize(carol.Mid, "by-mid"));
        Assert.Equal(MuxResetReason.Denied, pair.Acceptor.Authorize(pair.A.Mid, "by-mid"));
        await pair.Pins.ResolveAsync("carol");
        Assert.Equal(MuxResetReason.None, pair.Acceptor.Authorize(carol.Mid, "by-name"));
        Assert.Equal(MuxResetReason.Denied, pair.Acceptor.Authorize(pair.A.Mid, "by-name"));
    }

    [Fact]
    public async Task A_name_stays_pinned_to_its_first_mid_over_restarts()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("qanat-pins-").FullName, "pins.json");
        Mid original;
        await using (NodePair pair = await NodePair.StartAsync(o => o.Services["s"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["carol"] }, pinFile: file))
        {
            original = pair.Network.Add("carol").Mid;
            await pair.Pins.ResolveAsync("carol");
            // An evil hub gives the name to another member.
            pair.Network.Rename("carol", pair.A);
            await pair.Pins.VerifyAsync("carol", default);
            Assert.Equal(MuxResetReason.Denied, pair.Acceptor.Authorize(pair.A.Mid, "s"));
            Assert.Equal(MuxResetReason.None, pair.Acceptor.Authorize(original, "s"));
        }
        await using NodePair restarted = await NodePair.StartAsync(o => o.Services["s"] = new() { Target = "tcp://127.0.0.1:1", Allow = ["carol"] }, pinFile: file);
        restarted.Network.Rename("carol", restarted.A);
        await restarted.Pins.ResolveAsync("carol");
        Assert.Equal(MuxResetReason.Denied, restarted.Acceptor.Authorize(restarted.A.Mid, "s"));
        Assert.Equal(MuxResetReason.None, restarted.Acceptor.Authorize(original, "s"));
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Fact]
    public async Task No_byte_reaches_a_service_while_the_caller_is_undecided()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["s"] = new() { Target = $"tcp://127.0.0.1:{port}", Allow = ["carol"] });
        var resolving = new TaskCompletionSource();
        pair.Network.Resolving = resolving.Task;
        pair.Network.Add("carol");
        using RawClient client = await pair.ConnectRawAsync();
        await client.SendAsync("CONNECT s.bob.qanat:1 HTTP/1.1\r\n\r\n");
        await UntilAsync(() => pair.B.Accepted.Count == 1);
        Assert.False(listener.Pending());
        resolving.SetResult();
        await UntilAsync(() => pair.B.Accepted.First().ResetWith == MuxResetReason.Denied);
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task A_reload_takes_access_away_from_pooled_connections_at_the_next_request()
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho);
        await using NodePair pair = await NodePair.StartAsync(backend);
        using HttpClient client = pair.CreateClient();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("http://echo.bob.qanat/")).StatusCode);
        pair.Options.Services["echo"] = new ServiceOptions { Target = $"http://127.0.0.1:{backend.Port}", Allow = ["carol"] };
        pair.Network.Add("carol");
        pair.Catalog.Apply(pair.Options);
        await HttpProxyTests.AssertProblemAsync(pair, "http://echo.bob.qanat/", 403, "denied");
        Assert.Single(pair.B.Accepted);
    }

    [Fact]
    public async Task A_target_that_does_not_accept_in_time_is_a_service_timeout()
    {
        var time = new FakeTimeProvider();
        // A listener whose backlog is full: connects hang.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        int port = ((IPEndPoint)full.LocalEndPoint!).Port;
        using var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await filler.ConnectAsync(IPAddress.Loopback, port);
        await using NodePair pair = await NodePair.StartAsync(o => o.Services["slow"] = new() { Target = $"http://127.0.0.1:{port}", Allow = ["*"] }, time);
        Task check = HttpProxyTests.AssertProblemAsync(pair, "http://slow.bob.qanat/", 504, "service-timeout");
        while (!check.IsCompleted)
        {
            if (pair.Catalog.Find("slow")!.Backend.OpenConnections > 0)
            {
                time.Advance(TimeSpan.FromSeconds(11));
            }
            await Task.WhenAny(check, Task.Delay(50));
        }
        await check;
        Assert.Equal(0, pair.Catalog.Find("slow")!.Backend.OpenConnections);
    }

    [Fact]
    public void Any_authority_is_parsed_without_throwing_and_round_trips() => CsCheck.Check.Sample(CsCheck.Gen.String[0, 80], text =>
    {
        if (QanatName.Parse(text, out QanatEndPoint? endPoint) == QanatNameStatus.Qanat)
        {
            Assert.Equal(QanatNameStatus.Qanat, QanatName.Parse(QanatName.ToHost(endPoint!), out QanatEndPoint? again));
            Assert.Equal(endPoint, again);
        }
    });

    [Theory]
    [InlineData("hospital-b.qanat", "default", "hospital-b")]
    [InlineData("psi.hospital-b.qanat", "psi", "hospital-b")]
    [InlineData("psi.hospital-b.hub-west.qanat:80", "psi", "hospital-b.hub-west")]
    [InlineData("psi.aaise-m2ekv-thpce-ztkv3-zto674.qanat", "psi", "aaise-m2ekv-thpce-ztkv3-zto674")]
    public void Names_split_into_service_and_participant(string authority, string service, string participant)
    {
        Assert.Equal(QanatNameStatus.Qanat, QanatName.Parse(authority, out QanatEndPoint? endPoint));
        Assert.Equal(new QanatEndPoint(participant, service), endPoint);
    }

    [Fact]
    public void Validator_names_the_key_and_the_fix()
    {
        var options = new NodeOptions
        {
            Proxy = { Listen = "0.0.0.0:7080", MaxConnections = 0 },
            Services = { ["X"] = new() { Target = "http://host/path" }, ["ok"] = new() { Target = "tcp://h", Allow = ["not a name"] } },
            Forwards = { new() { Listen = "nope", To = "http://x" } },
            Hubs = { new() { Url = "http://x", Mid = "y" } },
        };
        Dictionary<string, string> errors = NodeOptionsValidator.Check(options).ToDictionary(e => e.Key, e => e.Message);
        foreach (string key in new[] { "identity", "proxy.listen", "proxy.max-connections", "services.X", "services.X.target", "services.ok.target", "services.ok.allow[0]", "forwards[0].listen", "forwards[0].to", "hubs[0].url", "hubs[0].mid" })
        {
            Assert.Contains(key, errors.Keys);
        }
        Assert.Contains("allow-remote", errors["proxy.listen"]);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
