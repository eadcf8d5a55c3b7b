using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qanat.Hub.Admin;

internal sealed record StatusModel(
    string Name, string Mid, string Version, bool Ready, bool Draining, IReadOnlyList<string> NodeAddresses, IReadOnlyList<string> HubAddresses,
    int Members, int MembersLinked, int Hubs, int HubsLinked, int Routes, long FramesRelayed, long BytesRelayed, IReadOnlyDictionary<string, long> FramesDropped, double UptimeSeconds);

internal sealed record ParticipantModel(
    string Name, string Mid, string Status, DateTimeOffset EnrolledAt, string EnrolledBy, DateTimeOffset? RevokedAt, string HomeHub, bool Linked, string? LinkedAt,
    QuotaModel Quotas, QuotaModel QuotasInForce, long BytesFrom, long BytesTo, int Sessions);

internal sealed record QuotaModel(long? BytesPerSecond, int? Sessions, int? OpensPerSecond, long? QueueBytes);

internal sealed record TokenModel(string Id, string? Name, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, string Status, string? SpentBy);

internal sealed record NewTokenModel(string Id, string Token, string? Name, DateTimeOffset ExpiresAt);

internal sealed record CreateTokenModel(string? Name, double? Hours);

internal sealed record HubModel(string Name, string Mid, bool Configured, bool Linked, IReadOnlyList<string> NodeAddresses, IReadOnlyList<string> HubAddresses, DateTimeOffset? RecordTime);

internal sealed record LinkModel(
    string Role, string Mid, string Name, double RoundTripMilliseconds, long QueuedBytes, long FramesOut, long BytesOut, long FramesDropped, string? HomeHub, bool? InitiatedHere);

internal sealed record HealthModel(string Status);

/// <summary>JSON of the admin API: camel-case, nothing reflected.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(StatusModel))]
[JsonSerializable(typeof(ParticipantModel[]))]
[JsonSerializable(typeof(TokenModel[]))]
[JsonSerializable(typeof(NewTokenModel))]
[JsonSerializable(typeof(CreateTokenModel))]
[JsonSerializable(typeof(QuotaModel))]
[JsonSerializable(typeof(HubModel[]))]
[JsonSerializable(typeof(LinkModel[]))]
[JsonSerializable(typeof(HealthModel))]
internal sealed partial class AdminJson : JsonSerializerContext;
