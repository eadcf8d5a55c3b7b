using System.Net;
using System.Net.Http.Headers;
using Psi.Protocol;

namespace Psi.Client;

/// <summary>
/// HttpClient with what the protocol needs: every body checked by its digest, failed requests counted and tried again (each one may be repeated safely).
/// The proxy is HttpClient's default: the <c>http_proxy</c> variable.
/// </summary>
internal sealed class CheckedHttp(HttpMessageHandler handler, RunOptions options) : IDisposable
{
    private readonly HttpClient _client = new(handler) { BaseAddress = options.Server, Timeout = options.Timeout };
    private long _requests;
    private long _failed;
    private long _retries;
    private long _sent;
    private long _received;

    internal long Requests => Interlocked.Read(ref _requests);

    internal long Failed => Interlocked.Read(ref _failed);

    internal long Retries => Interlocked.Read(ref _retries);

    internal long BytesSent => Interlocked.Read(ref _sent);

    internal long BytesReceived => Interlocked.Read(ref _received);

    /// <summary>Sends a request until it succeeds or the tries are used up.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">Path below the server's address.</param>
    /// <param name="body">Binary content, or null.</param>
    /// <param name="json">Whether <paramref name="body"/> is JSON; then neither body nor answer carry a digest.</param>
    /// <param name="cancel">Ends the run.</param>
    internal async Task<byte[]> SendAsync(HttpMethod method, string path, byte[]? body, bool json, CancellationToken cancel)
    {
        for (int attempt = 0; ; attempt++)
        {
            Interlocked.Increment(ref _requests);
            try
            {
                return await SendOnceAsync(method, path, body, json, cancel);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested && e is HttpRequestException or IOException or TaskCanceledException)
            {
                Interlocked.Increment(ref _failed);
                bool final = e is HttpRequestException { StatusCode: >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError };
                if (final || attempt == options.Retries)
                {
                    throw;
                }
            }
            Interlocked.Increment(ref _retries);
            await Task.Delay(TimeSpan.FromMilliseconds(100 << Math.Min(attempt, 5)), cancel);
        }
    }

    private async Task<byte[]> SendOnceAsync(HttpMethod method, string path, byte[]? body, bool json, CancellationToken cancel)
    {
        using HttpRequestMessage request = new(method, path) { Version = HttpVersion.Version11 };
        request.Headers.ConnectionClose = options.ConnectionClose ? true : null;
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(json ? "application/json" : "application/octet-stream");
            if (!json)
            {
                request.Content.Headers.Add(ContentDigest.Header, ContentDigest.Of(body));
            }
        }
        using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(cancel);
        Interlocked.Add(ref _sent, body?.Length ?? 0);
        Interlocked.Add(ref _received, answer.Length);
        if (!response.IsSuccessStatusCode)
        {
            string detail = answer.Length > 0 ? System.Text.Encoding.UTF8.GetString(answer.AsSpan(0, Math.Min(answer.Length, 500))) : response.ReasonPhrase ?? "";
            throw new HttpRequestException($"{method} {path}: {(int)response.StatusCode} {detail}", null, response.StatusCode);
        }
        string? digest = response.Headers.TryGetValues(ContentDigest.Header, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;
        if (!json && answer.Length > 0 && !ContentDigest.Matches(digest, answer))
        {
            throw new IOException($"{method} {path}: the answer does not match its Content-Digest.");
        }
        return answer;
    }

    public void Dispose() => _client.Dispose();
}
