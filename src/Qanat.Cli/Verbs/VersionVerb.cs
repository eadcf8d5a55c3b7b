using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat version</c>: what this is and what it runs on.</summary>
internal static class VersionVerb
{
    public static Command Create(QanatCommand cli)
    {
        Command command = new("version", "Print the version of qanat and what it runs on.");
        cli.Handle(command, (_, output, _) =>
        {
            string version = typeof(VersionVerb).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
            var about = new { version, runtime = RuntimeInformation.FrameworkDescription, system = RuntimeInformation.OSDescription, linkProtocol = 1, muxProtocol = "qanat-mux/1" };
            output.Write(about, console => console.WriteLine($"qanat {about.version} on {about.runtime}, {about.system}"));
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
