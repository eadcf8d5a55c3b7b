using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Qanat.E2E.Harness;

/// <summary>A platform's own web server on a loopback port: ordinary Kestrel, knows nothing of Qanat.</summary>
internal sealed class Backend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Backend(WebApplication app) => _app = app;

    public int Port { get; private set; }

    public static async Task<Backend> StartAsync(Action<WebApplication> map, HttpProtocols protocols = HttpProtocols.Http1, Action<IServiceCollection>? services = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        services?.Invoke(builder.Services);
        builder.WebHost.ConfigureKestrel(o =>
        {
            o.ListenLocalhostPort(protocols);
            o.Limits.MaxRequestBodySize = null;
            o.Limits.MinRequestBodyDataRate = null;
            o.Limits.MinResponseDataRate = null;
        });
        WebApplication app = builder.Build();
        app.UseWebSockets();
        map(app);
        await app.StartAsync();
        string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new Backend(app) { Port = new Uri(address).Port };
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}

internal static class KestrelExtensions
{
    public static void ListenLocalhostPort(this KestrelServerOptions options, HttpProtocols protocols) =>
        options.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = protocols);
}
