using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qanat.Client.Http;
using Qanat.Tunnel;
using Qanat.Tunnel.Tests.Links;

namespace Qanat.Client.Tests;

/// <summary>The client library through a real hub: real links, real TLS, real processes.</summary>
public sealed class HubTests : IAsyncLifetime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private TestHub _hub = null!;

    public async ValueTask InitializeAsync() => _hub = await TestHub.StartAsync();

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    [Fact]
    [Trait("Kind", "Interop")]
    public async Task Both_ends_enrol_and_talk_and_keep_their_key_over_a_restart()
    {
        await using WebApplication app = await ServeAsync("hospital-b", "hospital-a");
        QanatOptions options = await _hub.OptionsAsync("hospital-a");
        string mid;
        await using (QanatParticipant first = await QanatParticipant.StartAsync(options).WaitAsync(s_limit))
        {
            mid = first.Mid.ToString();
            using HttpClient http = first.CreateHttpClient();
            Assert.Equal(mid, await http.GetStringAsync("http://hello.hospital-b.qanat/").WaitAsync(s_limit));
        }
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(options.StateFolder, "node.key")));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(options.StateFolder));
        }
        // The token is spent; the key is enough. A token file that is gone does not matter any more.
        options.EnrolmentToken = "file:" + Path.Combine(options.StateFolder, "gone.token");
        await using QanatParticipant second = await QanatParticipant.StartAsync(options).WaitAsync(s_limit);
        Assert.Equal(mid, second.Mid.ToString());
        using HttpClient again = second.CreateHttpClient();
        Assert.Equal(mid, await again.GetStringAsync("http://hello.hospital-b.qanat/").WaitAsync(s_limit));
    }

    [Fact]
    [Trait("Kind", "Interop")]
    public async Task A_hub_with_a_private_ca_is_reached_through_a_forward_proxy()
    {
        HubCertificate? files = null;
        await using TestHub hub = await TestHub.StartAsync((settings, folder) =>
        {
            files = HubCertificate.Make(folder);
            (settings.TlsCertificate, settings.TlsKey) = (files.Certificate, files.Key);
            settings.Listen = [settings.Listen[0].Replace("ws://", "wss://", StringComparison.Ordinal)];
        });
        using ForwardProxy proxy = new("us er", "pa:ss");
        QanatOptions options = await hub.OptionsAsync("hospital-a");
        options.Hubs[0].HttpProxy = $"http://us%20er:pa%3Ass@127.0.0.1:{proxy.Port}";
        TunnelException untrusted = await TestHub.RefusedAsync(options);
        Assert.Equal(TunnelError.UntrustedCertificate, untrusted.Error);
        Assert.DoesNotContain("pa%3Ass", untrusted.ToString(), StringComparison.Ordinal);

        options.Hubs[0].Ca = files!.Ca;
        string secret = Path.Combine(options.StateFolder, "proxy.address");
        await File.WriteAllTextAsync(secret, options.Hubs[0].HttpProxy + "\n");
        options.Hubs[0].HttpProxy = "file:" + secret;
        await using QanatParticipant participant = await QanatParticipant.StartAsync(options).WaitAsync(s_limit);
        Assert.Contains(proxy.Requests, request => request.StartsWith($"CONNECT 127.0.0.1:{new Uri(hub.Url).Port} ", StringComparison.Ordinal));

        options.Hubs[0].HttpProxy = "https://us%20er:pa%3Ass@proxy.example:1";
        Microsoft.Extensions.Options.OptionsValidationException wrong =
            await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(() => QanatParticipant.StartAsync(options));
        Assert.Contains("Qanat:Hubs:0:HttpProxy", wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("pa%3Ass", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Kind", "Interop")]
    public async Task Who_is_not_on_the_list_is_denied_through_the_hub_too()
    {
        await using WebApplication app = await ServeAsync("hospital-b", "hospital-c");
        await using QanatParticipant client = await QanatParticipant.StartAsync(await _hub.OptionsAsync("hospital-a")).WaitAsync(s_limit);
        using HttpClient http = client.CreateHttpClient();
        HttpRequestException e = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://hello.hospital-b.qanat/").WaitAsync(s_limit));
        Assert.Equal(TunnelError.Denied, e.GetTunnelError());
        HttpRequestException unknown = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("http://hello.nobody.qanat/").WaitAsync(s_limit));
        Assert.Equal(TunnelError.UnknownParticipant, unknown.GetTunnelError());
    }

    [Fact]
    [Trait("Kind", "Interop")]
    public async Task A_download_outlives_a_hub_restart()
    {
        TaskCompletionSource half = new();
        TaskCompletionSource restarted = new();
        byte[] content = new byte[4_000_000];
        Random.Shared.NextBytes(content);
        await using WebApplication app = await ServeAsync("hospital-b", "hospital-a", a => a.MapGet("/big", async context =>
        {
            await context.Response.Body.WriteAsync(content.AsMemory(0, content.Length / 2));
            half.SetResult();
            await restarted.Task;
            await context.Response.Body.WriteAsync(content.AsMemory(content.Length / 2));
        }));
        await using QanatParticipant client = await QanatParticipant.StartAsync(await _hub.OptionsAsync("hospital-a")).WaitAsync(s_limit);
        using HttpClient http = client.CreateHttpClient();
        Task<byte[]> download = http.GetByteArrayAsync("http://hello.hospital-b.qanat/big");
        await half.Task.WaitAsync(s_limit);
        await _hub.RestartAsync();
        restarted.SetResult();
        byte[] downloaded = await download.WaitAsync(s_limit);
        Assert.True(content.AsSpan().SequenceEqual(downloaded));
    }

    [Fact]
    [Trait("Kind", "Interop")]
    public async Task A_hub_with_another_key_and_a_used_token_are_told_apart()
    {
        QanatOptions wrongHub = await _hub.OptionsAsync("hospital-a");
        wrongHub.Hubs[0].Mid = "aaise-m2ekv-thpce-ztkv3-zto674";
        TunnelException e = await TestHub.RefusedAsync(wrongHub);
        Assert.Equal(TunnelError.HubMidMismatch, e.Error);

        QanatOptions first = await _hub.OptionsAsync("hospital-c");
        await (await QanatParticipant.StartAsync(first).WaitAsync(s_limit)).DisposeAsync();
        QanatOptions thief = await _hub.OptionsAsync("hospital-d");
        thief.EnrolmentToken = first.EnrolmentToken;
        TunnelException refused = await TestHub.RefusedAsync(thief);
        Assert.Equal(TunnelError.NotEnrolled, refused.Error);
    }

    [Fact]
    [Trait("Kind", "Interop")]
    public async Task The_samples_reach_each_other()
    {
        string token = await _hub.TokenAsync();
        using Process server = Start(
            "qanat-sample-server", "--Qanat:Hubs:0:Url", _hub.Url, "--Qanat:Hubs:0:Mid", _hub.Mid, "--Qanat:EnrolmentToken", token,
            "--Qanat:Name", "sample-server", "--Qanat:StateFolder", _hub.FolderFor("server"), "--allow", "sample-client");
        try
        {
            // The server's log says when it serves; the client's first call waits for nothing else.
            while (await server.StandardOutput.ReadLineAsync().WaitAsync(s_limit) is { } line && !line.Contains("Participant", StringComparison.Ordinal))
            {
            }
            string output = "";
            for (int attempt = 0; attempt < 20 && output.Length == 0; attempt++)
            {
                using Process client = Start(
                    "qanat-sample-client", _hub.Url, _hub.Mid, _hub.FolderFor("client"), await _hub.TokenAsync(), "http://hello.sample-server.qanat/");
                output = await client.StandardOutput.ReadToEndAsync().WaitAsync(s_limit);
                await client.WaitForExitAsync();
            }
            Assert.StartsWith("Hello ", output, StringComparison.Ordinal);
            Assert.Contains("this is hello.sample-server.qanat.", output, StringComparison.Ordinal);
        }
        finally
        {
            server.Kill();
        }
    }

    private async Task<WebApplication> ServeAsync(string name, string allow, Action<WebApplication>? map = null)
    {
        QanatOptions own = await _hub.OptionsAsync(name);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseQanat(o => o.AddService("hello", [allow]), o =>
        {
            (o.Name, o.StateFolder, o.EnrolmentToken) = (own.Name, own.StateFolder, own.EnrolmentToken);
            o.Hubs.Add(own.Hubs[0]);
        });
        WebApplication app = builder.Build();
        app.MapGet("/", context => context.Response.WriteAsync(context.GetQanatPeer()!.PeerMid.ToString()));
        map?.Invoke(app);
        await app.StartAsync();
        await app.Services.GetRequiredService<QanatParticipant>().StartAsync(CancellationToken.None).WaitAsync(s_limit);
        return app;
    }

    private static Process Start(string sample, params string[] arguments) =>
        Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, sample + ".dll"), .. arguments]) { RedirectStandardOutput = true })!;
}
