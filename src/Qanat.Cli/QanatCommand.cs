using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using Qanat.Cli.Output;
using Qanat.Cli.Verbs;
using Qanat.Configuration;
using Qanat.Tls;
using Qanat.Tunnel;

namespace Qanat.Cli;

/// <summary>The command line as a whole: parses, runs one verb, and turns what went wrong into a code and an exit code.</summary>
internal sealed class QanatCommand
{
    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly Option<bool> _json = new("--json") { Description = "Write one JSON value to standard output, and nothing else there.", Recursive = true };

    private QanatCommand(TextReader input, TextWriter output, TextWriter error) => (Input, _output, _error) = (input, output, error);

    /// <summary>Standard input.</summary>
    public TextReader Input { get; }

    /// <summary>Standard input as bytes.</summary>
    public Stream OpenInput() => ReferenceEquals(Input, Console.In) ? Console.OpenStandardInput() : new MemoryStream(Encoding.UTF8.GetBytes(Input.ReadToEnd()));

    /// <summary>True when a person types the standard input.</summary>
    public bool IsInteractive => ReferenceEquals(Input, Console.In) && !Console.IsInputRedirected;

    /// <summary>Runs one command line to its end.</summary>
    /// <returns>0 done, 1 failed or refused, 2 usage or configuration error.</returns>
    public static async Task<int> RunAsync(string[] args, TextReader input, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        QanatCommand command = new(input, output, error);
        ParseResult parsed = command.CreateRoot().Parse(args);
        CliOutput cli = command.For(parsed);
        if (parsed.Errors.Count > 0)
        {
            cli.WriteErrors([.. parsed.Errors.Select(e => e.Message).Distinct().Select(m => new CliError("usage", m))]);
            error.WriteLine($"See '{Path(parsed)} --help'.");
            return ExitCode.Usage;
        }
        try
        {
            // Servers and the demo end in order on SIGTERM and Ctrl-C by themselves, in their own time.
            InvocationConfiguration invocation = new()
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(invocation, cancellationToken);
        }
        catch (Exception e)
        {
            return Report(e, cli);
        }
    }

    /// <summary>Parses a command line and runs nothing.</summary>
    public static bool TryParse(string line, out string[] errors)
    {
        errors = [.. new QanatCommand(TextReader.Null, TextWriter.Null, TextWriter.Null).CreateRoot().Parse(line).Errors.Select(e => e.Message)];
        return errors.Length == 0;
    }

    /// <summary>Adds a verb's action; the verb gets its parsed arguments and where to write.</summary>
    public void Handle(Command command, Func<ParseResult, CliOutput, CancellationToken, Task<int>> run) =>
        command.SetAction((parsed, cancellationToken) => run(parsed, For(parsed), cancellationToken));

    private RootCommand CreateRoot()
    {
        RootCommand root = new("Qanat: compute together through hubs that see nothing.");
        root.Options.Add(_json);
        foreach (Command verb in AllVerbs.Create(this))
        {
            root.Subcommands.Add(verb);
        }
        return root;
    }

    private CliOutput For(ParseResult parsed) => new(_output, _error, parsed.GetValue(_json));

    private static int Report(Exception e, CliOutput cli)
    {
        switch (e)
        {
            case CliException known:
                cli.WriteErrors(new CliError(known.Code, known.Message));
                return known.ExitCode;
            case ConfigurationException configuration:
                cli.WriteErrors([.. configuration.Errors.Select(place => new CliError(place.Code, place.ToString()))]);
                return ExitCode.Usage;
            case OperationCanceledException:
                cli.WriteErrors(new CliError("cancelled", "stopped before it was done"));
                return ExitCode.Failed;
            case TunnelException tunnel:
                cli.WriteErrors(new CliError(tunnel.Code, tunnel.Message));
                return ExitCode.Failed;
            case SmTlsException tls:
                cli.WriteErrors(new CliError(tls.Code, tls.Message));
                return tls.Error == SmTlsError.InvalidOptions ? ExitCode.Usage : ExitCode.Failed;
            case IOException or UnauthorizedAccessException:
                cli.WriteErrors(new CliError("io", e.Message));
                return ExitCode.Failed;
            default:
                cli.WriteErrors(new CliError("internal", e.ToString()));
                return ExitCode.Failed;
        }
    }

    private static string Path(ParseResult parsed)
    {
        List<string> names = [];
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: not RootCommand } command; at = at.Parent)
        {
            names.Insert(0, command.Command.Name);
        }
        return string.Join(' ', names.Prepend("qanat"));
    }
}
