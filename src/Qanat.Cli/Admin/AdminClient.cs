using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qanat.Cli.Output;

namespace Qanat.Cli.Admin;

/// <summary>Speaks with the admin listener of a running hub or node. Changes carry the bearer token of the server's own folder.</summary>
internal sealed class AdminClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly string? _tokenFile;

    /// <param name="address">The listener, such as <c>http://127.0.0.1:7070</c>.</param>
    /// <param name="tokenFile">File with the bearer token; null when only reading what needs none.</param>
    public AdminClient(string address, string? tokenFile)
    {
        // Never through a proxy: http_proxy may well name the node that is asked.
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) })
        {
            BaseAddress = new Uri(Reachable(address)),
            Timeout = TimeSpan.FromMinutes(2),
        };
        _tokenFile = tokenFile;
    }

    /// <summary>Reads JSON.</summary>
    public Task<JsonNode> GetAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, path, null, cancellationToken);

    /// <summary>Sends a change; the answer is JSON or empty.</summary>
    public async Task<JsonNode> SendAsync(HttpMethod method, string path, object? body, CancellationToken cancellationToken)
    {
        try
        {
            using HttpRequestMessage request = new(method, path) { Content = body is null ? null : JsonContent.Create(body, options: CliOutput.Json) };
            // Read at each request: a server makes it at its first start, which may come after this client's.
            if (_tokenFile is not null && File.Exists(_tokenFile))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(_tokenFile, cancellationToken)).Trim());
            }
            using HttpResponseMessage response = await _http.SendAsync(request, cancellationToken);
            string text = await response.Content.ReadAsStringAsync(cancellationToken);
            JsonNode? answer = IsJson(response) && text.Length > 0 ? JsonNode.Parse(text) : null;
            return response.IsSuccessStatusCode ? answer ?? new JsonObject() : throw Refused(response, answer);
        }
        catch (HttpRequestException e)
        {
            throw new CliException("admin-unreachable", $"no answer from {_http.BaseAddress} ({e.Message}); is the server running, and is this its admin.listen?", inner: e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException("admin-unreachable", $"{_http.BaseAddress} did not answer in time", inner: e);
        }
    }

    /// <summary>True when <c>/readyz</c> says so; false also when nobody listens yet.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage response = await _http.GetAsync("/readyz", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public void Dispose() => _http.Dispose();

    private static bool IsJson(HttpResponseMessage response) =>
        response.Content.Headers.ContentType?.MediaType is { } type && (type == "application/json" || type.EndsWith("+json", StringComparison.Ordinal));

    private static CliException Refused(HttpResponseMessage response, JsonNode? answer)
    {
        string code = answer?["code"]?.GetValueKind() == JsonValueKind.String ? (string)answer["code"]! : "admin-refused";
        string message = (string?)answer?["detail"] ?? (string?)answer?["title"] ?? $"the admin API answered {(int)response.StatusCode} {response.ReasonPhrase}";
        return new CliException(code, message);
    }

    // A listener on every address is asked on loopback.
    private static string Reachable(string address) =>
        address.Replace("//0.0.0.0:", "//127.0.0.1:", StringComparison.Ordinal).Replace("//[::]:", "//[::1]:", StringComparison.Ordinal).Replace("//*:", "//127.0.0.1:", StringComparison.Ordinal);
}
