using System.Text.Json.Nodes;

namespace Qanat.Cli.Demo;

/// <summary>One act of the demo: shows one property with real parts, and fails when the property does not hold.</summary>
internal interface IDemoAct
{
    /// <summary>Stable id; starts with the area, such as <c>tunnel.psi.two-hub</c>.</summary>
    string Id { get; }

    /// <summary>Rows of the requirement list that it shows.</summary>
    IReadOnlyList<string> Spec { get; }

    /// <summary>One line for a person.</summary>
    string Title { get; }

    /// <summary>Runs the act; throws, or reports a failed check, when the property does not hold.</summary>
    Task RunAsync(DemoStage stage, ActReport report, CancellationToken cancellationToken);
}

/// <summary>What an act found: named values for the JSON, and checks that decide whether it succeeded.</summary>
internal sealed class ActReport
{
    private readonly List<string> _failures = [];

    /// <summary>Named values, in the order they were found.</summary>
    public JsonObject Details { get; } = [];

    /// <summary>What did not hold.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Records a value.</summary>
    public void Note(string name, JsonNode? value) => Details[name] = value;

    /// <summary>Records a value that must be as expected.</summary>
    public void Check<T>(string name, T actual, T expected)
    {
        Details[name] = JsonValue.Create(actual);
        if (!EqualityComparer<T>.Default.Equals(actual, expected))
        {
            _failures.Add($"{name} is {actual}, expected {expected}");
        }
    }

    /// <summary>Records a condition that must hold.</summary>
    public void Require(bool holds, string what)
    {
        if (!holds)
        {
            _failures.Add(what);
        }
    }
}

/// <summary>How an act ended; one entry of the demo's JSON.</summary>
internal sealed record ActResult(string Id, IReadOnlyList<string> Spec, bool Ok, double Seconds, JsonObject Details);
