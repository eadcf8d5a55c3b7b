using Microsoft.AspNetCore.Http;
using Qanat.Tunnel;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Http;

/// <summary>What a failed forward means to the client.</summary>
internal static class ForwardingErrors
{
    /// <summary>The problem to answer with, or null when the client is gone, at fault, or already has part of a response (which the forwarder then aborted).</summary>
    public static NodeProblem? ToProblem(HttpContext context, ForwarderError error, bool atTarget)
    {
        if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
        {
            return null;
        }
        switch (error)
        {
            case ForwarderError.RequestCanceled or ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled
                or ForwarderError.ResponseBodyClient or ForwarderError.ResponseBodyCanceled or ForwarderError.UpgradeRequestClient:
                return null;
            case ForwarderError.RequestTimedOut or ForwarderError.UpgradeActivityTimeout:
                return NodeProblem.From(TunnelError.ServiceTimeout, "The service was silent for longer than 'activity-seconds'.");
            default:
                return NodeProblem.From(context.GetForwarderErrorFeature()?.Exception, atTarget);
        }
    }
}
