using System.Security.Cryptography;
using Qanat.Tls.Certificates;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Sessions;

/// <summary>What both ends keep of a TLCP connection to resume it (GB/T 38636 section 6.4.5.2). Immutable but for <see cref="Dispose"/>, which zeroes the secret.</summary>
internal sealed class TlcpSession : IDisposable
{
    private readonly byte[] _masterSecret = GC.AllocateArray<byte>(TlcpKeySchedule.SecretLength, pinned: true);

    public TlcpSession(ReadOnlySpan<byte> id, SmCipherSuite suite, ReadOnlySpan<byte> masterSecret)
    {
        (Id, Suite) = (id.ToArray(), suite);
        masterSecret.CopyTo(_masterSecret);
    }

    public byte[] Id { get; }

    public SmCipherSuite Suite { get; }

    /// <summary>The peer's certificates; null when it showed none.</summary>
    public SmChainResult? PeerChain { get; init; }

    /// <summary>When it is of no use any more.</summary>
    public DateTimeOffset Expires { get; init; }

    public ReadOnlySpan<byte> MasterSecret => _masterSecret;

    /// <summary>A copy with its own secret, which stays when this one is zeroed.</summary>
    public TlcpSession Duplicate() => new(Id, Suite, _masterSecret) { PeerChain = PeerChain, Expires = Expires };

    public void Dispose() => CryptographicOperations.ZeroMemory(_masterSecret);
}

/// <summary>
/// Everything that decided whether the peer was believed. A session is resumed only where all of it is the same, or a lenient client or listener would lend its judgement to a
/// strict one with the same cache. Stores, credentials and callbacks are the same when they are the same objects.
/// </summary>
/// <param name="IsServer">Which end keeps the session.</param>
/// <param name="Trust">The authorities trusted.</param>
/// <param name="ChainOptions">The policy of validation.</param>
/// <param name="Validation">The application's word on it.</param>
/// <param name="Credential">The own certificates.</param>
/// <param name="ServerName">The host that the client asked for; another name is another session (RFC 6066 section 3).</param>
/// <param name="ClientCertificates">Whether clients are asked for certificates; a server's.</param>
internal sealed record TlcpSessionScope(
    bool IsServer, SmTrustStore? Trust, SmChainOptions? ChainOptions, SmRemoteCertificateValidationCallback? Validation, SmSslCredential? Credential,
    string? ServerName, SmClientCertificateMode ClientCertificates);
