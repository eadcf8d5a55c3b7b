namespace Qanat.Cli.Demo.Tunnel;

/// <summary>Hospital A's platform asks hospital B's, through both hubs.</summary>
internal sealed class PsiTwoHubAct : IDemoAct
{
    public string Id => "tunnel.psi.two-hub";

    public IReadOnlyList<string> Spec => ["T1", "T2", "T5", "T6", "T7"];

    public string Title => "two hospitals count what they share: node A, hub A, hub B, node B";

    public async Task RunAsync(DemoStage stage, ActReport report, CancellationToken cancellationToken)
    {
        TunnelNetwork network = await stage.SceneAsync(s => TunnelNetwork.StartAsync(s, cancellationToken));
        JsonRun run = await network.AskTwoHubAsync("ask-two-hub", ["--connection-close"], null, cancellationToken);
        run.AddTo(report);
        await TunnelFacts.CheckOneTunnelAsync(network.NodeA, network.NodeB.Mid, report, cancellationToken);
    }
}

/// <summary>Hospital C's platform asks hospital A's; both are members of hub A.</summary>
internal sealed class PsiOneHubAct : IDemoAct
{
    public string Id => "tunnel.psi.one-hub";

    public IReadOnlyList<string> Spec => ["T1", "T3", "T5", "T6", "T7"];

    public string Title => "the same with both nodes on one hub, the other way round: node C, hub A, node A";

    public async Task RunAsync(DemoStage stage, ActReport report, CancellationToken cancellationToken)
    {
        TunnelNetwork network = await stage.SceneAsync(s => TunnelNetwork.StartAsync(s, cancellationToken));
        JsonRun run = await network.AskOneHubAsync("ask-one-hub", ["--connection-close"], cancellationToken);
        run.AddTo(report);
        await TunnelFacts.CheckOneTunnelAsync(network.NodeC, network.NodeA.Mid, report, cancellationToken);
    }
}
