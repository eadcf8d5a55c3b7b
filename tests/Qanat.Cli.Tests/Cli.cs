namespace Qanat.Cli.Tests;

/// <summary>Runs the command line inside the test process.</summary>
internal static class Cli
{
    public static Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) => RunAsync(TestContext.Current.CancellationToken, arguments);

    public static Task<(int Code, string Output, string Error)> RunAsync(CancellationToken cancellationToken, params string[] arguments) =>
        RunAsync("", cancellationToken, arguments);

    /// <param name="input">What stands on standard input.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="arguments">The command line.</param>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string input, CancellationToken cancellationToken, params string[] arguments)
    {
        using StringReader reader = new(input);
        using StringWriter output = new(), error = new();
        int code = await QanatCommand.RunAsync(arguments, reader, output, error, cancellationToken);
        return (code, output.ToString(), error.ToString());
    }
}
