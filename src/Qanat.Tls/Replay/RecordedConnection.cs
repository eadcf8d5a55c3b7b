using System.Globalization;
using System.Text.Json;

namespace Qanat.Tls.Replay;

/// <summary>Bytes of one direction in order of arrival, or the end of a direction.</summary>
/// <param name="IsServer">From the server.</param>
/// <param name="Offset">Into that direction's bytes.</param>
/// <param name="Length">Bytes; 0 at the end of the direction.</param>
/// <param name="IsEnd">FIN or RST.</param>
public readonly record struct RecordedSegment(bool IsServer, int Offset, int Length, bool IsEnd);

/// <summary>A recorded connection: the bytes of both directions, their order, and whatever secrets are known. Immutable.</summary>
public sealed class RecordedConnection
{
    private const int MaxFileLength = 64 << 20;

    /// <summary>Bytes from the client (<c>c2s.bin</c>).</summary>
    public required byte[] ClientBytes { get; init; }

    /// <summary>Bytes from the server (<c>s2c.bin</c>).</summary>
    public required byte[] ServerBytes { get; init; }

    /// <summary>Order of arrival (<c>segments.json</c>).</summary>
    public required IReadOnlyList<RecordedSegment> Segments { get; init; }

    /// <summary>A key log file (<c>keylog.txt</c>); empty when there is none.</summary>
    public byte[] KeyLog { get; init; } = [];

    /// <summary>TLCP: the pre-master secret, when known.</summary>
    public byte[]? PreMasterSecret { get; init; }

    /// <summary>Ephemeral private keys of the client, when known.</summary>
    public IReadOnlyList<byte[]> ClientEphemeralKeys { get; init; } = [];

    /// <summary>Ephemeral private keys of the server, when known.</summary>
    public IReadOnlyList<byte[]> ServerEphemeralKeys { get; init; } = [];

    /// <summary>TLS 1.3: pre-shared keys that the client may have offered, when known.</summary>
    public IReadOnlyList<byte[]> PreSharedKeys { get; init; } = [];

    /// <summary>When it was recorded (<c>recorded_at</c> in <c>meta.json</c>), when known: the time at which certificates are judged.</summary>
    public DateTimeOffset? RecordedAt { get; init; }

    /// <summary>
    /// Loads a recorded folder: <c>c2s.bin</c>, <c>s2c.bin</c> and <c>segments.json</c> must be there; <c>keylog.txt</c>, <c>secrets.json</c> and <c>meta.json</c> may.
    /// </summary>
    /// <param name="readFile">Gives the content of a file of the folder, or null when it does not exist.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>: a file is missing or not as it should be; the message names it.</exception>
    public static RecordedConnection Load(Func<string, byte[]?> readFile)
    {
        ArgumentNullException.ThrowIfNull(readFile);
        using JsonDocument secrets = Json(readFile, "secrets.json") ?? JsonDocument.Parse("{}");
        using JsonDocument meta = Json(readFile, "meta.json") ?? JsonDocument.Parse("{}");
        using JsonDocument segments = Json(readFile, "segments.json") ?? throw Invalid("segments.json", "is missing; it gives the order of arrival");
        byte[] client = Required(readFile, "c2s.bin");
        byte[] server = Required(readFile, "s2c.bin");
        return new RecordedConnection
        {
            ClientBytes = client,
            ServerBytes = server,
            Segments = ReadSegments(segments.RootElement, client.Length, server.Length),
            KeyLog = readFile("keylog.txt") ?? [],
            PreMasterSecret = ReadHex(secrets.RootElement, "pre_master_secret").FirstOrDefault(),
            ClientEphemeralKeys = ReadHex(secrets.RootElement, "client_ephemeral_private_keys"),
            ServerEphemeralKeys = ReadHex(secrets.RootElement, "server_ephemeral_private_keys"),
            PreSharedKeys = ReadHex(secrets.RootElement, "resumption_psks_from_the_first_connection"),
            RecordedAt = ReadTime(meta.RootElement),
        };
    }

    private static List<RecordedSegment> ReadSegments(JsonElement root, int clientLength, int serverLength)
    {
        if (root.ValueKind != JsonValueKind.Array)
        {
            throw Invalid("segments.json", "is not an array");
        }
        List<RecordedSegment> segments = [];
        Span<int> read = [0, 0];
        foreach (JsonElement segment in root.EnumerateArray())
        {
            string? direction = segment.ValueKind == JsonValueKind.Object && segment.TryGetProperty("dir", out JsonElement dir) && dir.ValueKind == JsonValueKind.String ? dir.GetString() : null;
            if (direction is not ("c2s" or "s2c"))
            {
                throw Invalid("segments.json", $"entry {segments.Count}: dir is not c2s or s2c");
            }
            bool isServer = direction == "s2c";
            if (segment.TryGetProperty("event", out _))
            {
                segments.Add(new RecordedSegment(isServer, 0, 0, IsEnd: true));
                continue;
            }
            int available = isServer ? serverLength : clientLength;
            ref int at = ref read[isServer ? 1 : 0];
            if (!TryNumber(segment, "offset", out int offset) || !TryNumber(segment, "len", out int length) || offset != at || length < 0 || length > available - offset)
            {
                throw Invalid("segments.json", $"entry {segments.Count}: offset and len do not continue {direction}.bin");
            }
            at += length;
            segments.Add(new RecordedSegment(isServer, offset, length, IsEnd: false));
        }
        return read[0] == clientLength && read[1] == serverLength ? segments : throw Invalid("segments.json", "does not cover c2s.bin and s2c.bin to their ends");
    }

    private static bool TryNumber(JsonElement element, string name, out int value)
    {
        value = 0;
        return element.TryGetProperty(name, out JsonElement number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out value);
    }

    private static byte[][] ReadHex(JsonElement root, string name)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(name, out JsonElement value))
        {
            return [];
        }
        JsonElement[] elements = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
        try
        {
            return [.. elements.Select(element => Convert.FromHexString(element.GetString() ?? ""))];
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            throw new SmTlsException(SmTlsError.InvalidOptions, $"secrets.json: {name} is not in hex", e);
        }
    }

    private static DateTimeOffset? ReadTime(JsonElement root) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty("recorded_at", out JsonElement time) && time.ValueKind == JsonValueKind.String
        && DateTimeOffset.TryParse(time.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset value)
            ? value
            : null;

    private static JsonDocument? Json(Func<string, byte[]?> readFile, string name)
    {
        if (readFile(name) is not { } content)
        {
            return null;
        }
        try
        {
            return JsonDocument.Parse(content);
        }
        catch (JsonException e)
        {
            throw new SmTlsException(SmTlsError.InvalidOptions, $"{name}: {e.Message}", e);
        }
    }

    private static byte[] Required(Func<string, byte[]?> readFile, string name)
    {
        byte[] content = readFile(name) ?? throw Invalid(name, "is missing");
        return content.Length <= MaxFileLength ? content : throw Invalid(name, $"is longer than {MaxFileLength} bytes");
    }

    private static SmTlsException Invalid(string file, string what) => new(SmTlsError.InvalidOptions, $"{file} {what}");
}
