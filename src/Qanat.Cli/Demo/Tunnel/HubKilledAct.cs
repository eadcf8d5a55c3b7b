using System.Diagnostics;

namespace Qanat.Cli.Demo.Tunnel;

/// <summary>Hub A is killed (SIGKILL) while the set intersection runs through it, and started again. The platforms must not notice.</summary>
internal sealed class HubKilledAct : IDemoAct
{
    public string Id => "tunnel.hub-killed";

    public IReadOnlyList<string> Spec => ["T8"];

    public string Title => "hub A is killed in mid-run and started again: no request fails, the TLS session stays";

    public async Task RunAsync(DemoStage stage, ActReport report, CancellationToken cancellationToken)
    {
        TunnelNetwork network = await stage.SceneAsync(s => TunnelNetwork.StartAsync(s, cancellationToken));
        TaskCompletionSource inMidRun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<JsonRun> running = network.AskTwoHubAsync(
            "ask-hub-killed", ["--batch", "40", "--parallel", "8"], done => { if (done is >= 0.2 and < 0.8) { inMidRun.TrySetResult(); } }, cancellationToken);
        await await Task.WhenAny(running, inMidRun.Task);
        report.Require(!running.IsCompleted, "the run ended before the hub could be killed");

        TunnelFact before = await TunnelFacts.ToAsync(network.NodeA, network.NodeB.Mid, cancellationToken);
        long killed = Stopwatch.GetTimestamp();
        await network.HubA.Process.KillAsync();
        report.Require(!running.IsCompleted, "the run ended while the hub was being killed");
        network.HubA.Process.Start();
        await network.HubA.ReadyAsync(cancellationToken);
        report.Note("hubAwaySeconds", Math.Round(Stopwatch.GetElapsedTime(killed).TotalSeconds, 2));

        (await running).AddTo(report);
        TunnelFact after = await TunnelFacts.ToAsync(network.NodeA, network.NodeB.Mid, cancellationToken);
        report.Check("sessionId", after.SessionId, before.SessionId);
        report.Check("tlsUpSince", after.Since, before.Since);
        report.Note("nodeALinkedTo", await TunnelFacts.HubOfAsync(network.NodeA, cancellationToken));
    }
}
