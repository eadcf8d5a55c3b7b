using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Qanat.Hub.Tests.Hosting;

public sealed class AdminApiTests
{
    [Fact]
    public async Task Health_readiness_and_metrics_need_no_token_and_tell_no_names()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        hub.Admin.DefaultRequestHeaders.Authorization = null;
        foreach (string path in new[] { "/healthz", "/readyz" })
        {
            using HttpResponseMessage response = await hub.Admin.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
        string metrics = await hub.Admin.GetStringAsync("/metrics");
        Assert.Contains("qanat_relay_frames_dropped_total{", metrics, StringComparison.Ordinal);
        Assert.Contains("qanat_hub_links{", metrics, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/api/v1/status")]
    [InlineData("GET", "/api/v1/participants")]
    [InlineData("POST", "/api/v1/tokens")]
    [InlineData("DELETE", "/api/v1/tokens/x")]
    [InlineData("GET", "/API/v1/tokens")]
    public async Task The_api_needs_the_token(string method, string path)
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        foreach (AuthenticationHeaderValue? header in new AuthenticationHeaderValue?[] { null, new("Bearer", "wrong"), new("Bearer", new string('0', 64)), new("Basic", "eDp5") })
        {
            hub.Admin.DefaultRequestHeaders.Authorization = header;
            using HttpRequestMessage request = new(new HttpMethod(method), path);
            using HttpResponseMessage response = await hub.Admin.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        }
        Assert.Empty(hub.Server.Core.Directory.Tokens);
    }

    [Theory]
    [InlineData("evil.example", HttpStatusCode.MisdirectedRequest)]
    [InlineData("evil.example:7070", HttpStatusCode.MisdirectedRequest)]
    [InlineData("10.0.0.1", HttpStatusCode.MisdirectedRequest)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("127.0.0.1:1234", HttpStatusCode.OK)]
    [InlineData("admin.internal", HttpStatusCode.OK)]
    public async Task A_foreign_host_header_is_refused(string host, HttpStatusCode expected)
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east", o => o.Admin.Hosts = ["admin.internal"]);
        using HttpRequestMessage request = new(HttpMethod.Get, "/api/v1/status") { Headers = { Host = host } };
        using HttpResponseMessage response = await hub.Admin.SendAsync(request);
        Assert.Equal(expected, response.StatusCode);
    }

    [Fact]
    public async Task Tokens_are_made_listed_without_secret_and_deleted()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        string token = await hub.TokenAsync("bank-a");
        string id = token[..token.IndexOf('.', StringComparison.Ordinal)];
        string list = await hub.Admin.GetStringAsync("/api/v1/tokens");
        Assert.DoesNotContain(token[(id.Length + 1)..], list, StringComparison.Ordinal);
        JsonNode listed = JsonNode.Parse(list)![0]!;
        Assert.Equal((id, "bank-a", "open"), ((string)listed["id"]!, (string)listed["name"]!, (string)listed["status"]!));
        using HttpResponseMessage deleted = await hub.Admin.DeleteAsync($"/api/v1/tokens/{id}");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        using HttpResponseMessage again = await hub.Admin.DeleteAsync($"/api/v1/tokens/{id}");
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
    }

    [Theory]
    [InlineData("/api/v1/tokens", "{", "invalid-request")]
    [InlineData("/api/v1/tokens", "{\"nmae\":\"x\"}", "invalid-request")]
    [InlineData("/api/v1/tokens", "{\"name\":\"not ok\"}", "invalid-name")]
    [InlineData("/api/v1/tokens", "{\"hours\":-1}", "invalid-lifetime")]
    [InlineData("/api/v1/participants/nobody/revoke", "", "unknown-participant")]
    [InlineData("/api/v1/nothing", "", "not-found")]
    public async Task Errors_are_problems_with_a_code(string path, string body, string code)
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await hub.Admin.PostAsync(path, content);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(code, (string)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]!);
    }

    [Fact]
    public async Task A_full_disk_refuses_tokens_and_enrolment_while_relaying_goes_on()
    {
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        using Qanat.Tunnel.Identity.NodeIdentity member = Qanat.Tunnel.Identity.NodeIdentity.Create(), late = Qanat.Tunnel.Identity.NodeIdentity.Create();
        string first = await hub.TokenAsync(), second = await hub.TokenAsync();
        Qanat.Tunnel.Links.DialedLink link = await hub.DialAsync(member, first, "bank-a");
        FrameInbox inbox = new();
        link.Link.Start(inbox, null);
        hub.Server.Store.Execute("PRAGMA query_only = ON");
        using HttpResponseMessage refused = await hub.Admin.PostAsync("/api/v1/tokens", null);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Qanat.Tunnel.TunnelException e = await Assert.ThrowsAsync<Qanat.Tunnel.TunnelException>(() => hub.DialAsync(late, second, "bank-b"));
        Assert.Contains("directory cannot be written", e.Message, StringComparison.Ordinal);
        // The member's link still relays, and it may come back.
        link.Link.TrySend(new FrameHeader(FrameType.Data, FrameReason.None, 0, member.Mid, member.Mid, 1, 0), [1]);
        await inbox.NextAsync(FrameType.Data);
        await (await hub.DialAsync(member)).Link.DisposeAsync();
        hub.Server.Store.Execute("PRAGMA query_only = OFF");
        await (await hub.DialAsync(late, second, "bank-b")).Link.DisposeAsync();
        await link.Link.DisposeAsync();
    }

    [Fact]
    public async Task Secrets_lie_in_files_only_their_owner_reads()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        await using RunningHub hub = await RunningHub.StartAsync("hub-east");
        string data = hub.Options.CurrentValue.DataFolder;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(data));
        foreach (string file in new[] { "hub.key", "admin.token", "hub.db", "hub.db-wal", "hub.db-shm" })
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(data, file)));
        }
    }
}
