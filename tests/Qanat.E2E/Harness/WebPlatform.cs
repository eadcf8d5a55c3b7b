using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Qanat.E2E.Harness;

/// <summary>What an ordinary web server does: a short answer, large bodies both ways, a WebSocket.</summary>
internal static class WebPlatform
{
    private const int Block = 1 << 20;

    public static void Map(WebApplication app)
    {
        app.MapGet("/hello", static context => context.Response.WriteAsync("hello from hospital-b"));
        app.MapGet("/large", static context =>
        {
            long bytes = long.Parse(context.Request.Query["bytes"]!, CultureInfo.InvariantCulture);
            if (context.Request.Query["length"] == "known")
            {
                context.Response.ContentLength = bytes;
            }
            return WriteLargeAsync(context.Response.Body, bytes);
        });
        app.MapMethods("/large", ["POST", "PUT"], static async context =>
            await context.Response.WriteAsync(Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body, context.RequestAborted))));
        app.Map("/socket", EchoAsync);
    }

    /// <summary>The bytes of <c>/large</c>.</summary>
    public static async Task WriteLargeAsync(Stream destination, long bytes)
    {
        PatternStream pattern = new(42);
        byte[] block = new byte[Block];
        for (long left = bytes; left > 0; left -= Block)
        {
            Memory<byte> part = block.AsMemory(0, (int)Math.Min(left, Block));
            pattern.Fill(part.Span);
            await destination.WriteAsync(part);
        }
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync("echo");
        byte[] buffer = new byte[65536];
        while (await socket.ReceiveAsync(buffer, context.RequestAborted) is { MessageType: not WebSocketMessageType.Close } received)
        {
            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, context.RequestAborted);
        }
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", context.RequestAborted);
    }
}
