using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qanat.Client.Participants;
using Qanat.Client.Serving;

namespace Qanat.Client.Tests;

/// <summary>An ASP.NET Core application served on a tunnel of the memory network.</summary>
internal sealed class ServedApp : IAsyncDisposable
{
    private ServedApp(WebApplication app) => App = app;

    internal WebApplication App { get; }

    internal MemoryNetwork.Member Member { get; private set; } = null!;

    internal static async Task<ServedApp> StartAsync(
        MemoryNetwork network, string name, Action<QanatServerOptions> serve, Action<WebApplication>? map = null, Action<WebApplicationBuilder>? more = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Qanat:Hubs:0:Url"] = "ws://127.0.0.1:7000",
            ["Qanat:StateFolder"] = "unused",
        });
        MemoryNetwork.Member? member = null;
        builder.Services.AddSingleton<ParticipantTransportFactory>((_, acceptor) => member = network.Join(name, acceptor));
        builder.WebHost.UseQanat(serve);
        more?.Invoke(builder);
        WebApplication app = builder.Build();
        app.MapGet("/who", context => context.Response.WriteAsync($"{context.GetQanatPeer()?.PeerMid.ToString() ?? "nobody"} {context.GetQanatPeer()?.Service}"));
        app.MapPost("/echo", async context =>
        {
            // Whole, then back: HttpClient reads no answer before it has sent an HTTP/1.1 request.
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.Body.WriteAsync(body.ToArray());
        });
        map?.Invoke(app);
        await app.StartAsync();
        return new ServedApp(app) { Member = member! };
    }

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
    }
}
