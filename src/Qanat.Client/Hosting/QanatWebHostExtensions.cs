using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Qanat.Client.Serving;
using Qanat.Tunnel;

namespace Qanat.Client;

/// <summary>Serves an ASP.NET Core application on tunnels.</summary>
public static class QanatWebHostExtensions
{
    /// <summary>
    /// Serves the application as one service on this participant's tunnels, with no port. Kestrel opens no other endpoint unless it is told to in code.
    /// Options come from the configuration section <see cref="QanatOptions.Section"/>.
    /// </summary>
    /// <param name="builder">The host.</param>
    /// <param name="service">Service name; peers write <c>http://SERVICE.PARTICIPANT.qanat/</c>.</param>
    /// <param name="allow">Who may use it: participant names, mids, or <c>*</c>. Nobody when empty.</param>
    public static IWebHostBuilder UseQanat(this IWebHostBuilder builder, string service, params string[] allow) =>
        builder.UseQanat(served => served.AddService(service, allow));

    /// <summary>Serves the application as any number of services on this participant's tunnels.</summary>
    /// <param name="builder">The host.</param>
    /// <param name="serve">Names the services and who may use them.</param>
    /// <param name="configure">Changes what the configuration section <see cref="QanatOptions.Section"/> says.</param>
    public static IWebHostBuilder UseQanat(this IWebHostBuilder builder, Action<QanatServerOptions> serve, Action<QanatOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(serve);
        return builder.ConfigureServices(services =>
        {
            services.AddQanat(configure);
            QanatServerOptions served = services.GetServed();
            HashSet<string> before = [.. served.Services.Keys];
            serve(served);
            KeyValuePair<string, ServedService>[] added = [.. served.Services.Where(service => !before.Contains(service.Key))];
            services.Configure<KestrelServerOptions>(kestrel =>
            {
                foreach ((string name, ServedService service) in added)
                {
                    kestrel.Listen(new QanatServiceEndPoint(name), endpoint => endpoint.Protocols = service.Protocols);
                }
            });
        });
    }

    /// <summary>
    /// Who sent a request that came through a tunnel: the mid that layer-2 TLS proved, and the name for display. Null for a request that came
    /// another way.
    /// </summary>
    public static ITunnelPeerFeature? GetQanatPeer(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Features.Get<ITunnelPeerFeature>();
    }
}
