namespace Qanat.Gm;

/// <summary>What kind of test one is (GB/T 37092 and GM/T 0028 section 7.10: self-tests before operation).</summary>
public enum GmSelfTestKind
{
    /// <summary>A computation whose result is published.</summary>
    KnownAnswer,

    /// <summary>A fresh key pair: what one half does, the other undoes.</summary>
    PairwiseConsistency,

    /// <summary>Statistics of the system's random numbers.</summary>
    RandomNumbers,
}

/// <summary>One test and how it went.</summary>
/// <param name="Name">What was computed, with the code path: <c>SM4-GCM, path Gfni512</c>.</param>
/// <param name="Source">Where the right answer stands: <c>RFC 8998 A.1</c>.</param>
/// <param name="Kind">What kind of test it is.</param>
/// <param name="Failure">What was wrong, without any secret; null if the test passed.</param>
public sealed record GmSelfTestCheck(string Name, string Source, GmSelfTestKind Kind, string? Failure)
{
    /// <summary>True if the result was right.</summary>
    public bool Passed => Failure is null;
}

/// <summary>Every test of one run of <see cref="GmSelfTest"/>.</summary>
/// <param name="Checks">The tests in the order in which they ran.</param>
public sealed record GmSelfTestResult(IReadOnlyList<GmSelfTestCheck> Checks)
{
    /// <summary>True if every test passed. Otherwise nothing that was computed here may be trusted.</summary>
    public bool Passed => Checks.All(check => check.Passed);

    /// <summary>The tests that failed.</summary>
    public IEnumerable<GmSelfTestCheck> Failures => Checks.Where(check => !check.Passed);

    /// <summary>One line for a log.</summary>
    public override string ToString() => Passed
        ? $"{Checks.Count} self-tests passed"
        : $"{Failures.Count()} of {Checks.Count} self-tests failed: {string.Join("; ", Failures.Select(check => $"{check.Name} ({check.Source}): {check.Failure}"))}";
}
