using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Qanat.Cli.Output;

/// <summary>Where a verb writes: either one JSON object, or text and tables for a person, always on standard output.</summary>
internal sealed class CliOutput(TextWriter output, TextWriter error, bool isJson)
{
    /// <summary>How every JSON of the command line looks: camelCase names, kebab-case enums, no empty values.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <summary>True when the user asked for <c>--json</c>.</summary>
    public bool IsJson => isJson;

    /// <summary>Standard output for a person. Nothing may be written to it when <see cref="IsJson"/>.</summary>
    public IAnsiConsole Console { get; } = CreateConsole(output);

    /// <summary>Standard error: progress and errors.</summary>
    public TextWriter Error => error;

    /// <summary>Standard output as bytes, for data that is not this program's own. Nothing may be written to it when <see cref="IsJson"/>.</summary>
    public Stream OpenRaw() => ReferenceEquals(output, System.Console.Out) ? System.Console.OpenStandardOutput() : new TextWriterStream(output);

    /// <summary>Writes the result: <paramref name="value"/> as one line of JSON, or whatever <paramref name="human"/> prints.</summary>
    public void Write(object value, Action<IAnsiConsole> human)
    {
        if (isJson)
        {
            output.WriteLine(JsonSerializer.Serialize(value, Json));
        }
        else
        {
            human(Console);
        }
    }

    /// <summary>Writes why a verb failed: codes and messages on standard error, and with <c>--json</c> also as one object on standard output.</summary>
    public void WriteErrors(params IReadOnlyList<CliError> errors)
    {
        foreach (CliError one in errors)
        {
            error.WriteLine($"error {one.Code}: {one.Message}");
        }
        if (isJson)
        {
            output.WriteLine(JsonSerializer.Serialize(new { ok = false, errors }, Json));
        }
    }

    private static IAnsiConsole CreateConsole(TextWriter writer)
    {
        bool isTerminal = ReferenceEquals(writer, System.Console.Out) && !System.Console.IsOutputRedirected;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            // Columns are padded for the eye; who reads a pipe or a log wants no blanks at the end of a line.
            Out = new AnsiConsoleOutput(isTerminal ? writer : new TrimmedLines(writer)),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = InteractionSupport.No,
        });
        if (!isTerminal)
        {
            // A pipe has no width; do not fold tables that a script or a log will read.
            console.Profile.Width = 400;
        }
        return console;
    }
}

/// <summary>One thing that went wrong.</summary>
/// <param name="Code">Stable kebab-case code; see docs/operations/errors.md.</param>
/// <param name="Message">One line for a person.</param>
internal sealed record CliError(string Code, string Message);
