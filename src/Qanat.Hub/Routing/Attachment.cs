using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>
/// A member's own signed statement that it is linked to a hub: what keeps a hub from claiming members of others.
/// The signature covers <c>"qanat-attach/1" ‖ 0x00 ‖ member ‖ hub ‖ time</c>. Immutable; arrays are never written after construction.
/// </summary>
/// <param name="Member">The member.</param>
/// <param name="Hub">The hub it is linked to.</param>
/// <param name="Name">Directory name <c>participant.hub</c>.</param>
/// <param name="SubjectPublicKeyInfo">The member's key (DER); its hash is the mid.</param>
/// <param name="TimeUnixMilliseconds">When it attached, by the member's clock; the newest wins.</param>
/// <param name="Signature">ECDSA P-256, IEEE P1363.</param>
internal sealed record Attachment(Mid Member, Mid Hub, string Name, byte[] SubjectPublicKeyInfo, long TimeUnixMilliseconds, byte[] Signature);
