using System.Globalization;
using Qanat.Tls;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Gm;

/// <summary>What is told of a connection, as JSON or as lines for a person.</summary>
internal sealed record GmTlsReport
{
    public bool Ok { get; init; } = true;

    public required string Protocol { get; init; }

    public required string Suite { get; init; }

    public string? Group { get; init; }

    public string? Alpn { get; init; }

    public string? ServerName { get; init; }

    public required bool Resumed { get; init; }

    /// <summary>Certificates of the peer; null when it showed none.</summary>
    public GmTlsPeer? Peer { get; init; }

    /// <summary>Milliseconds of the handshake, the connection of TCP included for a client.</summary>
    public required double HandshakeMilliseconds { get; init; }

    public static GmTlsReport Of(SmSslStream stream, TimeSpan handshake) => new()
    {
        Protocol = stream.NegotiatedProtocol == SmProtocol.Tlcp ? "TLCP" : "TLS 1.3",
        Suite = stream.NegotiatedCipherSuite.Name(),
        Group = stream.NegotiatedGroup switch
        {
            NamedGroup.CurveSm2 => "curveSM2",
            NamedGroup.CurveSm2MlKem768 => "curveSM2MLKEM768",
            _ => null,
        },
        Alpn = stream.NegotiatedApplicationProtocol.Protocol.IsEmpty ? null : stream.NegotiatedApplicationProtocol.ToString(),
        ServerName = stream.TargetHostName,
        Resumed = stream.IsResumed,
        Peer = stream.RemoteCertificateChain is { } chain ? GmTlsPeer.Of(chain) : null,
        HandshakeMilliseconds = Math.Round(handshake.TotalMilliseconds, 2),
    };

    /// <summary>One line per fact.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Protocol} {Suite}{(Group is null ? "" : " " + Group)}{(Resumed ? ", resumed" : "")}, handshake {HandshakeMilliseconds.ToString(CultureInfo.InvariantCulture)} ms";
        yield return $"server name: {ServerName ?? "none"}, application protocol: {Alpn ?? "none"}";
        if (Peer is null)
        {
            yield return "the peer showed no certificate";
            yield break;
        }
        yield return $"peer: {Peer.Sign}, of {Peer.Issuer}, until {Peer.NotAfter:u}{(Peer.Encrypt is null ? "" : $"; encryption: {Peer.Encrypt}")}";
        yield return Peer.Verified ? "certificates: verified" : $"certificates: NOT VERIFIED: {string.Join("; ", Peer.Errors.Select(e => e.Message))}";
    }
}

/// <summary>A peer's certificates.</summary>
internal sealed record GmTlsPeer(string? Sign, string? Encrypt, string? Issuer, DateTimeOffset? NotAfter, bool Verified, IReadOnlyList<GmTlsChainError> Errors)
{
    public static GmTlsPeer Of(SmChainResult chain) => new(
        chain.SignCertificate?.ToString(), chain.EncryptCertificate?.ToString(), chain.SignCertificate?.Issuer.ToString(), chain.SignCertificate?.NotAfter,
        chain.IsValid, [.. chain.Failures.Select(f => new GmTlsChainError(f.Error, f.Message))]);
}

/// <summary>Why a chain is not good.</summary>
internal sealed record GmTlsChainError(SmChainError Error, string Message);
