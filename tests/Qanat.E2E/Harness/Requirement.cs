using Qanat.Testing;

namespace Qanat.E2E.Harness;

/// <summary>What a test needs of the machine. Missing: the test is skipped with the reason, or fails where everything is required (QANAT_REQUIRE=all).</summary>
internal static class Requirement
{
    public static void Namespaces() => Needs(NetworkNamespace.IsSupported(out string reason), reason);

    public static void Program(string name) =>
        Needs((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, name))), $"{name} is not installed");

    private static void Needs(bool met, string reason)
    {
        if (met)
        {
            return;
        }
        if (Environment.GetEnvironmentVariable("QANAT_REQUIRE") == "all")
        {
            Assert.Fail("Required here: " + reason);
        }
        Assert.Skip(reason);
    }
}
