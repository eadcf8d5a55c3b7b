using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Qanat.Examples.Tests.Psi;

/// <summary>The two programs as their users start them.</summary>
public sealed class PlatformProcessTests
{
    [Fact]
    public async Task Client_reaches_a_name_that_only_its_http_proxy_knows()
    {
        using Process server = Start(null, "server", "--generate", "300", "--overlap", "90", "--seed", "5", "--party", "B");
        try
        {
            string url = JsonNode.Parse((await server.StandardOutput.ReadLineAsync())!)!["url"]!.GetValue<string>();
            await using Proxy proxy = await Proxy.StartAsync(url);
            using Process client = Start(proxy.Address, "run", "--server", "http://psi.hospital-b.qanat/", "--generate", "300", "--overlap", "90", "--seed", "5", "--party", "A", "--batch", "50", "--json");
            JsonNode result = JsonNode.Parse(await client.StandardOutput.ReadToEndAsync())!;
            await client.WaitForExitAsync();
            using Process truth = Start(null, "truth", "--generate", "300", "--overlap", "90", "--seed", "5", "--json");
            JsonNode expected = JsonNode.Parse(await truth.StandardOutput.ReadToEndAsync())!;
            Assert.Equal(0, client.ExitCode);
            Assert.Equal((90, expected["sumB"]!.GetValue<long>()), (result["size"]!.GetValue<int>(), result["sum"]!.GetValue<long>()));
            Assert.Equal(result["requests"]!.GetValue<int>(), proxy.Targets.Count);
            Assert.All(proxy.Targets, target => Assert.StartsWith("http://psi.hospital-b.qanat/psi/sessions", target, StringComparison.Ordinal));
        }
        finally
        {
            server.Kill();
        }
    }

    [Theory]
    [InlineData(2, "--server http://127.0.0.1:1/", "Give --file FILE, or --generate N")]
    [InlineData(2, "--server ftp://127.0.0.1/ --generate 10 --party A", "write an http:// address")]
    [InlineData(2, "--server http://127.0.0.1:1/ --generate 10 --party A --batch 0", "--batch 0: from 1 to 8192")]
    [InlineData(2, "--server http://127.0.0.1:1/ --file /nowhere.csv", "/nowhere.csv")]
    [InlineData(2, "--generate 10 --party A", "--server")]
    [InlineData(1, "--server http://127.0.0.1:1/ --generate 10 --party A --retries 0", "")]
    public async Task Exit_codes_tell_wrong_input_from_failure(int code, string arguments, string message)
    {
        using Process process = Start(null, ["run", .. arguments.Split(' ')]);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Equal(code, process.ExitCode);
        await output;
    }

    private static Process Start(string? proxy, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "psi-platform.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in new[] { "http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" })
        {
            start.Environment.Remove(name);
        }
        if (proxy is not null)
        {
            start.Environment["http_proxy"] = proxy;
        }
        return Process.Start(start)!;
    }

    /// <summary>An HTTP forward proxy that knows one upstream, and notes every target it was asked for.</summary>
    private sealed class Proxy(WebApplication app, HttpMessageInvoker upstream, List<string> targets) : IAsyncDisposable
    {
        internal string Address => app.Urls.First();

        internal List<string> Targets => targets;

        internal static async Task<Proxy> StartAsync(string upstreamUrl)
        {
            WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            WebApplication app = builder.Build();
            HttpMessageInvoker upstream = new(new SocketsHttpHandler { UseProxy = false });
            List<string> targets = [];
            app.Run(async context =>
            {
                string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
                lock (targets)
                {
                    targets.Add(target);
                }
                using HttpRequestMessage request = new(new HttpMethod(context.Request.Method), upstreamUrl + new Uri(target).AbsolutePath);
                if (context.Request.ContentLength > 0)
                {
                    request.Content = new StreamContent(context.Request.Body);
                    request.Content.Headers.TryAddWithoutValidation("Content-Type", context.Request.ContentType);
                    request.Content.Headers.TryAddWithoutValidation("Content-Digest", (string?)context.Request.Headers["Content-Digest"]);
                }
                using HttpResponseMessage response = await upstream.SendAsync(request, context.RequestAborted);
                context.Response.StatusCode = (int)response.StatusCode;
                if (response.Headers.TryGetValues("Content-Digest", out IEnumerable<string>? digest))
                {
                    context.Response.Headers["Content-Digest"] = digest.Single();
                }
                await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
            });
            await app.StartAsync();
            return new Proxy(app, upstream, targets);
        }

        public async ValueTask DisposeAsync()
        {
            upstream.Dispose();
            await app.DisposeAsync();
        }
    }
}
