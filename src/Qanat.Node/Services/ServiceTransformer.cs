using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Qanat.Node.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Services;

/// <summary>
/// One request on its way from the tunnel to a service. Headers in which this node vouches for something (who the peer is, where the request came
/// from) are removed when the peer sent them; <c>Qanat-Peer</c> and <c>Qanat-Peer-Mid</c> are then set from layer-2 TLS.
/// </summary>
internal sealed class ServiceTransformer(ServiceBinding binding, string pathAndQuery, string via) : HttpTransformer
{
    /// <summary>The peer's mid, proven by layer-2 TLS.</summary>
    public const string PeerMidHeader = "Qanat-Peer-Mid";

    /// <summary>The peer's name in the directory, for display.</summary>
    public const string PeerNameHeader = "Qanat-Peer";

    private static readonly UriCreationOptions s_verbatim = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public override ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        IHeaderDictionary headers = httpContext.Request.Headers;
        List<string>? forged = null;
        foreach (KeyValuePair<string, StringValues> header in headers)
        {
            if (IsReserved(header.Key))
            {
                (forged ??= []).Add(header.Key);
            }
        }
        forged?.ForEach(name => headers.Remove(name));
        ValueTask copied = base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        ForwardedHeaders.RemoveNominated(headers.Connection, proxyRequest.Headers, proxyRequest.Content?.Headers);
        proxyRequest.Headers.Host = httpContext.Request.Host.Value;
        proxyRequest.Headers.TryAddWithoutValidation(PeerMidHeader, binding.PeerMidText);
        proxyRequest.Headers.TryAddWithoutValidation(PeerNameHeader, binding.PeerName);
        proxyRequest.Headers.TryAddWithoutValidation(HeaderNames.Via, via);
        if (headers.TryGetValue(HeaderNames.UpgradeInsecureRequests, out StringValues upgradeInsecure))
        {
            proxyRequest.Headers.TryAddWithoutValidation(HeaderNames.UpgradeInsecureRequests, (IEnumerable<string?>)upgradeInsecure);
        }
        RequestTrailers.Attach(httpContext, proxyRequest, IsReserved);
        proxyRequest.RequestUri = new Uri(string.Concat(destinationPrefix, pathAndQuery), s_verbatim);
        return copied;
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        bool copy = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        if (proxyResponse is not null)
        {
            ForwardedHeaders.RemoveNominated(proxyResponse.Headers.NonValidated, httpContext.Response.Headers);
        }
        return copy;
    }

    /// <summary>Names that only this node may set, in any spelling that a server may fold into them (case, underscores for hyphens).</summary>
    internal static bool IsReserved(string name)
    {
        if ((uint)name.Length < 5 || (name[0] | 0x20) is not ('q' or 'x' or 'f'))
        {
            return false;
        }
        ReadOnlySpan<char> text = name.Contains('_', StringComparison.Ordinal) ? name.Replace('_', '-') : name;
        return text.StartsWith("Qanat-", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("X-Qanat-", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
            || text.Equals("Forwarded", StringComparison.OrdinalIgnoreCase)
            || text.Equals("X-Real-IP", StringComparison.OrdinalIgnoreCase);
    }
}
