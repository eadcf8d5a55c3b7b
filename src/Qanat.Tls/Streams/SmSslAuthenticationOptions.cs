using System.Net.Security;
using Qanat.Tls.Certificates;

namespace Qanat.Tls;

/// <summary>Decides whether a peer's certificates are taken.</summary>
/// <param name="result">What validation found; <see cref="SmChainResult.Failures"/> has every reason to refuse.</param>
/// <returns>True to go on although validation may have failed; false to end the handshake although it may have succeeded.</returns>
public delegate bool SmRemoteCertificateValidationCallback(SmChainResult result);

/// <summary>
/// What clients and servers set alike. The shape is that of .NET's <c>SslStream</c> options. A handshake takes a copy when it starts; the objects inside may be shared by connections.
/// </summary>
public abstract class SmSslAuthenticationOptions
{
    /// <summary>Least <see cref="MaxHandshakeBytes"/>: the messages of a mutual handshake with short chains fit.</summary>
    public const int MinHandshakeBytes = 8 * 1024;

    private protected SmSslAuthenticationOptions()
    {
    }

    private protected SmSslAuthenticationOptions(SmSslAuthenticationOptions other)
    {
        CipherSuites = other.CipherSuites is null ? null : [.. other.CipherSuites];
        Groups = other.Groups is null ? null : [.. other.Groups];
        ApplicationProtocols = other.ApplicationProtocols is null ? null : [.. other.ApplicationProtocols];
        (Trust, ChainOptions, VerifiedChainCache) = (other.Trust, other.ChainOptions, other.VerifiedChainCache);
        RemoteCertificateValidationCallback = other.RemoteCertificateValidationCallback;
        (AllowResumption, TlcpSessions) = (other.AllowResumption, other.TlcpSessions);
        KeyLog = other.KeyLog;
        TimeProvider = other.TimeProvider;
        HandshakeTimeout = other.HandshakeTimeout;
        MaxHandshakeBytes = other.MaxHandshakeBytes;
    }

    /// <summary>Suites in order of preference; null: all of the protocol that this end can do, those with SM4-GCM first.</summary>
    public IReadOnlyList<SmCipherSuite>? CipherSuites { get; set; }

    /// <summary>Groups of TLS 1.3 in order of preference: <see cref="NamedGroup.CurveSm2"/>, <see cref="NamedGroup.CurveSm2MlKem768"/>. Null: both. TLCP has only its own curve.</summary>
    public IReadOnlyList<NamedGroup>? Groups { get; set; }

    /// <summary>Application protocols in order of preference (RFC 7301); null or empty: none is offered and none is required.</summary>
    public IReadOnlyList<SslApplicationProtocol>? ApplicationProtocols { get; set; }

    /// <summary>The authorities that peers' certificates must lead to.</summary>
    public SmTrustStore? Trust { get; set; }

    /// <summary>Bounds and policy of validation; null: the defaults.</summary>
    public SmChainOptions? ChainOptions { get; set; }

    /// <summary>Where good chains are remembered, so that a peer that comes again costs less; null: nowhere.</summary>
    public SmVerifiedChainCache? VerifiedChainCache { get; set; }

    /// <summary>
    /// The last word on a peer's certificates, asked when the peer has proven that it has their key; null: a chain with any failure is refused.
    /// </summary>
    public SmRemoteCertificateValidationCallback? RemoteCertificateValidationCallback { get; set; }

    /// <summary>Whether sessions are remembered and resumed, where there is a place to remember them. Default true.</summary>
    public bool AllowResumption { get; set; } = true;

    /// <summary>Where sessions of TLCP are remembered, for all connections that share it; null, the default: nowhere, so none is resumed.</summary>
    public SmTlcpSessionCache? TlcpSessions { get; set; }

    /// <summary>
    /// Takes lines of an NSS key log, <see cref="SmKeyLog.Append"/> for instance. <b>Whoever sees them can read the connection.</b> Null, the default: no secret leaves the connection.
    /// </summary>
    public Action<string>? KeyLog { get; set; }

    /// <summary>The clock of certificates, sessions and time limits.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>How long the whole handshake may take, the first byte included. Default 10 seconds; <see cref="Timeout.InfiniteTimeSpan"/>: no limit.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Most bytes that are read from the peer before the handshake is done. Default 256 KiB.</summary>
    public int MaxHandshakeBytes { get; set; } = 256 * 1024;

    /// <summary>Checks that the options agree with each other and with the standards. Called by every handshake.</summary>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>; the message begins with the property and says what to set.</exception>
    public virtual void Validate()
    {
        RequireDistinct(CipherSuites, nameof(CipherSuites), suite => SmCipherSuites.IsKnown((ushort)suite), suite => suite.Name());
        RequireDistinct(Groups, nameof(Groups), group => group is NamedGroup.CurveSm2 or NamedGroup.CurveSm2MlKem768, group => group.ToString());
        RequireDistinct(ApplicationProtocols, nameof(ApplicationProtocols), protocol => protocol.Protocol.Length is > 0 and <= byte.MaxValue, protocol => protocol.ToString());
        if (TimeProvider is null)
        {
            throw Invalid(nameof(TimeProvider), "is null; set TimeProvider.System");
        }
        if (HandshakeTimeout != Timeout.InfiniteTimeSpan && (HandshakeTimeout <= TimeSpan.Zero || HandshakeTimeout.TotalMilliseconds > int.MaxValue))
        {
            throw Invalid(nameof(HandshakeTimeout), $"is {HandshakeTimeout}; set a time above zero, of at most 24 days, or Timeout.InfiniteTimeSpan");
        }
        if (MaxHandshakeBytes < MinHandshakeBytes)
        {
            throw Invalid(nameof(MaxHandshakeBytes), $"is {MaxHandshakeBytes}; set {MinHandshakeBytes} or more");
        }
    }

    /// <summary>The judge of the peer's certificates.</summary>
    internal SmChainValidator CreateValidator() => new(Trust ?? new SmTrustStore([]), ChainOptions, VerifiedChainCache);

    private protected static SmTlsException Invalid(string property, string what) => new(SmTlsError.InvalidOptions, $"{property} {what}.");

    private protected void RequireSuiteOf(SmProtocol protocol)
    {
        if (CipherSuites is not null && !CipherSuites.Any(suite => suite.Protocol() == protocol))
        {
            throw Invalid(nameof(CipherSuites), $"has no suite of {protocol}; add one ({(protocol == SmProtocol.Tlcp ? "ECC_SM4_GCM_SM3" : "TLS_SM4_GCM_SM3")}), or leave it null for all");
        }
    }

    private static void RequireDistinct<T>(IReadOnlyList<T>? list, string property, Func<T, bool> isKnown, Func<T, string> name)
    {
        if (list is null)
        {
            return;
        }
        if (list.Count == 0 && typeof(T) != typeof(SslApplicationProtocol))
        {
            throw Invalid(property, "is empty, so nothing could be agreed on; leave it null for the defaults");
        }
        HashSet<T> seen = [];
        foreach (T one in list)
        {
            if (!isKnown(one))
            {
                throw Invalid(property, $"has '{name(one)}', which is not supported here; remove it");
            }
            if (!seen.Add(one))
            {
                throw Invalid(property, $"has '{name(one)}' twice; remove one");
            }
        }
    }
}
