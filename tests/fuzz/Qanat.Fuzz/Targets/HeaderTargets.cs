using System.Text;
using Qanat.Wire;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>Header 1, header 2, session parameters, mids.</summary>
internal static class HeaderTargets
{
    internal static FuzzTarget[] All { get; } =
    [
        new("frame-header", [Frame(FrameType.Open, 12), Frame(FrameType.Data, 100), Frame(FrameType.Resume, 9), Frame(FrameType.Reset, 0)], FrameHeaders),
        new("mux-header", [Mux(MuxFrameType.Open, 20), Mux(MuxFrameType.Data, MuxFrameHeader.MaxPayload), Mux(MuxFrameType.GoAway, 4)], MuxHeaders),
        new("session-parameters", [Parameters()], SessionParameterBytes),
        new("mid", ["aaise-m2ekv-thpce-ztkv3-zto674"u8.ToArray(), "AAISEM2EKVTHPCEZTKV3ZTO674"u8.ToArray()], MidText),
    ];

    private static void FrameHeaders(ReadOnlySpan<byte> input)
    {
        if (FrameHeader.TryRead(input, out FrameHeader header, out ReadOnlySpan<byte> payload) != ParseStatus.Complete)
        {
            return;
        }
        Require(payload.Length == input.Length - FrameHeader.Length && input.Length <= FrameHeader.MaxFrame, "the payload is what follows the header");
        byte[] again = new byte[FrameHeader.Length];
        header.Write(again);
        Require(input.StartsWith(again), "a parsed header writes back to the same bytes");
    }

    private static void MuxHeaders(ReadOnlySpan<byte> input)
    {
        ParseStatus status = MuxFrameHeader.TryRead(input, out MuxFrameHeader header);
        Require(status == ParseStatus.NeedMoreData == input.Length < MuxFrameHeader.Length, "8 bytes decide");
        if (status == ParseStatus.Complete)
        {
            byte[] again = new byte[MuxFrameHeader.Length];
            header.Write(again);
            Require(input.StartsWith(again), "a parsed header writes back to the same bytes");
            Require(header.PayloadLength is >= 0 and <= MuxFrameHeader.MaxPayload, "the length is bounded");
        }
    }

    private static void SessionParameterBytes(ReadOnlySpan<byte> input)
    {
        if (SessionParameters.TryRead(input, out SessionParameters parameters))
        {
            byte[] again = new byte[SessionParameters.Length];
            parameters.Write(again);
            Require(SessionParameters.TryRead(again, out SessionParameters second) && second == parameters, "parameters round trip");
        }
    }

    private static void MidText(ReadOnlySpan<byte> input)
    {
        if (Mid.TryParse(Encoding.Latin1.GetString(input), out Mid mid))
        {
            Require(Mid.Parse(mid.ToString()) == mid && Mid.Read(mid.ToArray()) == mid, "a mid round trips");
        }
    }

    private static byte[] Frame(FrameType type, int payload)
    {
        byte[] frame = new byte[FrameHeader.Length + payload];
        new FrameHeader(type, 0, 0, Mid.Read("source source so"u8), Mid.Read("destination dest"u8), 7, 9).Write(frame);
        return frame;
    }

    private static byte[] Mux(MuxFrameType type, int payload)
    {
        byte[] frame = new byte[MuxFrameHeader.Length + Math.Min(payload, 32)];
        new MuxFrameHeader(type, 1, payload).Write(frame);
        return frame;
    }

    private static byte[] Parameters()
    {
        byte[] bytes = new byte[SessionParameters.Length];
        new SessionParameters(1, 1, 1 << 20).Write(bytes);
        return bytes;
    }
}
