using System.Text.Json;
using System.Text.Json.Serialization;

namespace Psi.Protocol;

/// <summary>Opens a run: how many ids the client has, and how many go into one request.</summary>
internal sealed record SessionRequest(int Ids, int Batch);

/// <summary>The server's answer: its own number of ids and the public key of its sums.</summary>
internal sealed record SessionReply(string Session, int Ids, byte[] PublicKey);

/// <summary>First line on a server's standard output.</summary>
internal sealed record Listening(string Url, int Ids, int ProcessId);

/// <summary>One line on a client's standard error with <c>--progress</c>.</summary>
internal sealed record Progress(double Done, long Requests);

/// <summary>What a client found, and what it took.</summary>
internal sealed record RunResult(
    bool Ok,
    int Size,
    long Sum,
    int Ids,
    int ServerIds,
    int Batch,
    long BytesSent,
    long BytesReceived,
    long Requests,
    long FailedRequests,
    long Retries,
    double Seconds,
    double CpuSeconds,
    string? Error);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SessionRequest))]
[JsonSerializable(typeof(SessionReply))]
[JsonSerializable(typeof(Listening))]
[JsonSerializable(typeof(Progress))]
[JsonSerializable(typeof(RunResult))]
[JsonSerializable(typeof(Data.Truth))]
internal sealed partial class PsiJson : JsonSerializerContext;
