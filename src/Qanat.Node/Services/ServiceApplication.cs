using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Http;
using Qanat.Tunnel;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Services;

/// <summary>HTTP requests of peers, forwarded to published services. Access is checked again at every request, since connections are pooled and rules change.</summary>
internal sealed class ServiceApplication(ServiceCatalog catalog, IHttpForwarder forwarder, string pseudonym, NodeMetrics metrics, ILogger logger) : SlimHttpApplication
{
    private readonly string _via1 = $"1.1 {pseudonym}";
    private readonly string _via2 = $"2.0 {pseudonym}";

    protected override async Task HandleAsync(HttpContext context)
    {
        ServiceBinding binding = context.Features.GetRequiredFeature<ServiceBinding>();
        HttpRequest request = context.Request;
        PublishedService? service = catalog.Find(binding.Service);
        NodeProblem? problem = await CheckAsync(binding, service);
        string pathAndQuery = "";
        bool extendedConnect = context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true };
        if (problem is null && HttpMethods.IsConnect(request.Method) && !extendedConnect)
        {
            problem = new NodeProblem("method-not-allowed", 405, "A service is not a proxy: CONNECT is not possible here.", "Send CONNECT to the own node's proxy port.", "http_request_denied");
        }
        else if (problem is null && !RequestTarget.TryRead(context, out _, out pathAndQuery, out string? fault))
        {
            problem = NodeProblem.Malformed(fault!);
        }
        if (problem is null)
        {
            ServiceBackend backend = service!.Backend;
            bool http2 = HttpProtocol.IsHttp2(request.Protocol);
            // A plain http target speaks HTTP/1.1, but gRPC cannot: it is taken at its word.
            bool toHttp2 = backend.IsHttp2Only || (http2 && IsGrpc(request.ContentType));
            var config = new ForwarderRequestConfig
            {
                ActivityTimeout = TimeSpan.FromSeconds(service.Options.ActivitySeconds),
                Version = toHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            var transformer = new ServiceTransformer(binding, pathAndQuery, http2 ? _via2 : _via1);
            ForwarderError error = await forwarder.SendAsync(context, backend.Prefix, toHttp2 ? backend.Http2 : backend.Http1, config, transformer, CancellationToken.None);
            if (error == ForwarderError.None)
            {
                metrics.Request(atTarget: true, "ok");
                return;
            }
            problem = ForwardingErrors.ToProblem(context, error, atTarget: true);
            if (problem is null)
            {
                metrics.Request(atTarget: true, "aborted");
                return;
            }
            logger.ServiceFailed(binding.Service, binding.PeerMid, problem.Code);
        }
        metrics.Request(atTarget: true, problem.Code);
        await problem.WriteAsync(context, context.RequestAborted);
    }

    private async ValueTask<NodeProblem?> CheckAsync(ServiceBinding binding, PublishedService? service)
    {
        if (service is null || service.Backend.IsRaw)
        {
            return NodeProblem.From(TunnelError.UnknownService, $"No HTTP service '{binding.Service}' is published.");
        }
        return await catalog.Peers.AllowsAsync(binding.PeerMid) && await service.Allow.AllowsAsync(binding.PeerMid)
            ? null
            : NodeProblem.From(TunnelError.Denied, $"The access rules of '{binding.Service}' refuse this participant.");
    }

    private static bool IsGrpc(string? contentType) => contentType is not null && contentType.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);
}
