using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;
using Qanat.Node.Http;
using Qanat.Node.Naming;
using Qanat.Node.Relay;
using Qanat.Tunnel;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Proxy;

/// <summary>HTTP requests of local platforms, forwarded into tunnels: absolute form, <c>:authority</c>, upgrades, streams.</summary>
internal sealed class ProxyApplication : SlimHttpApplication
{
    private readonly IHttpForwarder _forwarder;
    private readonly HttpMessageInvoker _client;
    private readonly TunnelConnector _connector;
    private readonly ProxyDestinations _destinations = new();
    private readonly ForwarderRequestConfig _http1;
    private readonly ForwarderRequestConfig _http2;
    private readonly string _pseudonym;
    private readonly string _via1;
    private readonly string _via2;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _logger;

    public ProxyApplication(IHttpForwarder forwarder, HttpMessageInvoker client, TunnelConnector connector, TimeSpan activity, string pseudonym, NodeMetrics metrics, ILogger logger)
    {
        _forwarder = forwarder;
        _client = client;
        _connector = connector;
        _http1 = new ForwarderRequestConfig { ActivityTimeout = activity, Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        _http2 = new ForwarderRequestConfig { ActivityTimeout = activity, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        _pseudonym = pseudonym;
        _via1 = $"1.1 {pseudonym}";
        _via2 = $"2.0 {pseudonym}";
        _metrics = metrics;
        _logger = logger;
    }

    protected override async Task HandleAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        bool http2 = HttpProtocol.IsHttp2(request.Protocol);
        NodeProblem? problem = Check(context, http2, out ProxyDestination? destination, out string pathAndQuery);
        if (problem is null && HttpMethods.IsConnect(request.Method) && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true })
        {
            await ConnectOverHttp2Async(context, destination!.EndPoint!);
            return;
        }
        if (problem is null)
        {
            var transformer = new ProxyTransformer(destination!, pathAndQuery, http2 ? _via2 : _via1);
            ForwarderError error = await _forwarder.SendAsync(context, destination!.Prefix, _client, http2 ? _http2 : _http1, transformer, CancellationToken.None);
            if (error == ForwarderError.None)
            {
                _metrics.Request(atTarget: false, "ok");
                return;
            }
            problem = ForwardingErrors.ToProblem(context, error, atTarget: false);
            if (problem is null)
            {
                _metrics.Request(atTarget: false, "client-aborted");
                return;
            }
            _logger.RequestFailed(destination.EndPoint!.ToString(), problem.Code, problem.Detail);
        }
        _metrics.Request(atTarget: false, problem.Code);
        await problem.WriteAsync(context, context.RequestAborted);
    }

    private NodeProblem? Check(HttpContext context, bool http2, out ProxyDestination? destination, out string pathAndQuery)
    {
        HttpRequest request = context.Request;
        destination = null;
        pathAndQuery = "";
        ReadOnlySpan<char> authority;
        if (HttpMethods.IsConnect(request.Method) && (!http2 || context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true }))
        {
            if (!http2)
            {
                context.Response.Headers.Connection = "close";
                return NodeProblem.ConnectNotFirst;
            }
            authority = request.Host.Value ?? "";
        }
        else if (!RequestTarget.TryRead(context, out authority, out pathAndQuery, out string? fault))
        {
            return NodeProblem.Malformed(fault!);
        }
        destination = _destinations.Find(authority);
        if (destination.Status != QanatNameStatus.Qanat)
        {
            return destination.Status == QanatNameStatus.NotQanat
                ? NodeProblem.NotQanat(destination.Authority)
                : NodeProblem.Malformed("The host is not of the form SERVICE.PARTICIPANT.qanat.");
        }
        if (request.Headers.TryGetValue("Via", out var via) && ForwardedHeaders.Contains(via, _pseudonym))
        {
            return NodeProblem.Loop;
        }
        return CheckMaxForwards(request);
    }

    /// <summary>RFC 9110 section 7.6.2: TRACE and OPTIONS stop where Max-Forwards says.</summary>
    private static NodeProblem? CheckMaxForwards(HttpRequest request)
    {
        if ((HttpMethods.IsTrace(request.Method) || HttpMethods.IsOptions(request.Method))
            && request.Headers.TryGetValue("Max-Forwards", out var text) && uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint left))
        {
            if (left == 0)
            {
                return new NodeProblem("max-forwards-reached", 400, "Max-Forwards is 0 at this proxy.", "Raise Max-Forwards to reach the service.", "http_request_denied");
            }
            request.Headers["Max-Forwards"] = (left - 1).ToString(CultureInfo.InvariantCulture);
        }
        return null;
    }

    private async Task ConnectOverHttp2Async(HttpContext context, QanatEndPoint target)
    {
        ConnectionContext tunnel;
        try
        {
            tunnel = await _connector.ConnectCheckedAsync(target, context.RequestAborted);
        }
        catch (TunnelException e)
        {
            NodeProblem problem = NodeProblem.From(e, atTarget: false);
            _logger.ConnectFailed(target.ToString(), problem.Code, e.Message);
            await problem.WriteAsync(context, context.RequestAborted);
            return;
        }
        await using (tunnel)
        {
            await context.Response.StartAsync();
            Task outward = ClientRelay.CopyAsync(context.Request.BodyReader, tunnel.Transport.Output);
            Task inward = ClientRelay.CopyAsync(tunnel.Transport.Input, context.Response.BodyWriter);
            try
            {
                await await Task.WhenAny(outward, inward);
                await Task.WhenAll(outward, inward);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
            {
                context.Abort();
                ClientRelay.Reset(tunnel, Qanat.Wire.MuxResetReason.Cancelled);
                await Task.WhenAll(outward, inward).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
