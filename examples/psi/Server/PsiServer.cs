using System.Globalization;
using System.Net;
using System.Text.Json;
using Psi.Crypto;
using Psi.Data;
using Psi.Protocol;

namespace Psi.Server;

/// <summary>The serving party: an ASP.NET Core application like any other.</summary>
internal static class PsiServer
{
    private const string Binary = "application/octet-stream";

    /// <summary>Builds the application; it listens where <paramref name="listen"/> says (port 0: any free one).</summary>
    internal static WebApplication Build(Records records, IPEndPoint listen)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(listen);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = Batches.MaxSize * Ristretto.PointBytes;
        });
        WebApplication app = builder.Build();
        Map(app, new SessionTable(records, TimeProvider.System));
        return app;
    }

    private static void Map(WebApplication app, SessionTable table)
    {
        app.Use(AnswerFaults);
        app.MapGet("/healthz", context => context.Response.WriteAsync("ok"));
        app.MapPost("/psi/sessions", async context =>
        {
            SessionRequest request = await ReadRequestAsync(context) ?? throw ProtocolFault.Malformed("The run is not described.");
            PsiSession session = table.Open(request);
            context.Response.StatusCode = StatusCodes.Status201Created;
            await context.Response.WriteAsJsonAsync(new SessionReply(session.Id, table.Ids, session.PublicKey), PsiJson.Default.SessionReply);
        });
        app.MapDelete("/psi/sessions/{id}", context =>
        {
            table.Close((string)context.Request.RouteValues["id"]!);
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        });
        app.MapPut("/psi/sessions/{id}/blinded/{batch:int}", async context =>
        {
            using PsiSession session = Find(context, table);
            int batch = Batch(context);
            byte[] body = await ReadAsync(context, session.BlindedBytes(batch));
            session.Receive(batch, body, ContentDigest.Of(body));
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        });
        app.MapGet("/psi/sessions/{id}/evaluated/{batch:int}", async context =>
        {
            using PsiSession session = Find(context, table);
            await WriteAsync(context, session.Evaluated(Batch(context)));
        });
        app.MapGet("/psi/sessions/{id}/items/{batch:int}", async context =>
        {
            using PsiSession session = Find(context, table);
            await WriteAsync(context, session.Items(Batch(context)));
        });
        app.MapPost("/psi/sessions/{id}/sum", async context =>
        {
            using PsiSession session = Find(context, table);
            await WriteAsync(context, session.Sum(await ReadAsync(context, SumCipher.CiphertextBytes)));
        });
    }

    private static PsiSession Find(HttpContext context, SessionTable table) => table.Find((string?)context.Request.RouteValues["id"]);

    private static int Batch(HttpContext context) => int.Parse((string)context.Request.RouteValues["batch"]!, CultureInfo.InvariantCulture);

    private static async Task<SessionRequest?> ReadRequestAsync(HttpContext context)
    {
        try
        {
            return await context.Request.ReadFromJsonAsync(PsiJson.Default.SessionRequest, context.RequestAborted);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw ProtocolFault.Malformed("The run is not described in JSON.");
        }
    }

    /// <summary>Reads a body of an exact length whose digest must match.</summary>
    private static async Task<byte[]> ReadAsync(HttpContext context, int length)
    {
        if (context.Request.ContentLength is long told && told != length)
        {
            throw ProtocolFault.Malformed($"The body has {told} bytes, {length} are due.");
        }
        byte[] body = new byte[length];
        int read = await context.Request.Body.ReadAtLeastAsync(body, length, throwOnEndOfStream: false, context.RequestAborted);
        if (read != length || await context.Request.Body.ReadAsync(new byte[1], context.RequestAborted) != 0)
        {
            throw ProtocolFault.Malformed($"The body does not have the {length} bytes that are due.");
        }
        return ContentDigest.Matches(context.Request.Headers[ContentDigest.Header], body)
            ? body
            : throw ProtocolFault.Malformed("The body does not match its Content-Digest.");
    }

    private static async Task WriteAsync(HttpContext context, byte[] body)
    {
        context.Response.ContentType = Binary;
        context.Response.ContentLength = body.Length;
        context.Response.Headers[ContentDigest.Header] = ContentDigest.Of(body);
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static async Task AnswerFaults(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (ProtocolFault fault) when (!context.Response.HasStarted)
        {
            context.Response.StatusCode = fault.Status;
            context.Response.ContentType = "application/problem+json";
            await context.Response.WriteAsync($$"""{"status":{{fault.Status}},"code":"{{fault.Code}}","detail":"{{JsonEncodedText.Encode(fault.Message)}}"}""");
        }
    }
}
