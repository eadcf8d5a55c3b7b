using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Psi.Crypto;
using Psi.Data;
using Psi.Protocol;
using Psi.Server;

namespace Qanat.Examples.Tests.Psi;

/// <summary>What a serving party refuses, and what it lets a client repeat.</summary>
public sealed class ServerFaultTests : IAsyncLifetime
{
    private PsiHost _host = null!;
    private HttpClient _http = null!;
    private string _path = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await PsiHost.StartAsync(Records.Generate(Party.B, 25, 10, 1));
        _http = new HttpClient { BaseAddress = _host.Address };
        using HttpResponseMessage opened = await _http.PostAsJsonAsync("psi/sessions", new { ids = 3, batch = 2 });
        Assert.Equal(HttpStatusCode.Created, opened.StatusCode);
        JsonNode session = JsonNode.Parse(await opened.Content.ReadAsStringAsync())!;
        _path = "psi/sessions/" + session["session"]!.GetValue<string>();
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _host.DisposeAsync();
    }

    [Theory]
    [InlineData("""{"ids":0,"batch":10}""")]
    [InlineData("""{"ids":10,"batch":0}""")]
    [InlineData("""{"ids":2000000000,"batch":10}""")]
    [InlineData("""{"ids":10,"batch":8193}""")]
    [InlineData("{")]
    [InlineData("null")]
    public async Task Malformed_runs_are_refused(string json)
    {
        using StringContent body = new(json, System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await _http.PostAsync("psi/sessions", body);
        await AssertFaultAsync(answer, HttpStatusCode.BadRequest, "malformed");
    }

    [Fact]
    public async Task Wrong_bodies_are_refused()
    {
        byte[] good = Points(2);
        await AssertFaultAsync(await PutAsync(0, good, digest: "sha-256=:AAAA:"), HttpStatusCode.BadRequest, "malformed");
        await AssertFaultAsync(await PutAsync(0, good, digest: null), HttpStatusCode.BadRequest, "malformed");
        await AssertFaultAsync(await PutAsync(0, good[..63]), HttpStatusCode.BadRequest, "malformed");
        await AssertFaultAsync(await PutAsync(0, [.. good, 1]), HttpStatusCode.BadRequest, "malformed");
        await AssertFaultAsync(await PutAsync(0, [.. good[..32], .. Enumerable.Repeat((byte)0xff, 32)]), HttpStatusCode.BadRequest, "malformed");
        await AssertFaultAsync(await PutAsync(0, new byte[64]), HttpStatusCode.BadRequest, "malformed");
        await AssertFaultAsync(await PutAsync(2, good), HttpStatusCode.NotFound, "unknown");
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync(0, good)).StatusCode);
    }

    [Fact]
    public async Task Order_is_kept_and_repeats_are_harmless()
    {
        byte[] first = Points(2);
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync(0, first)).StatusCode);
        await AssertFaultAsync(await _http.GetAsync(_path + "/evaluated/0"), HttpStatusCode.Conflict, "out-of-order");
        await AssertFaultAsync(await PostSumAsync(Ciphertext()), HttpStatusCode.Conflict, "out-of-order");
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync(0, first)).StatusCode);
        await AssertFaultAsync(await PutAsync(0, Points(2)), HttpStatusCode.Conflict, "out-of-order");
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync(1, Points(1))).StatusCode);

        Assert.Equal(await _http.GetByteArrayAsync(_path + "/evaluated/0"), await _http.GetByteArrayAsync(_path + "/evaluated/0"));
        Assert.Equal(await _http.GetByteArrayAsync(_path + "/items/12"), await _http.GetByteArrayAsync(_path + "/items/12"));
        await AssertFaultAsync(await _http.GetAsync(_path + "/items/13"), HttpStatusCode.NotFound, "unknown");
    }

    [Fact]
    public async Task One_run_decrypts_one_sum()
    {
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync(0, Points(2))).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync(1, Points(1))).StatusCode);
        byte[] question = Ciphertext();
        using HttpResponseMessage answer = await PostSumAsync(question);
        using HttpResponseMessage repeated = await PostSumAsync(question);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(await answer.Content.ReadAsByteArrayAsync(), await repeated.Content.ReadAsByteArrayAsync());
        await AssertFaultAsync(await PostSumAsync(Ciphertext()), HttpStatusCode.Conflict, "out-of-order");
    }

    [Fact]
    public async Task A_closed_run_is_gone()
    {
        Assert.Equal(HttpStatusCode.NoContent, (await _http.DeleteAsync(_path)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await _http.DeleteAsync(_path)).StatusCode);
        await AssertFaultAsync(await _http.GetAsync(_path + "/items/0"), HttpStatusCode.NotFound, "unknown");
    }

    [Fact]
    public void Runs_are_few_and_idle_ones_make_room()
    {
        FakeTimeProvider time = new();
        SessionTable table = new(Records.Generate(Party.B, 5, 0, 1), time);
        List<PsiSession> open = [.. Enumerable.Range(0, SessionTable.MaxSessions).Select(_ => table.Open(new SessionRequest(1, 1)))];
        Assert.Equal("busy", Assert.Throws<ProtocolFault>(() => table.Open(new SessionRequest(1, 1))).Code);
        time.Advance(SessionTable.IdleLimit / 2);
        table.Find(open[3].Id).Dispose();
        time.Advance((SessionTable.IdleLimit / 2) + TimeSpan.FromSeconds(1));
        table.Open(new SessionRequest(1, 1));
        table.Find(open[3].Id).Dispose();
        Assert.Throws<ProtocolFault>(() => table.Find(open[4].Id));
    }

    [Fact]
    public void Keys_outlive_the_last_request_that_uses_them_and_no_longer()
    {
        SessionTable table = new(Records.Generate(Party.B, 5, 0, 1), TimeProvider.System);
        PsiSession session = table.Find(table.Open(new SessionRequest(1, 1)).Id);
        table.Close(session.Id);
        byte[] item = session.Items(0);
        Assert.True(Ristretto.IsValid(item.AsSpan(64, 32)));
        session.Dispose();
        Assert.False(session.TryUse());
    }

    private async Task<HttpResponseMessage> PutAsync(int batch, byte[] body) => await PutAsync(batch, body, ContentDigest.Of(body));

    private async Task<HttpResponseMessage> PutAsync(int batch, byte[] body, string? digest)
    {
        using ByteArrayContent content = new(body);
        if (digest is not null)
        {
            content.Headers.Add(ContentDigest.Header, digest);
        }
        return await _http.PutAsync($"{_path}/blinded/{batch}", content);
    }

    private async Task<HttpResponseMessage> PostSumAsync(byte[] body)
    {
        using ByteArrayContent content = new(body);
        content.Headers.Add(ContentDigest.Header, ContentDigest.Of(body));
        return await _http.PostAsync(_path + "/sum", content);
    }

    private static async Task AssertFaultAsync(HttpResponseMessage answer, HttpStatusCode status, string code)
    {
        using (answer)
        {
            JsonNode problem = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
            Assert.Equal((status, code), (answer.StatusCode, problem["code"]!.GetValue<string>()));
        }
    }

    private static byte[] Points(int count)
    {
        byte[] points = new byte[count * 32];
        for (int i = 0; i < count; i++)
        {
            HashToGroup.Hash(Guid.NewGuid().ToString(), points.AsSpan(i * 32, 32));
        }
        return points;
    }

    private static byte[] Ciphertext() => Points(2);
}
