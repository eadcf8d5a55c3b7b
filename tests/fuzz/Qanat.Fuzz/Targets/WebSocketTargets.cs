using Qanat.Wire;
using Qanat.Wire.WebSockets;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>WebSocket frame headers, and messages put together from frames that come in pieces.</summary>
internal static class WebSocketTargets
{
    private const int MaxMessage = 4096;

    internal static FuzzTarget[] All { get; } =
    [
        new("websocket-frame", [Frame(WebSocketOpcode.Binary, true, 5), Frame(WebSocketOpcode.Binary, true, 200), Frame(WebSocketOpcode.Ping, true, 4)], Frames),
        new("websocket-messages",
            [
                [.. Frame(WebSocketOpcode.Binary, true, 5), .. Frame(WebSocketOpcode.Ping, true, 3), .. Frame(WebSocketOpcode.Close, true, 0)],
                [.. Frame(WebSocketOpcode.Binary, false, 9), .. Frame(WebSocketOpcode.Pong, true, 0), .. Frame(WebSocketOpcode.Continuation, false, 0), .. Frame(WebSocketOpcode.Continuation, true, 7)],
                [.. Frame(WebSocketOpcode.Binary, true, 300), .. Frame(WebSocketOpcode.Binary, true, 0)],
            ],
            Messages),
    ];

    private static void Frames(ReadOnlySpan<byte> input)
    {
        foreach (WebSocketRole role in Enum.GetValues<WebSocketRole>())
        {
            ParseStatus status = WebSocketFrameHeader.TryRead(input, role, MaxMessage, out WebSocketFrameHeader header, out WebSocketCloseCode error);
            Require(status != ParseStatus.NeedMoreData || input.Length < WebSocketFrameHeader.MaxLength, "14 bytes decide");
            Require(status != ParseStatus.Malformed || error is WebSocketCloseCode.ProtocolError or WebSocketCloseCode.MessageTooBig, "a fault has its close code");
            if (status == ParseStatus.Complete)
            {
                byte[] again = new byte[WebSocketFrameHeader.MaxLength];
                int length = header.Write(again);
                Require(length == header.Length && input.StartsWith(again.AsSpan(0, length)), "a parsed header writes back to the same bytes");
                Require(header.PayloadLength is >= 0 and <= MaxMessage && header.IsMasked == (role == WebSocketRole.Server), "the length is bounded, the mask is right");
            }
        }
    }

    /// <summary>The first byte says how the rest is cut into reads; the outcome must not depend on it.</summary>
    private static void Messages(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }
        int step = 1 + (input[0] % 64);
        string whole = Read(input, input.Length);
        string cut = Read(input, step);
        Require(whole == cut, $"reads of {step} bytes tell '{cut}', one read tells '{whole}'");
    }

    private static string Read(ReadOnlySpan<byte> input, int step)
    {
        using WebSocketMessageReader reader = new(WebSocketRole.Server, MaxMessage);
        byte[] buffer = input.ToArray();
        List<string> outcome = [];
        int start = 0;
        int end = 0;
        while (true)
        {
            WebSocketReadResult result = reader.TryRead(buffer.AsSpan(start, end - start), out int consumed, out Span<byte> payload);
            Require(consumed >= 0 && consumed <= end - start, "no more is consumed than was there");
            start += consumed;
            switch (result)
            {
                case WebSocketReadResult.NeedMoreData when end == buffer.Length:
                    return string.Join(' ', outcome);
                case WebSocketReadResult.NeedMoreData:
                    Require(consumed == 0 && reader.NeededBytes > 0 && reader.NeededBytes <= MaxMessage + WebSocketFrameHeader.MaxLength, "what is needed is bounded");
                    end = Math.Min(buffer.Length, end + step);
                    break;
                case WebSocketReadResult.Malformed:
                case WebSocketReadResult.Close:
                    return string.Join(' ', [.. outcome, $"{result}:{reader.CloseCode}"]);
                default:
                    Require(payload.Length <= MaxMessage, "a message is bounded");
                    outcome.Add(result == WebSocketReadResult.Fragment ? "Fragment" : $"{result}:{Convert.ToHexString(payload)}");
                    break;
            }
        }
    }

    private static byte[] Frame(WebSocketOpcode opcode, bool isFinal, int payload)
    {
        byte[] frame = new byte[WebSocketFrameHeader.LengthFor(payload, true) + payload];
        new WebSocketFrameHeader(isFinal, opcode, true, 0x01020304, payload).Write(frame);
        return frame;
    }
}
