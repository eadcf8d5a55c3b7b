using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Tunnel.Access;
using static Qanat.Tunnel.Tests.Access.FakeDirectory;

namespace Qanat.Tunnel.Tests.Access;

public sealed class AllowListTests
{
    private readonly FakeDirectory _directory = new() { Members = { ["bob"] = MidOf(1), ["carol.hub-c"] = MidOf(2) } };
    private readonly PeerPins _pins;

    public AllowListTests() => _pins = new PeerPins(_directory, file: null, TimeProvider.System, NullLogger.Instance);

    [Fact]
    public async Task Names_are_looked_up_once_and_then_decide_by_mid()
    {
        AllowList list = new(["Bob", "carol.hub-c"], _pins);
        Assert.Equal(["bob", "carol.hub-c"], list.Names);
        Assert.Equal(AccessDecision.Undecided, list.Check(MidOf(1)));
        Assert.True(await list.AllowsAsync(MidOf(1)));
        Assert.Equal((AccessDecision.Allowed, AccessDecision.Denied), (list.Check(MidOf(2)), list.Check(MidOf(3))));
        Assert.False(await list.AllowsAsync(MidOf(3)));
        Assert.Equal(2, _directory.Questions);
        // The hub gives the name to somebody else.
        _directory.Members["bob"] = MidOf(3);
        Assert.False(await list.AllowsAsync(MidOf(3)));
        Assert.True(await list.AllowsAsync(MidOf(1)));
    }

    [Fact]
    public async Task A_crowd_of_callers_asks_one_question_and_nobody_is_let_in_before_the_answer()
    {
        var answer = new TaskCompletionSource();
        _directory.Answering = answer.Task;
        AllowList list = new(["bob"], _pins);
        Task<bool>[] callers = [.. Enumerable.Range(0, 50).Select(i => list.AllowsAsync(MidOf((byte)(1 + (i % 2)))).AsTask())];
        Assert.DoesNotContain(callers, c => c.IsCompleted);
        answer.SetResult();
        bool[] allowed = await Task.WhenAll(callers);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => i % 2 == 0), allowed);
        Assert.Equal(1, _directory.Questions);
    }

    [Fact]
    public async Task An_empty_list_and_a_name_that_nobody_knows_admit_nobody()
    {
        Assert.Equal(AccessDecision.Denied, new AllowList([], _pins).Check(MidOf(1)));
        Assert.False(await new AllowList(["nobody"], _pins).AllowsAsync(MidOf(1)));
    }

    [Fact]
    public void A_mid_or_everyone_needs_no_directory()
    {
        AllowList mid = new([MidOf(1).ToString()], _pins);
        Assert.Equal((AccessDecision.Allowed, AccessDecision.Denied), (mid.Check(MidOf(1)), mid.Check(MidOf(2))));
        Assert.Equal(AccessDecision.Allowed, new AllowList(["*"], _pins).Check(MidOf(2)));
        Assert.Equal(0, _directory.Questions);
    }

    [Theory]
    [InlineData("*", true)]
    [InlineData("hospital_a-1.hub-b", true)]
    [InlineData("HOSPITAL-A", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("a..b", false)]
    [InlineData("two words", false)]
    [InlineData("**", false)]
    [InlineData("hôpital", false)]
    public void Entries_are_names_mids_or_everyone(string entry, bool right)
    {
        Assert.Equal(right, AllowList.IsEntry(entry));
        if (!right)
        {
            Assert.Throws<ArgumentException>(() => new AllowList([entry], _pins));
        }
        Assert.False(AllowList.IsEntry(new string('a', 128)));
    }
}
