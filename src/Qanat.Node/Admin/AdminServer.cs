using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Qanat.Node.Diagnostics;
using Qanat.Node.Http;
using Qanat.Node.Options;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Admin;

/// <summary>What the admin listener asks of the node.</summary>
internal interface IAdminBackend
{
    /// <summary>True when a link to a hub is up and the node is not stopping.</summary>
    bool IsReady { get; }

    NodeStatus GetStatus();

    /// <summary>Measures the way to a participant; null when this build has no such measurement.</summary>
    Func<string, CancellationToken, Task<IResult>>? Diagnose { get; }

    /// <summary>Reads the configuration again; null when the node was not started from a file.</summary>
    Func<CancellationToken, Task>? ReloadConfiguration { get; }
}

/// <summary>/healthz, /readyz, /metrics and /api/v1. Reading is free for whoever reaches the loopback port under a known host name; changes need the bearer token.</summary>
internal sealed class AdminServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly AdminOptions _options;
    private readonly byte[] _token;
    private readonly HashSet<string> _hosts;
    private readonly ILogger _logger;

    public AdminServer(AdminOptions options, string token, ILoggerFactory loggers)
    {
        _options = options;
        _token = Encoding.UTF8.GetBytes(token);
        _logger = loggers.CreateLogger("Qanat.Node.Admin");
        _hosts = new HashSet<string>(options.Hosts, StringComparer.OrdinalIgnoreCase) { "localhost", "127.0.0.1", "[::1]" };
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "qanat-node" });
        builder.Services.AddSingleton(loggers);
        builder.Services.AddLogging();
        builder.Services.AddRoutingCore();
        builder.Services.AddHttpForwarder();
        builder.Services.AddMetrics();
        builder.Services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService("qanat-node", autoGenerateServiceInstanceId: false)).WithMetrics(m => m.AddMeter("Qanat.*", "System.Runtime").AddPrometheusExporter());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
            if (NodeOptionsValidator.TryParseAdminListen(options.Listen, out IPEndPoint? listen))
            {
                _hosts.Add(listen.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{listen.Address}]" : listen.Address.ToString());
                kestrel.Listen(listen);
            }
        });
        _app = builder.Build();
    }

    /// <summary>The forwarder, from the same container.</summary>
    public IHttpForwarder Forwarder => _app.Services.GetRequiredService<IHttpForwarder>();

    /// <summary>Meters that /metrics shows.</summary>
    public IMeterFactory Meters => _app.Services.GetRequiredService<IMeterFactory>();

    /// <summary>The address bound, when the listener is on and started.</summary>
    public Uri? Address { get; private set; }

    public async Task StartAsync(IAdminBackend node, CancellationToken cancellationToken)
    {
        if (_options.Listen.Length == 0)
        {
            return;
        }
        _app.Use(CheckHostAsync);
        _app.UseRouting();
        _app.MapGet("/healthz", () => Results.Text("ok\n"));
        _app.MapGet("/readyz", () => node.IsReady ? Results.Text("ready\n") : Results.Text("no link to a hub\n", statusCode: StatusCodes.Status503ServiceUnavailable));
        _app.MapPrometheusScrapingEndpoint("/metrics");
        _app.MapGet("/api/v1/status", () => Results.Json(node.GetStatus(), AdminJson.Default.NodeStatus));
        _app.MapGet("/api/v1/diagnose", (Func<HttpContext, string?, Task<IResult>>)DiagnoseAsync);
        _app.MapPost("/api/v1/reload", (Func<HttpContext, Task<IResult>>)ReloadAsync);
        _app.MapFallback(context => Problem(new NodeProblem("not-found", 404, "There is no such resource.", "See docs/operations/admin-api.md.", "")).ExecuteAsync(context));
        await _app.StartAsync(cancellationToken);
        Address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        _logger.AdminListening(Address.ToString());

        async Task<IResult> DiagnoseAsync(HttpContext context, string? participant)
        {
            return participant is null or "" ? Problem(new NodeProblem("missing-participant", 400, "No participant was named.", "Ask for /api/v1/diagnose?participant=NAME.", ""))
                : node.Diagnose is { } diagnose ? await diagnose(participant, context.RequestAborted)
                : Problem(new NodeProblem("not-available", 501, "This node was started without measurements.", "Start it with 'qanat node'.", ""));
        }

        async Task<IResult> ReloadAsync(HttpContext context)
        {
            if (!IsAuthorised(context.Request))
            {
                context.Response.Headers.WWWAuthenticate = "Bearer";
                return Problem(new NodeProblem("unauthorized", 401, "Changes need the admin token.", "Send 'Authorization: Bearer TOKEN' with the token in the identity folder's admin.token.", ""));
            }
            if (node.ReloadConfiguration is not { } reload)
            {
                return Problem(new NodeProblem("not-available", 501, "This node was not started from a configuration file.", "Start it with 'qanat node --config FILE'.", ""));
            }
            try
            {
                await reload(context.RequestAborted);
                return Results.NoContent();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return Problem(new NodeProblem("config-invalid", 422, e.Message, "Correct what the log names, then reload again.", ""));
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Address is null ? Task.CompletedTask : _app.StopAsync(cancellationToken);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static IResult Problem(NodeProblem problem) => Results.Bytes(problem.ToJson(), "application/problem+json") is var body ? new StatusResult(body, problem.Status) : body;

    /// <summary>A page in a browser here may resolve its own name to this address; it cannot send another Host header.</summary>
    private async Task CheckHostAsync(HttpContext context, RequestDelegate next)
    {
        if (_hosts.Contains(context.Request.Host.Host))
        {
            // Reading needs no token, and a measurement costs something: another site's page may not cause one (it could not read the answer anyway).
            string site = context.Request.Headers["Sec-Fetch-Site"].ToString();
            if (site is "" or "same-origin" or "none")
            {
                await next(context);
                return;
            }
            await new NodeProblem("cross-site", 403, "A page of another site may not use the admin listener.", "Open it yourself, or use curl.", "http_request_denied")
                .WriteAsync(context, context.RequestAborted);
            return;
        }
        await new NodeProblem("host-not-allowed", 421, "This host name is not one of the admin listener's.", "Use its IP address, or add the name to admin.hosts.", "http_request_denied")
            .WriteAsync(context, context.RequestAborted);
    }

    private bool IsAuthorised(HttpRequest request)
    {
        string header = request.Headers.Authorization.ToString();
        const string Scheme = "Bearer ";
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim())), SHA256.HashData(_token));
    }

    private sealed class StatusResult(IResult body, int status) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            return body.ExecuteAsync(httpContext);
        }
    }
}
