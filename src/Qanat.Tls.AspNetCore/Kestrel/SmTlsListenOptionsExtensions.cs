using System.Net.Security;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Qanat.Tls.AspNetCore;

/// <summary>Serves HTTP over TLCP and TLS 1.3 with SM suites on a port of Kestrel.</summary>
public static class SmTlsListenOptionsExtensions
{
    /// <summary>
    /// Speaks TLCP and TLS 1.3-SM on this port. HTTP/1.1 and HTTP/2 are agreed on by ALPN, as <see cref="ListenOptions.Protocols"/> says, unless
    /// <see cref="SmSslAuthenticationOptions.ApplicationProtocols"/> is set.
    /// <code>kestrel.ListenAnyIP(8443, listen => listen.UseSmTls(new SmSslServerAuthenticationOptions { Credential = credential }));</code>
    /// </summary>
    /// <param name="listenOptions">The port.</param>
    /// <param name="options">Certificates and policy; copied.</param>
    /// <returns>The port's options.</returns>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>.</exception>
    public static ListenOptions UseSmTls(this ListenOptions listenOptions, SmSslServerAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return listenOptions.UseSmTls(acceptor => acceptor.Sm = options);
    }

    /// <summary>Speaks TLCP, TLS 1.3-SM and ordinary TLS on this port, as far as they are set up; see <see cref="SmTlsAcceptor"/>.</summary>
    /// <param name="listenOptions">The port.</param>
    /// <param name="configure">Sets up what is spoken.</param>
    /// <returns>The port's options.</returns>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>.</exception>
    public static ListenOptions UseSmTls(this ListenOptions listenOptions, Action<SmTlsAcceptorOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        ArgumentNullException.ThrowIfNull(configure);
        SmTlsAcceptorOptions options = new();
        configure(options);
        List<SslApplicationProtocol> protocols = Protocols(listenOptions.Protocols);
        if (options.Sm is { ApplicationProtocols: null } sm)
        {
            options.Sm = sm.Clone();
            options.Sm.ApplicationProtocols = protocols;
        }
        if (options.Ordinary is { ApplicationProtocols: null } ordinary)
        {
            ordinary.ApplicationProtocols = protocols;
        }
        ILogger logger = (listenOptions.ApplicationServices?.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger("Qanat.Tls");
        SmTlsAcceptor acceptor = new(options);
        listenOptions.Use(next => new SmTlsConnectionMiddleware(next, acceptor, logger).OnConnectionAsync);
        return listenOptions;
    }

    private static List<SslApplicationProtocol> Protocols(HttpProtocols protocols)
    {
        List<SslApplicationProtocol> list = [];
        if (protocols.HasFlag(HttpProtocols.Http2))
        {
            list.Add(SslApplicationProtocol.Http2);
        }
        if (protocols.HasFlag(HttpProtocols.Http1))
        {
            list.Add(SslApplicationProtocol.Http11);
        }
        return list;
    }
}
