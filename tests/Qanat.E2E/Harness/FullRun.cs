namespace Qanat.E2E.Harness;

/// <summary>The long versions of the tests (<c>.ci/run --full</c>).</summary>
internal static class FullRun
{
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("QANAT_FULL") == "1";
}
