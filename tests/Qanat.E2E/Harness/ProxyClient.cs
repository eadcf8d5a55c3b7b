using System.Net;
using System.Text.Json;

namespace Qanat.E2E.Harness;

/// <summary>A platform that sends its HTTP through a node's proxy port.</summary>
internal sealed class ProxyClient(int proxyPort) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { Proxy = new WebProxy($"http://127.0.0.1:{proxyPort}"), UseProxy = true })
    {
        Timeout = TimeSpan.FromSeconds(180),
    };

    public HttpClient Http => _http;

    /// <summary>The body of a good answer, otherwise status and code of the problem the node answered with: <c>502 peer-offline</c>.</summary>
    public async Task<string> GetAsync(string url, CancellationToken cancellationToken = default)
    {
        using HttpResponseMessage answer = await _http.GetAsync(new Uri(url), cancellationToken);
        return await ReadAsync(answer);
    }

    /// <summary>As <see cref="GetAsync"/>, with a body sent.</summary>
    public async Task<string> PostAsync(string url, string body)
    {
        using StringContent content = new(body);
        using HttpResponseMessage answer = await _http.PostAsync(new Uri(url), content);
        return await ReadAsync(answer);
    }

    /// <summary>Asks until the answer is <paramref name="expected"/>; fails with the last answer after a bounded time.</summary>
    public async Task WaitForAsync(string url, string expected)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(180));
        string last = "";
        try
        {
            while ((last = await GetAsync(url, limit.Token)) != expected)
            {
                await Task.Delay(20, limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{url} still answers '{last}', not '{expected}'.");
        }
    }

    private static async Task<string> ReadAsync(HttpResponseMessage answer)
    {
        string body = await answer.Content.ReadAsStringAsync();
        if (answer.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            return body;
        }
        using JsonDocument problem = JsonDocument.Parse(body);
        return $"{(int)answer.StatusCode} {problem.RootElement.GetProperty("code").GetString()}";
    }

    public void Dispose() => _http.Dispose();
}
