using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Qanat.Hub.Mesh;
using Qanat.Hub.Quotas;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Membership;

/// <summary>What a node has shown. Possession of its key has been proven already.</summary>
internal sealed record AdmissionRequest
{
    public required Mid Mid { get; init; }
    public required byte[] SubjectPublicKeyInfo { get; init; }
    public string? TokenId { get; init; }

    /// <summary>Does the enrolment MAC hold under this secret?</summary>
    public Func<byte[], bool> ProvesToken { get; init; } = _ => false;

    public string? RequestedName { get; init; }
    public byte[]? Ticket { get; init; }
    public byte[]? OrganisationCertificate { get; init; }
}

/// <summary>The verdict on a node.</summary>
internal sealed record AdmissionResult
{
    public LinkRefusal Refusal { get; init; }

    /// <summary>A line for a person when refused.</summary>
    public string Line { get; init; } = "";

    /// <summary>Full name <c>participant.hub</c>.</summary>
    public string FullName { get; init; } = "";

    /// <summary>Whose member it is.</summary>
    public Mid HomeHub { get; init; }

    /// <summary>Quotas in force.</summary>
    public MemberQuotas Quotas { get; init; } = MemberQuotas.Unlimited;

    /// <summary>A roaming member's ticket; null for own members.</summary>
    public byte[]? GuestTicket { get; init; }

    public static AdmissionResult Refuse(LinkRefusal refusal, string line) => new() { Refusal = refusal, Line = line };
}

/// <summary>
/// Decides which nodes may link: own members; members of other trusted hubs by their ticket; newcomers by a one-time token or a certificate of the
/// organisation CA. Fails closed. Thread-safe.
/// </summary>
internal sealed class MemberAdmission(
    string hubName, Mid hubMid, MemberDirectory directory, HubTable hubs, Func<MemberQuotas> defaults, X509Certificate2Collection organisationCas,
    TimeProvider time, ILogger logger)
{
    /// <summary>The verdict on a node.</summary>
    public AdmissionResult Admit(AdmissionRequest request)
    {
        AdmissionResult result = Decide(request);
        if (result.Refusal != LinkRefusal.None)
        {
            logger.MemberRefused(request.Mid, result.Refusal.ToString(), result.Line);
        }
        return result;
    }

    private AdmissionResult Decide(AdmissionRequest request)
    {
        if (directory.TryGet(request.Mid, out Participant? known))
        {
            return Own(known);
        }
        AdmissionResult? refused = null;
        if (request.Ticket is not null)
        {
            AdmissionResult guest = ByTicket(request.Mid, request.Ticket);
            if (guest.Refusal is LinkRefusal.None or LinkRefusal.Revoked)
            {
                return guest;
            }
            refused = guest;
        }
        try
        {
            if (request.TokenId is not null)
            {
                return Enrolled(directory.EnrolWithToken(request.Mid, request.SubjectPublicKeyInfo, request.TokenId, request.RequestedName, request.ProvesToken));
            }
            if (request.OrganisationCertificate is not null && organisationCas.Count > 0)
            {
                return ByCertificate(request, request.OrganisationCertificate);
            }
        }
        catch (DirectoryUnavailableException e)
        {
            logger.DirectoryUnavailable(e.Message);
            return AdmissionResult.Refuse(LinkRefusal.Busy, "This hub cannot enrol new members now: its directory cannot be written. Ask its operator to free disk space.");
        }
        return refused ?? AdmissionResult.Refuse(LinkRefusal.NotEnrolled,
            "This key is not enrolled here. Set an enrolment token ('qanat hub token create' at the hub makes one).");
    }

    private AdmissionResult Own(Participant participant) => participant.Active
        ? new AdmissionResult
        {
            FullName = $"{participant.Name}.{hubName}",
            HomeHub = hubMid,
            Quotas = participant.Quotas.Over(defaults()),
        }
        : AdmissionResult.Refuse(LinkRefusal.Revoked, "This member was revoked.");

    private AdmissionResult Enrolled(EnrolmentResult result)
    {
        if (result.Participant is null)
        {
            return AdmissionResult.Refuse(result.Code, result.Refusal!);
        }
        logger.MemberEnrolled(result.Participant.Name, result.Participant.Mid, result.Participant.EnrolledBy);
        return Own(result.Participant);
    }

    private AdmissionResult ByTicket(Mid mid, byte[] encoded)
    {
        if (!MembershipTicket.TryDecodeUnverified(encoded, out MembershipTicket claimed))
        {
            return AdmissionResult.Refuse(LinkRefusal.InvalidTicket, "The membership ticket is damaged.");
        }
        if (claimed.HomeHub == hubMid)
        {
            return AdmissionResult.Refuse(LinkRefusal.NotEnrolled, "This hub has no such member. Enrol again with a token.");
        }
        if (!hubs.TryGet(claimed.HomeHub, out KnownHub? home) || home.Record is null)
        {
            return AdmissionResult.Refuse(LinkRefusal.InvalidTicket, "The ticket is of a hub that this hub does not know or trust.");
        }
        if (!MembershipTicket.TryVerify(encoded, home.Record.SubjectPublicKeyInfo, out MembershipTicket ticket) || ticket.Member != mid
            || !ParticipantName.TryNormalize(ticket.Name, out string? name))
        {
            return AdmissionResult.Refuse(LinkRefusal.InvalidTicket, "The membership ticket does not hold for this key.");
        }
        if (directory.IsRevokedBy(mid, claimed.HomeHub))
        {
            return AdmissionResult.Refuse(LinkRefusal.Revoked, "This member was revoked by its home hub.");
        }
        if (ticket.Expires <= (ulong)time.GetUtcNow().ToUnixTimeMilliseconds())
        {
            return AdmissionResult.Refuse(LinkRefusal.InvalidTicket, "The membership ticket has expired; link to the home hub once to renew it.");
        }
        // The home hub may tighten what a guest may use, never loosen what this hub grants.
        MemberQuotas mine = defaults();
        return new AdmissionResult
        {
            FullName = $"{name}.{home.Name}",
            HomeHub = claimed.HomeHub,
            Quotas = mine with
            {
                BytesPerSecond = Tighter(mine.BytesPerSecond, (long)Math.Min(ticket.BytesPerSecond, long.MaxValue)),
                Sessions = (int)Tighter(mine.Sessions, ticket.MaxSessions),
                OpensPerSecond = (int)Tighter(mine.OpensPerSecond, ticket.OpensPerSecond),
            },
            GuestTicket = encoded,
        };
    }

    private AdmissionResult ByCertificate(AdmissionRequest request, byte[] der)
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
            using X509Chain chain = new();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(organisationCas);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.DisableCertificateDownloads = true;
            chain.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
            if (Mid.FromSubjectPublicKeyInfo(certificate.PublicKey.ExportSubjectPublicKeyInfo()) != request.Mid || !chain.Build(certificate))
            {
                return AdmissionResult.Refuse(LinkRefusal.UntrustedCertificate, "The organisation certificate is not for this key, is out of date, or not of this hub's CA.");
            }
            string name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            return Enrolled(directory.EnrolWithCertificate(request.Mid, request.SubjectPublicKeyInfo, name, ParticipantName.ForDisplay(certificate.Subject)));
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            return AdmissionResult.Refuse(LinkRefusal.UntrustedCertificate, "The organisation certificate is damaged.");
        }
    }

    private static long Tighter(long mine, long ticket) => mine == 0 ? ticket : ticket == 0 ? mine : Math.Min(mine, ticket);
}
