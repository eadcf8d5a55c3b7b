using System.Text.Json;

namespace Qanat.Bench.Workers;

/// <summary>One line on a worker's standard input.</summary>
public sealed record WorkerRequest(long Id, string Verb, JsonElement Arguments);

/// <summary>One line on a worker's standard output.</summary>
public sealed record WorkerReply(long Id, JsonElement Result, string? Error);

/// <summary>JSON settings shared by both ends and by the report.</summary>
public static class BenchJson
{
    public static JsonSerializerOptions Line { get; } = new(JsonSerializerDefaults.Web);

    public static JsonSerializerOptions Report { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
