using Qanat.Wire;

namespace Qanat.Testing;

/// <summary>
/// Decides the fate of each frame of one direction of an in-memory link. Call <paramref name="deliver"/> never (drop), once, twice (double),
/// with changed bytes (flip), or later and in another order (delay, swap): the frame array belongs to the fault.
/// </summary>
/// <param name="fromLeft">True for frames that the left end sends.</param>
/// <param name="frame">Header 1 and payload.</param>
/// <param name="deliver">Hands a frame to the receiving end; may be called from any thread.</param>
public delegate void FrameFault(bool fromLeft, byte[] frame, Action<byte[]> deliver);

/// <summary>Ready-made faults.</summary>
public static class FrameFaults
{
    /// <summary>Applies <paramref name="fault"/> to frames that <paramref name="chosen"/> picks; others pass.</summary>
    public static FrameFault When(Func<bool, FrameHeader, bool> chosen, FrameFault fault) => (fromLeft, frame, deliver) =>
    {
        if (FrameHeader.TryRead(frame, out FrameHeader header, out _) == ParseStatus.Complete && chosen(fromLeft, header))
        {
            fault(fromLeft, frame, deliver);
        }
        else
        {
            deliver(frame);
        }
    };

    /// <summary>Loses the frame.</summary>
    public static FrameFault Drop { get; } = static (_, _, _) => { };

    /// <summary>Delivers the frame twice.</summary>
    public static FrameFault Duplicate { get; } = static (_, frame, deliver) =>
    {
        deliver([.. frame]);
        deliver(frame);
    };

    /// <summary>Flips the lowest bit of the byte at <paramref name="position"/>, counted from the end.</summary>
    public static FrameFault FlipFromEnd(int position) => (fromLeft, frame, deliver) =>
    {
        frame[^(1 + Math.Min(position, frame.Length - 1))] ^= 1;
        deliver(frame);
    };

    /// <summary>Holds a frame back until the next one of the same direction has gone ahead.</summary>
    public static FrameFault Swap()
    {
        byte[]?[] held = new byte[2][];
        return (fromLeft, frame, deliver) =>
        {
            byte[]? before;
            lock (held)
            {
                ref byte[]? slot = ref held[fromLeft ? 0 : 1];
                before = slot;
                slot = before is null ? frame : null;
            }
            if (before is not null)
            {
                deliver(frame);
                deliver(before);
            }
        };
    }

    /// <summary>Delivers each frame later, by a timer of <paramref name="time"/>; order is kept for equal delays.</summary>
    public static FrameFault Delay(TimeSpan delay, TimeProvider time) => (fromLeft, frame, deliver) =>
        _ = DeliverLaterAsync(frame, deliver, Task.Delay(delay, time));

    private static async Task DeliverLaterAsync(byte[] frame, Action<byte[]> deliver, Task delay)
    {
        await delay;
        deliver(frame);
    }
}
