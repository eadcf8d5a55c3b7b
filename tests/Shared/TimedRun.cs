namespace Qanat.Tests;

/// <summary>
/// Bounds on how long something takes hold on a quiet machine only. The tests always measure and print; they hold the measured value against its bound when
/// QANAT_TIMED=1 says that nothing else runs here (<c>.ci/run --timed</c>). Nothing else in a test may depend on how fast the machine is.
/// </summary>
internal static class TimedRun
{
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("QANAT_TIMED") == "1";
}
