using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Qanat.Cli.Output;

/// <summary>Tables for a person from what the admin API tells in JSON.</summary>
internal static class JsonTables
{
    /// <summary>A table of an array of objects, one column for each named property; nothing but a line when it is empty.</summary>
    public static Table Of(JsonNode? rows, params string[] columns)
    {
        Table table = new Table().Border(TableBorder.Minimal);
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn($"[bold]{Markup.Escape(Words(column))}[/]"));
        }
        foreach (JsonNode? row in rows as JsonArray ?? [])
        {
            table.AddRow(columns.Select(column => new Text(Show(column, row?[column]))));
        }
        return table;
    }

    /// <summary>Name and value, one a line.</summary>
    public static Grid Properties(JsonNode? value, params string[] names)
    {
        Grid grid = new Grid().AddColumn().AddColumn();
        foreach (string name in names.Where(n => value?[n] is not null))
        {
            grid.AddRow(new Text(Words(name), new Style(Color.Grey)), new Text(Show(name, value![name])));
        }
        return grid;
    }

    private static string Show(string name, JsonNode? value) => value switch
    {
        null => "-",
        JsonArray list => string.Join(", ", list.Select(v => v?.ToString())),
        JsonObject map => string.Join(", ", map.Where(p => p.Value is not null).Select(p => $"{Words(p.Key)} {p.Value}")),
        _ when value.GetValueKind() == JsonValueKind.True => "yes",
        _ when value.GetValueKind() == JsonValueKind.False => "no",
        _ when name.StartsWith("bytes", StringComparison.OrdinalIgnoreCase) && value.GetValueKind() == JsonValueKind.Number => Bytes((double)value),
        // A round trip of nothing was not measured yet.
        _ when name.EndsWith("Milliseconds", StringComparison.Ordinal) && (double)value == 0 => "-",
        _ when name.EndsWith("Milliseconds", StringComparison.Ordinal) => ((double)value).ToString("0.00", CultureInfo.InvariantCulture),
        _ when name.EndsWith("Seconds", StringComparison.Ordinal) => ((double)value).ToString("0", CultureInfo.InvariantCulture),
        _ when name.EndsWith("At", StringComparison.Ordinal) && DateTimeOffset.TryParse(value.ToString(), CultureInfo.InvariantCulture, out DateTimeOffset at) =>
            at.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++)
        {
            bytes /= 1024;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{bytes:0.#} {units[unit]}");
    }

    // bytesPerSecond: bytes per second
    private static string Words(string camelCase)
    {
        StringBuilder text = new();
        foreach (char c in camelCase)
        {
            text.Append(char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : c);
        }
        return text.ToString();
    }
}
