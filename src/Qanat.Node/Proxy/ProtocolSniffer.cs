using System.Buffers;
using System.IO.Pipelines;

namespace Qanat.Node.Proxy;

/// <summary>What the first bytes of a connection are.</summary>
internal enum SniffedProtocol
{
    NeedMoreData,
    Ended,
    Socks5,
    Connect,
    Http2,
    Tls,
    Http1,
}

/// <summary>Tells protocols apart by their first bytes, which stay unconsumed.</summary>
internal static class ProtocolSniffer
{
    private static ReadOnlySpan<byte> Connect => "CONNECT "u8;

    // RFC 9113 section 3.4; the first line is enough, HTTP/2 checks the rest.
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n"u8;

    /// <summary>Waits until the protocol is known. The bytes are still to be read.</summary>
    public static async ValueTask<SniffedProtocol> SniffAsync(PipeReader input)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            SniffedProtocol protocol = Sniff(result.Buffer);
            if (protocol == SniffedProtocol.NeedMoreData && result.IsCompleted)
            {
                protocol = result.Buffer.IsEmpty ? SniffedProtocol.Ended : SniffedProtocol.Http1;
            }
            if (protocol != SniffedProtocol.NeedMoreData)
            {
                input.AdvanceTo(result.Buffer.Start);
                return protocol;
            }
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>Decides by as few bytes as possible.</summary>
    public static SniffedProtocol Sniff(in ReadOnlySequence<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return SniffedProtocol.NeedMoreData;
        }
        Span<byte> start = stackalloc byte[16];
        int length = (int)Math.Min(start.Length, buffer.Length);
        start = start[..length];
        buffer.Slice(0, length).CopyTo(start);
        return start[0] switch
        {
            0x05 => SniffedProtocol.Socks5,
            0x16 => SniffedProtocol.Tls,
            (byte)'C' => Match(start, Connect, SniffedProtocol.Connect),
            (byte)'P' => Match(start, Preface, SniffedProtocol.Http2),
            _ => SniffedProtocol.Http1,
        };
    }

    private static SniffedProtocol Match(ReadOnlySpan<byte> start, ReadOnlySpan<byte> pattern, SniffedProtocol protocol)
    {
        int common = Math.Min(start.Length, pattern.Length);
        return !start[..common].SequenceEqual(pattern[..common]) ? SniffedProtocol.Http1
            : start.Length >= pattern.Length ? protocol
            : SniffedProtocol.NeedMoreData;
    }
}
