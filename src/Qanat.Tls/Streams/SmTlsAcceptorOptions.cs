using System.Net.Security;

namespace Qanat.Tls;

/// <summary>What a server on one port speaks; see <see cref="SmTlsAcceptor"/>. At least one of the two must be set.</summary>
public sealed class SmTlsAcceptorOptions
{
    /// <summary>For clients of TLCP and TLS 1.3 with SM suites; null: they are refused.</summary>
    public SmSslServerAuthenticationOptions? Sm { get; set; }

    /// <summary>For clients of ordinary TLS, served by .NET's <see cref="SslStream"/>; null: they are refused.</summary>
    public SslServerAuthenticationOptions? Ordinary { get; set; }

    /// <summary>For TLS 1.3 clients that offer SM suites and ordinary ones, when both are served: true, the default, takes SM.</summary>
    public bool PreferSm { get; set; } = true;

    /// <summary>The clock of the limit below.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>How long the ClientHello may take, and after it each handshake of ordinary TLS. SM handshakes have their own limit. Default 10 seconds.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Checks that the options agree with each other.</summary>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>; the message begins with the property and says what to set.</exception>
    public void Validate()
    {
        if (Sm is null && Ordinary is null)
        {
            throw new SmTlsException(SmTlsError.InvalidOptions, $"{nameof(Sm)} and {nameof(Ordinary)} are both null; set one of them, or both.");
        }
        Sm?.Validate();
        if (Ordinary is { ServerCertificate: null, ServerCertificateContext: null, ServerCertificateSelectionCallback: null })
        {
            throw new SmTlsException(SmTlsError.InvalidOptions, $"{nameof(Ordinary)} has no certificate; set {nameof(Ordinary.ServerCertificate)}, or leave {nameof(Ordinary)} null.");
        }
        if (TimeProvider is null)
        {
            throw new SmTlsException(SmTlsError.InvalidOptions, $"{nameof(TimeProvider)} is null; set TimeProvider.System.");
        }
        if (HandshakeTimeout != Timeout.InfiniteTimeSpan && (HandshakeTimeout <= TimeSpan.Zero || HandshakeTimeout.TotalMilliseconds > int.MaxValue))
        {
            throw new SmTlsException(SmTlsError.InvalidOptions, $"{nameof(HandshakeTimeout)} is {HandshakeTimeout}; set a time above zero, of at most 24 days, or Timeout.InfiniteTimeSpan.");
        }
    }
}
