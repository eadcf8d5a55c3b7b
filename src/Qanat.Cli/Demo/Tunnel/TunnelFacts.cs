using System.Text.Json.Nodes;
using Qanat.Wire;

namespace Qanat.Cli.Demo.Tunnel;

/// <summary>One live tunnel as a node's admin API tells it.</summary>
/// <param name="SessionId">Tunnel id; stays the same for as long as the session lives.</param>
/// <param name="Since">When its TLS handshake was done.</param>
/// <param name="Cipher">Layer-2 cipher suite.</param>
/// <param name="Opened">Connections that this side has opened in it.</param>
internal sealed record TunnelFact(string SessionId, string Since, string Cipher, long Opened);

/// <summary>Reads what a node says of its tunnels.</summary>
internal static class TunnelFacts
{
    /// <summary>The one live tunnel to a peer; more or fewer than one is an error.</summary>
    public static async Task<TunnelFact> ToAsync(DemoServer node, Mid peer, CancellationToken cancellationToken)
    {
        JsonNode status = await node.Client.GetAsync("/api/v1/status", cancellationToken);
        JsonNode[] tunnels = [.. status["tunnels"]!.AsArray().Where(t => (string)t!["peerMid"]! == peer.ToString()).Select(t => t!)];
        return tunnels is [var one]
            ? new TunnelFact((string)one["sessionId"]!, (string)one["since"]!, (string)one["cipher"]!, (long)one["opened"]!)
            : throw new CliException("demo-not-ready", $"{node.Process.Name} has {tunnels.Length} tunnels to {peer}, not 1");
    }

    /// <summary>All requests of a run must have ridden on one tunnel, so on one TLS handshake.</summary>
    public static async Task CheckOneTunnelAsync(DemoServer node, Mid peer, ActReport report, CancellationToken cancellationToken)
    {
        TunnelFact fact = await ToAsync(node, peer, cancellationToken);
        report.Note("tunnels", 1);
        report.Note("sessionId", fact.SessionId);
        report.Note("cipher", fact.Cipher);
        report.Note("connectionsInTunnel", fact.Opened);
        report.Require(fact.Opened > 0, "no connection was opened in the tunnel");
    }

    /// <summary>The hub that a node is linked to now.</summary>
    public static async Task<string?> HubOfAsync(DemoServer node, CancellationToken cancellationToken) =>
        (string?)(await node.Client.GetAsync("/api/v1/status", cancellationToken))["link"]?["hubName"];
}
