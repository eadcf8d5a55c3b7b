using Qanat.Hub.Quotas;
using Qanat.Wire;

namespace Qanat.Hub.Membership;

/// <summary>A member enrolled at this hub. Immutable.</summary>
/// <param name="Mid">Its mid.</param>
/// <param name="Name">Name within this hub, lower-case; the full name is <c>Name.hub</c>.</param>
/// <param name="SubjectPublicKeyInfo">Its key (DER).</param>
/// <param name="EnrolledAt">When.</param>
/// <param name="EnrolledBy">How: <c>token:ID</c> or <c>ca:SUBJECT</c>.</param>
/// <param name="RevokedAt">When its membership was revoked; null while it is a member.</param>
/// <param name="Quotas">Its own quotas.</param>
/// <param name="BytesFrom">Bytes read from it, as last saved.</param>
/// <param name="BytesTo">Bytes sent to it, as last saved.</param>
internal sealed record Participant(
    Mid Mid, string Name, byte[] SubjectPublicKeyInfo, DateTimeOffset EnrolledAt, string EnrolledBy,
    DateTimeOffset? RevokedAt, QuotaOverrides Quotas, long BytesFrom, long BytesTo)
{
    /// <summary>False once revoked.</summary>
    public bool Active => RevokedAt is null;
}

/// <summary>A one-time enrolment token. The secret is kept only until it is spent or has expired.</summary>
/// <param name="Id">Public part.</param>
/// <param name="Secret">HMAC key; null once spent.</param>
/// <param name="Name">Participant name it is reserved for; null lets the node choose.</param>
/// <param name="CreatedAt">When made.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="SpentBy">The mid that enrolled with it.</param>
internal sealed record IssuedToken(string Id, byte[]? Secret, string? Name, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, Mid? SpentBy);

/// <summary>A mid revoked by its home hub.</summary>
/// <param name="Mid">The mid.</param>
/// <param name="Hub">Its home hub, which signed the statement.</param>
/// <param name="At">When.</param>
internal sealed record Revocation(Mid Mid, Mid Hub, DateTimeOffset At);
