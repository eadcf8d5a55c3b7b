using System.Text;

namespace Qanat.Tls.Schedule;

/// <summary>
/// A line of an NSS key log file (draft-ietf-tls-keylogfile): <c>LABEL client_random secret</c>, in hex. It opens recorded traffic to whoever has it; write it only when the
/// user asked for a key log.
/// </summary>
public static class KeyLogLine
{
    /// <summary>Master secret of TLCP.</summary>
    public const string ClientRandom = "CLIENT_RANDOM";
    /// <summary>client_handshake_traffic_secret.</summary>
    public const string ClientHandshake = "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    /// <summary>server_handshake_traffic_secret.</summary>
    public const string ServerHandshake = "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    /// <summary>The first client_application_traffic_secret.</summary>
    public const string ClientTraffic = "CLIENT_TRAFFIC_SECRET_0";
    /// <summary>The first server_application_traffic_secret.</summary>
    public const string ServerTraffic = "SERVER_TRAFFIC_SECRET_0";
    /// <summary>exporter_master_secret.</summary>
    public const string Exporter = "EXPORTER_SECRET";

    private const int MaxLines = 100_000;

    /// <summary>Formats a line without a line end.</summary>
    public static string Format(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret) =>
        $"{label} {Convert.ToHexStringLower(clientRandom)} {Convert.ToHexStringLower(secret)}";

    /// <summary>Reads a key log; lines that are comments, broken or of other labels are kept out or kept as they are, and never an error.</summary>
    /// <param name="file">UTF-8 text.</param>
    /// <param name="clientRandom">Only lines of this connection.</param>
    /// <returns>Secret by label; the last line of a label counts.</returns>
    public static IReadOnlyDictionary<string, byte[]> Parse(ReadOnlySpan<byte> file, ReadOnlySpan<byte> clientRandom)
    {
        Dictionary<string, byte[]> secrets = new(StringComparer.Ordinal);
        string random = Convert.ToHexString(clientRandom);
        foreach (string line in Encoding.UTF8.GetString(file).Split('\n', MaxLines))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length == 3 && !parts[0].StartsWith('#') && parts[1].Equals(random, StringComparison.OrdinalIgnoreCase)
                && parts[2].Length % 2 == 0 && parts[2].All(char.IsAsciiHexDigit))
            {
                secrets[parts[0]] = Convert.FromHexString(parts[2]);
            }
        }
        return secrets;
    }
}
