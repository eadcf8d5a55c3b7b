using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qanat.Client.Hosting;
using Qanat.Client.Http;
using Qanat.Client.Participants;
using Qanat.Client.Serving;
using Qanat.Tunnel;

namespace Qanat.Client;

/// <summary>Registers the participant and its HTTP clients.</summary>
public static class QanatServiceCollectionExtensions
{
    /// <summary>Name of the HTTP client that <see cref="AddQanatClient"/> registers with <see cref="IHttpClientFactory"/>.</summary>
    public const string HttpClientName = "qanat";

    /// <summary>
    /// Registers this program's <see cref="QanatParticipant"/>: one link for everything in the program. Options come from the configuration section
    /// <see cref="QanatOptions.Section"/>, then from <paramref name="configure"/>. May be called more than once.
    /// </summary>
    public static IServiceCollection AddQanat(this IServiceCollection services, Action<QanatOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (configure is not null)
        {
            services.Configure(configure);
        }
        if (services.Any(service => service.ServiceType == typeof(QanatParticipant)))
        {
            return services;
        }
        // Before what configure does, whatever was registered first.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<QanatOptions>>(provider => new ConfigureOptions<QanatOptions>(options =>
            provider.GetService<IConfiguration>()?.GetSection(QanatOptions.Section).Bind(options))));
        services.AddOptions<QanatOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<QanatOptions>, QanatOptionsValidator>());
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(new QanatServerOptions());
        services.TryAddSingleton<TunnelConnectionListenerFactory>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConnectionListenerFactory, TunnelConnectionListenerFactory>(
            provider => provider.GetRequiredService<TunnelConnectionListenerFactory>()));
        services.TryAddSingleton<ParticipantNames>();
        services.TryAddSingleton<ServiceGate>();
        services.TryAddSingleton<ParticipantTransportFactory>(provider => (options, acceptor) => EndpointTransport.Create(
            options, acceptor, provider.GetRequiredService<ILoggerFactory>(), provider.GetRequiredService<TimeProvider>(), provider.GetService<IMeterFactory>()));
        services.AddSingleton(provider =>
        {
            QanatOptions options = provider.GetRequiredService<IOptions<QanatOptions>>().Value;
            IParticipantTransport transport = provider.GetRequiredService<ParticipantTransportFactory>()(options, provider.GetRequiredService<ServiceGate>());
            return new QanatParticipant(transport, TimeSpan.FromSeconds(options.ConnectSeconds), provider.GetRequiredService<TimeProvider>());
        });
        services.AddHostedService<ParticipantService>();
        return services;
    }

    /// <summary>
    /// <see cref="AddQanat"/>, and an <see cref="HttpClient"/> named <see cref="HttpClientName"/> whose requests go to
    /// <c>http://SERVICE.PARTICIPANT.qanat/</c> through tunnels. Returns its builder, for a base address, resilience and the like.
    /// </summary>
    public static IHttpClientBuilder AddQanatClient(this IServiceCollection services, Action<QanatOptions>? configure = null) =>
        services.AddQanat(configure).AddHttpClient(HttpClientName).UseQanat();

    /// <summary>What <see cref="QanatWebHostExtensions"/> adds services to.</summary>
    internal static QanatServerOptions GetServed(this IServiceCollection services) =>
        (QanatServerOptions)services.Single(service => service.ServiceType == typeof(QanatServerOptions)).ImplementationInstance!;

    /// <summary>Sends the requests of a named or typed HTTP client through tunnels; needs <see cref="AddQanat"/>.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The factory owns the handler.")]
    public static IHttpClientBuilder UseQanat(this IHttpClientBuilder builder) =>
        builder.ConfigurePrimaryHttpMessageHandler(provider => new SocketsHttpHandler().UseQanat(provider.GetRequiredService<QanatParticipant>()));
}
