using System.Text;

namespace Qanat.Bench.Load;

/// <summary>HTTP CONNECT on a fresh connection (RFC 9110 section 9.3.6).</summary>
public static class HttpConnect
{
    /// <summary>Asks the proxy for a tunnel to <paramref name="authority"/>; does nothing when that is null.</summary>
    public static void Open(Stream stream, string? authority)
    {
        if (authority is null)
        {
            return;
        }
        stream.Write(Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"));
        StringBuilder head = new();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            int next = stream.ReadByte();
            if (next < 0 || head.Length > 8192)
            {
                throw new IOException($"CONNECT {authority}: no answer: {head}");
            }
            head.Append((char)next);
        }
        if (!head.ToString().Split(' ', 3).ElementAtOrDefault(1)?.StartsWith('2') ?? true)
        {
            throw new IOException($"CONNECT {authority}: {head.ToString().Split('\r')[0]}");
        }
    }
}
