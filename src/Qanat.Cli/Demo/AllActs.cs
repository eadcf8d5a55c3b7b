using Qanat.Cli.Demo.Tunnel;

namespace Qanat.Cli.Demo;

/// <summary>Every act, in the order they are played; a new one is one class and one line here.</summary>
internal static class AllActs
{
    public static IReadOnlyList<IDemoAct> Create() =>
    [
        new PsiTwoHubAct(),
        new PsiOneHubAct(),
        new HubSeesNothingAct(),
        new HubKilledAct(),
    ];
}
