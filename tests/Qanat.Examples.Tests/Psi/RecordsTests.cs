using System.Globalization;
using Psi.Data;

namespace Qanat.Examples.Tests.Psi;

public sealed class RecordsTests
{
    [Theory]
    [InlineData("id,value\na,1\na,2\n", "line 3, has the id 'a' a second time")]
    [InlineData("a,1\nb\n", "line 2, is not 'id,value'")]
    [InlineData("a,1\n,2\n", "line 2, has no id")]
    [InlineData("a,1\nb,x\n", "line 2, has no whole number")]
    [InlineData("a,-1\n", "line 1, has no whole number")]
    [InlineData("a,2147483648\n", "line 1, has no whole number")]
    [InlineData("id,value\n", "has no ids")]
    [InlineData("", "has no ids")]
    public void Wrong_input_is_refused_by_line(string text, string expected)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => Records.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(10, 11)]
    [InlineData(10, -1)]
    public void Impossible_generated_data_is_refused(int count, int overlap) =>
        Assert.Throws<InvalidDataException>(() => Records.Generate(Party.A, count, overlap, 1));

    [Theory]
    [InlineData(500, 0)]
    [InlineData(500, 123)]
    [InlineData(500, 500)]
    public void Generated_tables_share_exactly_the_overlap(int count, int overlap)
    {
        Records a = Records.Generate(Party.A, count, overlap, 42);
        Records b = Records.Generate(Party.B, count, overlap, 42);
        Assert.Equal(count, a.Ids.Distinct().Count());
        Assert.Equal(count, b.Ids.Distinct().Count());
        Assert.Equal(overlap, a.Ids.Intersect(b.Ids).Count());
        Assert.Equal(overlap, Truth.Of(a, b).Size);
        Assert.Equal(a.Ids, Records.Generate(Party.A, count, overlap, 42).Ids);
        Assert.Empty(a.Ids.Intersect(Records.Generate(Party.A, count, overlap, 43).Ids));
    }

    [Fact]
    public void Truth_adds_each_side_up_over_the_ids_in_both()
    {
        Records a = new(["x", "y", "z"], [1, 2, 4]);
        Records b = new(["z", "w", "x"], [8, 16, 32]);
        Assert.Equal(new Truth(3, 3, 2, 5, 40), Truth.Of(a, b));
    }

    [Fact]
    public void Shipped_tables_are_the_public_table_dealt_by_the_rule()
    {
        string[][] rows = [.. File.ReadLines(Shipped("us-births-1969-1988.csv")).Skip(1).Select(line => line.Split(','))];
        (string Id, long Births)[] table = [.. rows.Select(r => (Day(r), long.Parse(r[4], CultureInfo.InvariantCulture)))];
        foreach (Party party in Enum.GetValues<Party>())
        {
            Records shipped = Records.Load(Shipped(party == Party.A ? "births-a.csv" : "births-b.csv"));
            (string Id, long Births)[] due = [.. table.Where(row => Records.Holds(party, row.Id))];
            Assert.Equal(due.Select(row => row.Id), shipped.Ids);
            Assert.Equal(due.Select(row => row.Births), shipped.Values);
        }
    }

    internal static string Shipped(string name) => Path.Combine(AppContext.BaseDirectory, "data", name);

    private static string Day(string[] row) =>
        new DateOnly(int.Parse(row[0], CultureInfo.InvariantCulture), int.Parse(row[1], CultureInfo.InvariantCulture), int.Parse(row[2], CultureInfo.InvariantCulture))
            .ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
