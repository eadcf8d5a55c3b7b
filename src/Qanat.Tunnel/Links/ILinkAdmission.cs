using System.Net;
using System.Security.Cryptography;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Links;

/// <summary>Decides who may join. The link handshake has been verified before it is asked.</summary>
public interface ILinkAdmission
{
    /// <summary>Welcomes or refuses. Runs under the handshake deadline.</summary>
    ValueTask<LinkAdmission> AdmitAsync(LinkProof proof, CancellationToken cancellationToken);
}

/// <summary>What an initiator has proven (key, freshness, attachment) and what it claims beside.</summary>
public sealed class LinkProof
{
    private readonly byte[] _hello;
    private readonly byte[] _challenge;
    private readonly LinkProofMessage _message;

    internal LinkProof(byte[] hello, byte[] challenge, LinkHello decodedHello, LinkProofMessage message, IPAddress remoteAddress)
    {
        _hello = hello;
        _challenge = challenge;
        _message = message;
        SubjectPublicKeyInfo = decodedHello.SubjectPublicKeyInfo;
        PeerMid = Mid.FromSubjectPublicKeyInfo(decodedHello.SubjectPublicKeyInfo);
        Role = (LinkRole)decodedHello.Role;
        RemoteAddress = remoteAddress;
    }

    /// <summary>Proven: the initiator's mid.</summary>
    public Mid PeerMid { get; }

    /// <summary>Proven: its key (DER).</summary>
    public byte[] SubjectPublicKeyInfo { get; }

    /// <summary>What it says it is; allowed by the listener.</summary>
    public LinkRole Role { get; }

    /// <summary>When it attached, Unix milliseconds by its clock; within the clock bound.</summary>
    public ulong AttachmentTime => _message.AttachmentTime;

    /// <summary>Verified signature over <see cref="LinkTranscript.AttachmentStatement"/>: other hubs can verify it too.</summary>
    public byte[] AttachmentSignature => _message.AttachmentSignature;

    /// <summary>Claimed: id of an enrolment token; null when none. Look its secret up and call <see cref="VerifyToken"/>.</summary>
    public string? TokenId => _message.TokenId;

    /// <summary>Claimed: the name wished for. Not validated.</summary>
    public string? RequestedName => _message.RequestedName;

    /// <summary>Claimed: an encoded membership ticket. Not verified.</summary>
    public byte[]? Ticket => _message.Ticket;

    /// <summary>Claimed: an organisation certificate (DER). Not verified; its key must be <see cref="SubjectPublicKeyInfo"/>.</summary>
    public byte[]? OrganisationCertificate => _message.OrganisationCertificate;

    /// <summary>Where the connection came from.</summary>
    public IPAddress RemoteAddress { get; }

    /// <summary>True when the initiator proved, in this very handshake, that it has the secret of <see cref="TokenId"/>.</summary>
    public bool VerifyToken(ReadOnlySpan<byte> secret)
    {
        byte[] expected = LinkTranscript.EnrolmentMac(secret, _hello, _challenge);
        return _message.EnrolmentMac is not null && CryptographicOperations.FixedTimeEquals(expected, _message.EnrolmentMac);
    }
}

/// <summary>The verdict of <see cref="ILinkAdmission"/>; becomes WELCOME.</summary>
public sealed record LinkAdmission
{
    /// <summary><see cref="LinkRefusal.None"/> to welcome.</summary>
    public LinkRefusal Refusal { get; init; }

    /// <summary>A line for a person at the other end; no secret.</summary>
    public string Line { get; init; } = "";

    /// <summary>The member's directory name.</summary>
    public string? ParticipantName { get; init; }

    /// <summary>A new membership ticket.</summary>
    public byte[]? Ticket { get; init; }

    /// <summary>Signed hub records.</summary>
    public IReadOnlyList<byte[]> HubTable { get; init; } = [];

    /// <summary>Seconds between heartbeats, 1 to 3600, for both ends.</summary>
    public int HeartbeatSeconds { get; init; } = 5;

    /// <summary>This hub's name.</summary>
    public string? HubName { get; init; }

    /// <summary>Anything the admission wants to hand to the acceptor of the link (a directory entry); never sent.</summary>
    public object? State { get; init; }

    /// <summary>A refusal.</summary>
    public static LinkAdmission Refuse(LinkRefusal refusal, string line) => new() { Refusal = refusal, Line = line };
}

/// <summary>A link that a listener has accepted and welcomed; not started yet.</summary>
/// <param name="Link">The link; the receiver owns it.</param>
/// <param name="Proof">Who it is.</param>
/// <param name="Admission">The verdict it was welcomed with.</param>
public sealed record AcceptedLink(Link Link, LinkProof Proof, LinkAdmission Admission);
