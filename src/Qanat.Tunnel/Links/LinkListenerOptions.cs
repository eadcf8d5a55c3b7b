using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Qanat.Tunnel.Links;

/// <summary>What a listener speaks.</summary>
public enum LinkKind
{
    /// <summary>WebSocket links of nodes.</summary>
    WebSocket,
    /// <summary>Length-prefixed TCP links of hubs.</summary>
    Tcp,
}

/// <summary>Settings of a <see cref="LinkListener"/>.</summary>
public sealed record LinkListenerOptions
{
    /// <summary>Address and port; port 0 takes a free one.</summary>
    public required IPEndPoint EndPoint { get; init; }

    /// <summary>WebSocket or TCP.</summary>
    public LinkKind Kind { get; init; } = LinkKind.WebSocket;

    /// <summary>The role that initiators must have; another is refused (<c>wrong-role</c>).</summary>
    public LinkRole PeerRole { get; init; } = LinkRole.Node;

    /// <summary>Server certificate with private key for <c>wss</c>; plain when null. Not disposed.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Path of the WebSocket.</summary>
    public string Path { get; init; } = "/";

    /// <summary>Most connections whose handshake is not done; when reached, the oldest unproven one is dropped for a new one.</summary>
    public int MaxHandshakes { get; init; } = 4096;

    /// <summary>As <see cref="MaxHandshakes"/>, from one IP address: a new one is dropped.</summary>
    public int MaxHandshakesPerAddress { get; init; } = 1024;

    /// <summary>Length of the kernel's accept queue.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>Bounds of the accepted links.</summary>
    public LinkOptions Link { get; init; } = new();
}
