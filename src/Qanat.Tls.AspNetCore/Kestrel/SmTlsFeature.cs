using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.AspNetCore;

/// <summary>What a handler can ask about a connection of TLCP or TLS 1.3-SM: <c>context.Features.Get&lt;ISmTlsFeature&gt;()</c>. Absent on other connections.</summary>
public interface ISmTlsFeature
{
    /// <summary>TLCP or TLS 1.3.</summary>
    SmProtocol Protocol { get; }

    /// <summary>The suite agreed on.</summary>
    SmCipherSuite CipherSuite { get; }

    /// <summary>The name that the client asked for.</summary>
    string? ServerName { get; }

    /// <summary>The client's certificates; null when it showed none. <see cref="SmChainResult.SignCertificate"/> says who it is.</summary>
    SmChainResult? ClientCertificates { get; }

    /// <summary>True when an earlier session was resumed.</summary>
    bool IsResumed { get; }
}

/// <summary>The features of a connection that Kestrel and applications look for.</summary>
internal sealed class SmTlsFeature(SmTlsConnection connection) : ISmTlsFeature, ITlsConnectionFeature, ITlsHandshakeFeature, ITlsApplicationProtocolFeature
{
    private X509Certificate2? _clientCertificate = connection.Ordinary?.RemoteCertificate as X509Certificate2;

    SmProtocol ISmTlsFeature.Protocol => connection.Sm?.NegotiatedProtocol ?? SmProtocol.None;

    public SmCipherSuite CipherSuite => connection.Sm?.NegotiatedCipherSuite ?? SmCipherSuite.None;

    public string? ServerName => connection.Sm?.TargetHostName;

    public SmChainResult? ClientCertificates => connection.Sm?.RemoteCertificateChain;

    public bool IsResumed => connection.Sm?.IsResumed ?? false;

    // .NET's type knows no SM2 keys; those certificates are in ISmTlsFeature.
    public X509Certificate2? ClientCertificate
    {
        get => _clientCertificate;
        set => _clientCertificate = value;
    }

    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(_clientCertificate);

    // HTTP/2 asks for TLS 1.2 or newer (RFC 9113 section 9.2). TLCP has no number there; it is closest to TLS 1.2.
    public SslProtocols Protocol => connection.Sm is { } sm ? (sm.NegotiatedProtocol == SmProtocol.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12) : connection.Ordinary!.SslProtocol;

    public TlsCipherSuite? NegotiatedCipherSuite => connection.Sm is { } sm ? (TlsCipherSuite)sm.NegotiatedCipherSuite : connection.Ordinary!.NegotiatedCipherSuite;

    public string HostName => connection.Sm is { } sm ? sm.TargetHostName ?? "" : connection.Ordinary!.TargetHostName;

    public ReadOnlyMemory<byte> ApplicationProtocol => (connection.Sm is { } sm ? sm.NegotiatedApplicationProtocol : connection.Ordinary!.NegotiatedApplicationProtocol).Protocol;

#pragma warning disable SYSLIB0058 // the interface still has them
    public CipherAlgorithmType CipherAlgorithm => CipherAlgorithmType.None;

    public int CipherStrength => 128;

    public HashAlgorithmType HashAlgorithm => HashAlgorithmType.None;

    public int HashStrength => 0;

    public ExchangeAlgorithmType KeyExchangeAlgorithm => ExchangeAlgorithmType.None;

    public int KeyExchangeStrength => 0;
#pragma warning restore SYSLIB0058
}
