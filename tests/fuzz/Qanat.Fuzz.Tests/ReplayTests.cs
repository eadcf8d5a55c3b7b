namespace Qanat.Fuzz.Tests;

/// <summary>Every fuzz target over its seeds, the inputs that once broke something, and mutations that are the same in each run.</summary>
public sealed class ReplayTests
{
    private const int Mutations = 20_000;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Keys];

    [Theory]
    [MemberData(nameof(Targets))]
    [Trait("Kind", "Property")]
    public void Invariants_hold(string target)
    {
        FuzzTarget fuzzed = FuzzTarget.All[target];
        Assert.True(Replay.Run(fuzzed, Path.Combine(AppContext.BaseDirectory, "corpus"), Mutations, seed: 20261122) >= Mutations + fuzzed.Seeds.Length);
    }

    [Fact]
    public void A_broken_invariant_is_found_and_told_with_its_input()
    {
        FuzzTarget broken = new("broken", [[1, 2, 3]], input => FuzzFinding.Require(input.Length < 4 || input[0] != 0xff, "no 0xff in front"));
        FuzzFinding finding = Assert.Throws<FuzzFinding>(() => Replay.Run(broken, null, 100_000, 1));
        Assert.Contains("no 0xff in front", finding.Message, StringComparison.Ordinal);
        Assert.Contains(": ff", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_seed_gives_the_same_inputs()
    {
        byte[][] corpus = [[1, 2, 3, 4], [5, 6]];
        Mutator first = new(corpus, 7);
        Mutator second = new(corpus, 7);
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(first.Next(), second.Next());
        }
    }
}
