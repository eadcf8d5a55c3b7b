using System.Buffers;
using System.Net.Sockets;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Qanat.Tunnel;

namespace Qanat.Node.Http;

/// <summary>An error answer of the node itself (RFC 9457): a stable code, a status, what happened and what to do about it.</summary>
/// <param name="Code">Stable kebab-case code; for tunnel errors <see cref="TunnelException.Code"/>.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Detail">What happened.</param>
/// <param name="Fix">What the reader can do.</param>
/// <param name="ProxyError">Error type of the Proxy-Status header (RFC 9209 section 2.3).</param>
public sealed record NodeProblem(string Code, int Status, string Detail, string Fix, string ProxyError)
{
    /// <summary>Name of this node in Proxy-Status and Via.</summary>
    public const string Agent = "qanat";

    /// <summary>The host asked for is no Qanat name.</summary>
    public static NodeProblem NotQanat(string host) => new("not-a-qanat-name", 403, $"'{host}' is not a Qanat name, and this proxy reaches nothing else.",
        "Ask for http://SERVICE.PARTICIPANT.qanat/, and list other hosts in no_proxy.", "http_request_denied");

    /// <summary>The host asked for is malformed.</summary>
    public static NodeProblem Malformed(string detail) => new("malformed-request", 400, detail, "Ask for http://SERVICE.PARTICIPANT.qanat/.", "http_request_error");

    /// <summary>The request has already been through this proxy.</summary>
    public static NodeProblem Loop { get; } = new("proxy-loop", 508, "The request has already passed this node once (Via, RFC 9110 section 7.6.3).",
        "A published service's target points back at a node's proxy port; correct 'services' at the target.", "proxy_loop_detected");

    /// <summary>CONNECT came after other requests on the same connection.</summary>
    public static NodeProblem ConnectNotFirst { get; } = new("connect-not-first", 501, "CONNECT must be the first request of a connection to this proxy.",
        "Open a new connection to the proxy for CONNECT.", "http_request_error");

    /// <summary>The problem that an exception means.</summary>
    /// <param name="exception">What forwarding or dialing threw.</param>
    /// <param name="atTarget">True on the publishing side, where failures are the service's; false at the proxy, where they are the tunnel's.</param>
    public static NodeProblem From(Exception? exception, bool atTarget)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case TunnelException tunnel:
                    return From(tunnel.Error, tunnel.Message);
                case SocketException { SocketErrorCode: SocketError.TimedOut } when atTarget:
                    return From(TunnelError.ServiceTimeout, "The service's address did not accept a connection in time.");
                case SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown } when atTarget:
                    return From(TunnelError.ServiceReset, "The service broke the connection.");
                case SocketException when atTarget:
                    return From(TunnelError.ServiceRefused, "The service's address refused the connection.");
                case OperationCanceledException or TimeoutException when e.InnerException is null:
                    return atTarget
                        ? From(TunnelError.ServiceTimeout, "The service did not answer in time.")
                        : From(TunnelError.HandshakeTimeout, "The peer did not answer in time.");
                case AggregateException { InnerExceptions: [_, ..] inner }:
                    return inner.Select(x => From(x, atTarget)).FirstOrDefault(p => p.Code != ServiceResetCode) ?? From(inner[0], atTarget);
            }
        }
        return From(TunnelError.ServiceReset, atTarget ? "The service broke the connection before it had answered." : "The connection ended before the peer had answered.");
    }

    private static readonly string ServiceResetCode = TunnelException.ToCode(TunnelError.ServiceReset);

    /// <summary>The problem of a typed tunnel error.</summary>
    public static NodeProblem From(TunnelError error, string detail)
    {
        (int status, string fix, string proxyError) = error switch
        {
            TunnelError.HubUnreachable => (502, "Check the network to the hub ('qanat status'), and that the hub runs.", "destination_unavailable"),
            TunnelError.PeerOffline => (502, "Ask the participant to start its node, or wait: it is enrolled but has no live link.", "destination_unavailable"),
            TunnelError.HandshakeTimeout => (504, "Run 'qanat diagnose PARTICIPANT' to see which hop is slow.", "connection_timeout"),
            TunnelError.GraceExpired => (504, "The peer was away too long; send the request again when it is back.", "connection_terminated"),
            TunnelError.SessionLost => (502, "The peer's node was restarted; send the request again.", "connection_terminated"),
            TunnelError.UnknownParticipant => (502, "Check the participant's name; the hub's operator sees all of them ('qanat hub participants').", "dns_error"),
            TunnelError.Denied => (403, "Ask the participant to add this organisation to the 'allow' list of the service.", "http_request_denied"),
            TunnelError.UnknownService => (502, "Check the first label of the host: the participant publishes no service of that name.", "destination_not_found"),
            TunnelError.ServiceRefused => (502, "Ask the participant to start the program behind the service, or to correct its 'target'.", "connection_refused"),
            TunnelError.ServiceTimeout => (504, "Ask the participant to look at the program behind the service: it does not answer.", "connection_timeout"),
            TunnelError.ServiceReset => (502, "Ask the participant to look at the log of the program behind the service.", "connection_terminated"),
            TunnelError.TooManyConnections => (503, "Open fewer connections at once, or ask the participant for a higher limit.", "connection_limit_reached"),
            TunnelError.QuotaExceeded => (503, "Wait, or ask the hub's operator for a higher quota.", "connection_limit_reached"),
            TunnelError.Cancelled => (502, "The peer gave up on the connection; send the request again.", "connection_terminated"),
            TunnelError.ShuttingDown => (503, "The peer's node is stopping; send the request again when it is back.", "destination_unavailable"),
            TunnelError.PeerMidMismatch or TunnelError.UntrustedCertificate or TunnelError.SecurityFailure or TunnelError.HubMidMismatch =>
                (502, "Do not retry blindly: someone on the path is not who they should be. Tell the hub's operator and the participant.", "tls_certificate_error"),
            TunnelError.NotEnrolled => (502, "Enrol this node at its hub ('qanat init' with a fresh token).", "destination_unavailable"),
            TunnelError.ClockSkew => (502, "Set the clocks of this machine and the hub.", "destination_unavailable"),
            TunnelError.InvalidAddress => (400, "Ask for http://SERVICE.PARTICIPANT.qanat/.", "http_request_error"),
            _ => (502, "Update the older of the two nodes; they do not speak the same protocol.", "proxy_internal_error"),
        };
        return new NodeProblem(TunnelException.ToCode(error), status, detail, fix, proxyError);
    }

    /// <summary>The value of the Proxy-Status header.</summary>
    public string ProxyStatus => $"{Agent}; error={ProxyError}; details=\"{Code}\"";

    /// <summary>The body: application/problem+json.</summary>
    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        // People read this in a terminal; no browser takes problem+json for HTML.
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("type", $"urn:qanat:error:{Code}");
            json.WriteString("title", Code);
            json.WriteNumber("status", Status);
            json.WriteString("detail", Detail);
            json.WriteString("code", Code);
            json.WriteString("fix", Fix);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Answers a request with this problem. Does nothing to a response that has started: the caller must abort it.</summary>
    public async Task WriteAsync(HttpContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        HttpResponse response = context.Response;
        if (response.HasStarted)
        {
            return;
        }
        bool close = response.Headers.Connection == "close";
        response.Clear();
        if (close)
        {
            response.Headers.Connection = "close";
        }
        response.StatusCode = Status;
        response.ContentType = "application/problem+json";
        response.Headers["Proxy-Status"] = ProxyStatus;
        response.Headers.CacheControl = "no-store";
        byte[] body = ToJson();
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(body, cancellationToken);
        }
    }
}
