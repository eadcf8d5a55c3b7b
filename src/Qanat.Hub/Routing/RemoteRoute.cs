using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>A member linked to another hub, by its verified attachment.</summary>
internal sealed class RemoteRoute(Attachment attachment)
{
    private HubPort? _shownOn;

    /// <summary>The proof.</summary>
    public Attachment Attachment { get; } = attachment;

    /// <summary>The hub it is linked to.</summary>
    public Mid Hub => Attachment.Hub;

    /// <summary>The hub link that showed the attachment: only its frames may carry the member as source.</summary>
    public HubPort? ShownOn { get => Volatile.Read(ref _shownOn); set => Volatile.Write(ref _shownOn, value); }
}
