using System.CommandLine;

namespace Qanat.Cli.Verbs;

/// <summary>Every verb, one file each; a new one is one line here.</summary>
internal static class AllVerbs
{
    public static IEnumerable<Command> Create(QanatCommand cli) =>
    [
        ConfigVerb.Create(cli),
        DemoVerb.Create(cli),
        DiagnoseVerb.Create(cli),
        GmVerb.Create(cli),
        HubVerb.Create(cli),
        InitVerb.Create(cli),
        NodeVerb.Create(cli),
        StatusVerb.Create(cli),
        VersionVerb.Create(cli),
    ];
}
