using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Qanat.Node.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Proxy;

/// <summary>One request on its way from a platform into the tunnel: nothing changes but what HTTP asks of a proxy.</summary>
internal sealed class ProxyTransformer(ProxyDestination destination, string pathAndQuery, string via) : HttpTransformer
{
    private static readonly UriCreationOptions s_verbatim = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public override ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        ValueTask copied = base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        IHeaderDictionary headers = httpContext.Request.Headers;
        ForwardedHeaders.RemoveNominated(headers.Connection, proxyRequest.Headers, proxyRequest.Content?.Headers);
        proxyRequest.Headers.Host = destination.Authority;
        proxyRequest.Headers.TryAddWithoutValidation(HeaderNames.Via, via);
        if (headers.TryGetValue(HeaderNames.UpgradeInsecureRequests, out StringValues upgradeInsecure))
        {
            proxyRequest.Headers.TryAddWithoutValidation(HeaderNames.UpgradeInsecureRequests, (IEnumerable<string?>)upgradeInsecure);
        }
        RequestTrailers.Attach(httpContext, proxyRequest);
        proxyRequest.RequestUri = new Uri(string.Concat(destinationPrefix, pathAndQuery), s_verbatim);
        return copied;
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        bool copy = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        if (proxyResponse is not null)
        {
            IHeaderDictionary headers = httpContext.Response.Headers;
            ForwardedHeaders.RemoveNominated(proxyResponse.Headers.NonValidated, headers);
            headers.Via = StringValues.Concat(headers.Via, via);
        }
        return copy;
    }
}
