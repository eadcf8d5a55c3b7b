using System.Net;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Qanat.Hub.Hosting;
using Qanat.Hub.Membership;
using Qanat.Hub.Mesh;
using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using Qanat.Wire;

namespace Qanat.Hub.Admin;

/// <summary>The admin listener: health, metrics, and <c>/api/v1</c>. Errors are problem+json with a stable <c>code</c>.</summary>
internal static class AdminApi
{
    private static readonly DateTimeOffset s_never = DateTimeOffset.UnixEpoch;

    /// <summary>Maps everything.</summary>
    public static void Map(WebApplication app, HubServer server, IOptionsMonitor<HubOptions> options)
    {
        HubOptions current = options.CurrentValue;
        HubOptionsValidator.TryEndPoint(current.Admin.Listen, "http", out IPEndPoint listen);
        AdminGuard guard = new(new DataFolder(current.DataFolder).LoadOrCreateAdminToken(), listen, () => options.CurrentValue.Admin.Hosts);
        TimeProvider time = (TimeProvider)app.Services.GetService(typeof(TimeProvider))!;
        long started = time.GetTimestamp();
        app.Use(async (context, next) =>
        {
            if (!guard.IsHostAllowed(context.Request.Host))
            {
                await Problem(421, "host-not-allowed", "The Host header is not this listener's; add the name to admin.hosts.").ExecuteAsync(context);
            }
            else if (context.Request.Path.StartsWithSegments("/api") && !guard.IsAuthorized(context.Request))
            {
                context.Response.Headers.WWWAuthenticate = "Bearer";
                await Problem(401, "unauthorized", "Send 'Authorization: Bearer TOKEN' with the token of the file admin.token in the hub's data folder.").ExecuteAsync(context);
            }
            else
            {
                context.Response.Headers.CacheControl = "no-store";
                await RunAsync(context, next);
            }
        });
        app.UseRouting();
        app.MapPrometheusScrapingEndpoint("/metrics");
        app.MapGet("/healthz", context => WriteAsync(context, 200, new HealthModel("ok"), AdminJson.Default.HealthModel));
        app.MapGet("/readyz", context => WriteAsync(context, server.Ready ? 200 : 503, new HealthModel(server.Ready ? "ready" : server.Core.Draining ? "draining" : "starting"), AdminJson.Default.HealthModel));
        RouteGroupBuilder api = app.MapGroup("/api/v1");
        api.MapGet("/status", context => WriteAsync(context, 200, Status(server, time.GetElapsedTime(started)), AdminJson.Default.StatusModel));
        api.MapGet("/participants", context => WriteAsync(context, 200, Participants(server.Core), AdminJson.Default.ParticipantModelArray));
        api.MapPost("/participants/{who}/revoke", context => RevokeAsync(context, server.Core));
        api.MapPut("/participants/{who}/quotas", context => SetQuotasAsync(context, server.Core));
        api.MapGet("/tokens", context => WriteAsync(context, 200, Tokens(server.Core, time), AdminJson.Default.TokenModelArray));
        api.MapPost("/tokens", context => CreateTokenAsync(context, server));
        api.MapDelete("/tokens/{id}", context => DeleteTokenAsync(context, server.Core));
        api.MapGet("/hubs", context => WriteAsync(context, 200, Hubs(server.Core), AdminJson.Default.HubModelArray));
        api.MapGet("/links", context => WriteAsync(context, 200, Links(server.Core), AdminJson.Default.LinkModelArray));
        app.MapFallback(context => Problem(404, "not-found", "There is no such resource.").ExecuteAsync(context));
    }

    private static async Task RunAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (DirectoryUnavailableException e) when (!context.Response.HasStarted)
        {
            await Problem(503, "directory-unavailable", e.Message).ExecuteAsync(context);
        }
        catch (Exception e) when (e is JsonException or BadHttpRequestException && !context.Response.HasStarted)
        {
            await Problem(400, "invalid-request", e.Message).ExecuteAsync(context);
        }
    }

    private static StatusModel Status(HubServer server, TimeSpan uptime)
    {
        Router router = server.Core.Router;
        (long frames, long bytes) = router.Sent;
        string version = typeof(AdminApi).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        return new StatusModel(
            server.Core.Name, server.Core.Mid.ToString(), version, server.Ready, server.Core.Draining, server.NodeAddresses, server.HubAddresses,
            server.Core.Directory.Participants.Count(p => p.Active), router.MemberCount, server.Core.Table.Hubs.Count, router.HubCount, router.RouteCount, frames, bytes,
            Enum.GetValues<DropReason>().ToDictionary(r => JsonNamingPolicy.CamelCase.ConvertName(r.ToString()), router.Dropped), uptime.TotalSeconds);
    }

    private static ParticipantModel[] Participants(HubCore core)
    {
        IEnumerable<ParticipantModel> own = core.Directory.Participants.Select(p =>
        {
            bool linked = core.Router.TryGetMember(p.Mid, out _);
            MemberMeter? meter = core.MeterOf(p.Mid);
            (long from, long to) = meter?.Unsaved ?? default;
            string? at = linked ? core.Name : core.Router.TryGetRoute(p.Mid, out RemoteRoute? route) ? core.Table.TryGet(route.Hub, out KnownHub? hub) ? hub.Name : null : null;
            return new ParticipantModel(
                $"{p.Name}.{core.Name}", p.Mid.ToString(), p.Active ? "active" : "revoked", p.EnrolledAt, p.EnrolledBy, p.RevokedAt, core.Name, linked, at,
                ToModel(p.Quotas), ToModel(meter?.Quotas ?? p.Quotas.Over(core.DefaultQuotas)), p.BytesFrom + from, p.BytesTo + to, meter?.Sessions ?? 0);
        });
        IEnumerable<ParticipantModel> guests = core.Router.Members.Where(m => m.GuestTicket is not null).Select(m => new ParticipantModel(
            m.Attachment.Name, m.Mid.ToString(), "guest", s_never, "ticket", null, core.Table.TryGet(m.HomeHub, out KnownHub? home) ? home.Name : m.HomeHub.ToString(), true, core.Name,
            ToModel(QuotaOverrides.None), ToModel(m.Meter.Quotas), m.Meter.BytesFrom, m.Meter.BytesTo, m.Meter.Sessions));
        return [.. own.Concat(guests).OrderBy(p => p.Name, StringComparer.Ordinal)];
    }

    private static TokenModel[] Tokens(HubCore core, TimeProvider time) =>
    [
        .. core.Directory.Tokens.OrderBy(t => t.CreatedAt).Select(t => new TokenModel(
            t.Id, t.Name, t.CreatedAt, t.ExpiresAt, t.SpentBy is not null ? "spent" : t.ExpiresAt <= time.GetUtcNow() ? "expired" : "open", t.SpentBy?.ToString())),
    ];

    private static HubModel[] Hubs(HubCore core) =>
    [
        .. core.Table.Hubs.OrderBy(h => h.Name, StringComparer.Ordinal).Select(h => new HubModel(
            h.Name, h.Mid.ToString(), h.Configured, core.Router.TryGetHub(h.Mid, out _), h.Record?.NodeAddresses ?? [], [.. h.Addresses],
            h.Record is null ? null : DateTimeOffset.FromUnixTimeMilliseconds((long)h.Record.Time))),
    ];

    private static LinkModel[] Links(HubCore core) =>
    [
        .. core.Router.Members.Select(m => Link("node", m, m.Attachment.Name, m.HomeHub.ToString(), null)),
        .. core.Router.Hubs.Select(h => Link("hub", h, core.Table.TryGet(h.Mid, out KnownHub? hub) ? hub.Name : "", null, h.InitiatedHere)),
    ];

    private static LinkModel Link(string role, Port port, string name, string? home, bool? initiatedHere) => new(
        role, port.Mid.ToString(), name, port.Link.RoundTrip.TotalMilliseconds, port.Link.QueuedBytes, port.FramesOut, port.BytesOut, port.FramesDropped, home, initiatedHere);

    private static Task RevokeAsync(HttpContext context, HubCore core)
    {
        if (!TryFind(context, core, out Participant participant))
        {
            return NoParticipant(context);
        }
        core.Revoke(participant.Mid);
        context.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    private static async Task SetQuotasAsync(HttpContext context, HubCore core)
    {
        QuotaModel? quotas = await context.Request.ReadFromJsonAsync(AdminJson.Default.QuotaModel, context.RequestAborted);
        if (quotas is null || quotas.BytesPerSecond is < 0 or (> 0 and < 16384) || quotas.Sessions is < 0 or > 65536 || quotas.OpensPerSecond is < 0 or > 1_000_000
            || quotas.QueueBytes is < 0 or (> 0 and < 131072))
        {
            await Problem(400, "invalid-quota",
                "bytesPerSecond (--bytes-per-second): 0 or at least 16384; sessions: 0 to 65536; opensPerSecond (--opens-per-second): 0 to 1000000; queueBytes (--queue-bytes): 0 or at least 131072; null (default) takes the hub's default.").ExecuteAsync(context);
        }
        else if (!TryFind(context, core, out Participant participant))
        {
            await NoParticipant(context);
        }
        else
        {
            core.SetQuotas(participant.Mid, new QuotaOverrides(quotas.BytesPerSecond, quotas.Sessions, quotas.OpensPerSecond, quotas.QueueBytes));
            context.Response.StatusCode = 204;
        }
    }

    private static async Task CreateTokenAsync(HttpContext context, HubServer server)
    {
        CreateTokenModel wish = context.Request.ContentLength is 0 || !context.Request.HasJsonContentType()
            ? new CreateTokenModel(null, null)
            : await context.Request.ReadFromJsonAsync(AdminJson.Default.CreateTokenModel, context.RequestAborted) ?? new CreateTokenModel(null, null);
        string? name = null;
        if (wish.Name is not null && !ParticipantName.TryNormalize(wish.Name, out name))
        {
            await Problem(400, "invalid-name", "name must be 1 to 63 characters of a-z, 0-9 and '-', not at either end.").ExecuteAsync(context);
            return;
        }
        if (wish.Hours is <= 0 or > 8760)
        {
            await Problem(400, "invalid-lifetime", "hours must be above 0 and at most 8760.").ExecuteAsync(context);
            return;
        }
        TimeSpan lifetime = wish.Hours is { } hours ? TimeSpan.FromHours(hours) : server.TokenLifetime;
        (IssuedToken token, string text) = server.Core.Directory.CreateToken(name, lifetime);
        await WriteAsync(context, 201, new NewTokenModel(token.Id, text, token.Name, token.ExpiresAt), AdminJson.Default.NewTokenModel);
    }

    private static Task DeleteTokenAsync(HttpContext context, HubCore core)
    {
        if (!core.Directory.DeleteToken((string)context.Request.RouteValues["id"]!))
        {
            return Problem(404, "unknown-token", "There is no token of that id.").ExecuteAsync(context);
        }
        context.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    // By mid, by name, or by full name.
    private static bool TryFind(HttpContext context, HubCore core, out Participant participant)
    {
        string who = (string)context.Request.RouteValues["who"]!;
        participant = null!;
        if (Mid.TryParse(who, out Mid mid) && core.Directory.TryGet(mid, out Participant? byMid))
        {
            participant = byMid;
            return true;
        }
        if (ParticipantName.TrySplit(who, out string? name, out string? hub) && (hub is null || hub == core.Name) && core.Directory.TryGet(name, out Participant? byName))
        {
            participant = byName;
            return true;
        }
        return false;
    }

    private static Task NoParticipant(HttpContext context) => Problem(404, "unknown-participant", "No participant of that name or mid is enrolled at this hub.").ExecuteAsync(context);

    private static QuotaModel ToModel(QuotaOverrides q) => new(q.BytesPerSecond, q.Sessions, q.OpensPerSecond, q.QueueBytes);

    private static QuotaModel ToModel(MemberQuotas q) => new(q.BytesPerSecond, q.Sessions, q.OpensPerSecond, q.QueueBytes);

    private static IResult Problem(int status, string code, string detail) =>
        Results.Problem(detail, statusCode: status, title: code, extensions: new Dictionary<string, object?> { ["code"] = code });

    private static Task WriteAsync<T>(HttpContext context, int status, T value, JsonTypeInfo<T> type)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(value, type, contentType: null, context.RequestAborted);
    }
}
