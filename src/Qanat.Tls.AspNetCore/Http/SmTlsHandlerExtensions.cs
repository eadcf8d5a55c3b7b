using System.Net.Security;

namespace Qanat.Tls.AspNetCore;

/// <summary>Sends the requests of an HTTP client over TLCP or TLS 1.3-SM.</summary>
public static class SmTlsHandlerExtensions
{
    /// <summary>
    /// Makes every <c>https</c> connection of the handler one of TLCP or TLS 1.3 with SM suites. HTTP/1.1, HTTP/2 (by ALPN), cookies, redirects and WebSocket work as ever; <c>http</c>
    /// addresses are refused, so that nothing is sent unprotected by mistake. Switches the handler's proxy off.
    /// <code>using HttpClient client = new(new SocketsHttpHandler().UseSmTls(new() { Protocol = SmProtocol.Tlcp, Trust = trust }));</code>
    /// </summary>
    /// <param name="handler">A handler that has not sent a request yet.</param>
    /// <param name="options">
    /// What is wanted. Copied for each connection; <see cref="SmSslClientAuthenticationOptions.TargetHost"/> is the address's host unless it is set, and
    /// <see cref="SmSslAuthenticationOptions.ApplicationProtocols"/> those of the request's HTTP version.
    /// </param>
    /// <returns>The handler.</returns>
    public static SocketsHttpHandler UseSmTls(this SocketsHttpHandler handler, SmSslClientAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(options);
        handler.UseProxy = false;
        handler.ConnectCallback = async (context, cancellationToken) =>
        {
            HttpRequestMessage request = context.InitialRequestMessage;
            if (request.RequestUri?.Scheme is not ("https" or "wss"))
            {
                throw new SmTlsException(SmTlsError.InvalidOptions, $"'{request.RequestUri}' is no https address; this client sends nothing without TLCP or TLS.");
            }
            SmSslClientAuthenticationOptions wanted = options.Clone();
            // The cases in which the client's pool tries HTTP/2.
            bool maybeHttp2 = request.Version.Major >= 2 || request.VersionPolicy == HttpVersionPolicy.RequestVersionOrHigher;
            wanted.ApplicationProtocols ??= maybeHttp2 ? [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11] : [SslApplicationProtocol.Http11];
            SmSslStream stream = await SmTlsDialer.ConnectAsync(context.DnsEndPoint, wanted, cancellationToken).ConfigureAwait(false);
            return await SmHttpStream.CreateAsync(stream, saysProtocol: maybeHttp2).ConfigureAwait(false);
        };
        return handler;
    }

    /// <summary>What went wrong in TLCP or TLS when a request failed; <see cref="SmTlsError.None"/> when it was something else.</summary>
    public static SmTlsError GetSmTlsError(this HttpRequestException exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is SmTlsException tls)
            {
                return tls.Error;
            }
        }
        return SmTlsError.None;
    }
}
