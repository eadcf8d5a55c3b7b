using System.CommandLine;
using System.Runtime.InteropServices;
using Qanat.Cli.Demo;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat demo</c>: shows on this machine, with real processes, that the system does what it says.</summary>
internal static class DemoVerb
{
    public static Command Create(QanatCommand cli)
    {
        IReadOnlyList<IDemoAct> acts = AllActs.Create();
        Option<string[]> act = new("--act") { Description = "Only this act; may be given several times.", HelpName = "NAME" };
        Option<bool> keep = new("--keep") { Description = "Keep the temporary folder with all logs and keys." };
        Command command = new("demo", "Run hubs, nodes and platforms on loopback, compute through them, kill a hub, and check everything.") { act, keep };
        cli.Handle(command, async (parsed, output, cancellationToken) =>
        {
            IReadOnlyList<IDemoAct> wanted = Choose(acts, parsed.GetValue(act) ?? []);
            using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using PosixSignalRegistration interrupt = StopOn(PosixSignal.SIGINT, stop);
            using PosixSignalRegistration terminate = StopOn(PosixSignal.SIGTERM, stop);
            DemoRunner runner = new(output, parsed.GetValue(keep));
            return await runner.RunAsync(wanted, stop.Token);
        });
        return command;
    }

    private static IReadOnlyList<IDemoAct> Choose(IReadOnlyList<IDemoAct> acts, string[] names)
    {
        string? unknown = names.FirstOrDefault(name => !acts.Any(a => a.Id == name));
        return unknown is null
            ? [.. acts.Where(a => names.Length == 0 || names.Contains(a.Id))]
            : throw new CliException("usage", $"there is no act '{unknown}'; acts: {string.Join(", ", acts.Select(a => a.Id))}", ExitCode.Usage);
    }

    private static PosixSignalRegistration StopOn(PosixSignal signal, CancellationTokenSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            // The programs that were started must be ended before this one is.
            context.Cancel = true;
            stop.Cancel();
        });
}
